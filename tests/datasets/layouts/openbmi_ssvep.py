"""OpenBMI SSVEP: as motor imagery, with four targets."""

from __future__ import annotations

from pathlib import Path

from .expected import Expected
from .openbmi import write_paradigm


def write(root: Path) -> Expected:
    labels = {1: "12", 2: "8.57", 3: "6.67", 4: "5.45"}
    return write_paradigm(root, "SSVEP", [(1, "up"), (2, "left"), (3, "right"), (4, "down")], labels, [[1, 3], [4, 2]])

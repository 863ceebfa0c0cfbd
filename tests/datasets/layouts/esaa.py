"""ESAA, described by recordings.tsv and trials.tsv: two people talk, one of them is attended to."""

from __future__ import annotations

from pathlib import Path

from .described import write_described
from .expected import Expected
from .kul import BIOSEMI64


def write(root: Path) -> Expected:
    """64 channels; the direction is a label column of the tables' author."""
    return write_described(
        root, BIOSEMI64, 250.0, [{"condition": "front"}, {"condition": "back"}], ("female", "male"), "competing_speech"
    )

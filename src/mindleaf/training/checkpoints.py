"""Checkpoints: a new directory per step, synced to disk, its COMMIT file last; a kill leaves the newest whole one."""

from __future__ import annotations

import io
import os
import shutil
from pathlib import Path
from typing import Any

import torch

from mindleaf.errors import BadInput

_COMMIT = "COMMIT"


def save(folder: Path, step: int, state: dict[str, Any], keep: int = 2) -> None:
    """Write ``state`` (tensors, numbers, strings, nested) as the checkpoint of ``step`` and drop all but the newest ``keep``."""
    target = folder / f"step_{step:08d}"
    if target.exists():
        shutil.rmtree(target)
    target.mkdir(parents=True)
    # Through memory: on a disk that fills up, torch's own writer fails with an error that does not say so.
    content = io.BytesIO()
    torch.save(state, content)
    with (target / "state.pt").open("wb") as handle:
        handle.write(content.getbuffer())
        handle.flush()
        os.fsync(handle.fileno())
    commit = target / _COMMIT
    commit.write_text(f"{step}\n")
    with commit.open() as handle:
        os.fsync(handle.fileno())
    for old in committed(folder)[:-keep]:
        shutil.rmtree(old)


def committed(folder: Path) -> list[Path]:
    """Complete checkpoints, oldest first."""
    return sorted(p for p in folder.glob("step_*") if (p / _COMMIT).exists())


def newest(folder: Path) -> dict[str, Any] | None:
    """The newest complete checkpoint that can be read, or None; an unreadable one is stepped over."""
    unreadable: list[str] = []
    for path in reversed(committed(folder)):
        try:
            return torch.load(path / "state.pt", map_location="cpu", weights_only=True)
        except (RuntimeError, OSError, EOFError, ValueError) as error:
            unreadable.append(f"{path.name} ({type(error).__name__})")
    if unreadable:
        raise BadInput(f"{folder}: no checkpoint can be read ({', '.join(unreadable)}); start again without --resume.")
    return None

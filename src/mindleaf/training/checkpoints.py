"""Checkpoints: a new directory per step under a passing name, synced, its COMMIT file last, then renamed; a kill leaves the newest whole one."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import pickle
import shutil
import warnings
from pathlib import Path
from typing import Any
from uuid import uuid4

import torch

from mindleaf.errors import BadInput

_COMMIT, _STATE = "COMMIT", "state.pt"
#: A disk or an account without room, and a file that may not grow so large.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def save(folder: Path, step: int, state: dict[str, Any], keep: int = 2) -> None:
    """Write ``state`` (tensors, numbers, strings, nested) as the checkpoint of ``step`` and drop all but the newest ``keep``.

    Those of later steps go too: a training that comes by here again had to step over them. The bytes and their sha256 stand in COMMIT. Raises BadInput with the bytes wanted where there is no room for them; the
    checkpoints that were there stay as they are.
    """
    # Through memory: the bytes are counted and hashed, and on a disk that fills up torch's own writer does not say so.
    content = io.BytesIO()
    torch.save(state, content)
    written = content.getbuffer()
    folder.mkdir(parents=True, exist_ok=True)
    _clear_unfinished(folder)
    target = folder / f"step_{step:08d}"
    unfinished = _passing_name(target)
    try:
        unfinished.mkdir()
        _write(unfinished / _STATE, written)
        _write(unfinished / _COMMIT, _commit(target, written))
        _sync(unfinished)
        if target.exists():
            _remove(target)
        os.rename(unfinished, target)
        _sync(folder)
    except OSError as error:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise _refused(error, folder, step, len(written)) from error
    until_here = [path for path in committed(folder) if path.name <= target.name]
    for other in set(committed(folder)) - set(until_here[-keep:]):
        _remove(other)


def committed(folder: Path) -> list[Path]:
    """Complete checkpoints, oldest first."""
    return sorted(p for p in folder.glob("step_*") if (p / _COMMIT).exists())


def newest(folder: Path) -> dict[str, Any] | None:
    """The newest checkpoint that is what was written, or None where there is none; damaged ones are stepped over with a warning.

    Raises BadInput where there are some and none is whole.
    """
    damaged: list[str] = []
    for path in reversed(committed(folder)):
        try:
            state = _read(path)
        except (RuntimeError, OSError, EOFError, ValueError, pickle.UnpicklingError) as error:
            damaged.append(f"{path.name} ({error if isinstance(error, _Damaged) else type(error).__name__})")
            continue
        if damaged:
            warnings.warn(f"{folder}: damaged: {', '.join(damaged)}; going on from {path.name}, which is older", stacklevel=2)
        return state
    if damaged:
        raise BadInput(f"{folder}: no checkpoint can be read ({', '.join(damaged)}); start again without --resume.")
    return None


class _Damaged(ValueError):
    """The bytes are not those that were written."""


def _read(path: Path) -> dict[str, Any]:
    content = (path / _STATE).read_bytes()
    if (path / _COMMIT).read_bytes() != _commit(path, content):
        raise _Damaged("its bytes are not those that were written")
    return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)


def _commit(checkpoint: Path, content: bytes | memoryview) -> bytes:
    """What COMMIT says of a checkpoint with this content."""
    return json.dumps(
        {"checkpoint": checkpoint.name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    ).encode()


def _write(path: Path, content: bytes | memoryview) -> None:
    with path.open("wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())


def _sync(folder: Path) -> None:
    """Names in a folder are on disk when the folder is; some systems cannot open one, and need no such thing."""
    if os.name == "nt":
        return
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _remove(checkpoint: Path) -> None:
    """Out of sight first: a kill must not leave a directory that looks complete and is not."""
    going = _passing_name(checkpoint)
    os.rename(checkpoint, going)
    shutil.rmtree(going)


def _passing_name(path: Path) -> Path:
    return path.with_name(f".{path.name}.{uuid4().hex[:8]}.part")


def _clear_unfinished(folder: Path) -> None:
    for left in folder.glob(".step_*.part"):
        shutil.rmtree(left, ignore_errors=True)


def _refused(error: OSError, folder: Path, step: int, n_bytes: int) -> Exception:
    if error.errno not in _NO_ROOM:
        return error
    free = shutil.disk_usage(folder).free
    return BadInput(
        f"{folder}: wanted {n_bytes} bytes for the checkpoint of step {step}, the machine refused ({os.strerror(error.errno)}; "
        f"{free} bytes are free); free some space, or raise a limit, and run the same command with --resume: the older checkpoints are whole."
    )

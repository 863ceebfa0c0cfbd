"""Writing that is never half done: everything goes to a sibling name first and is renamed when complete."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from mindleaf.errors import BadInput


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary sibling of ``path``; on success it becomes ``path``, on failure it vanishes.

    A full disk or a read-only place becomes BadInput; what stood at ``path`` stays as it was.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{uuid4().hex[:8]}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        _sync(temporary)
        os.replace(temporary, path)
    except OSError as error:
        raise _explained(error, path) from error
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            temporary.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    if path.is_dir():
        return
    with path.open("rb") as handle:
        os.fsync(handle.fileno())


def _explained(error: OSError, path: Path) -> Exception:
    # numpy reports a write that was cut short without a number.
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, None):
        free = shutil.disk_usage(_existing(path)).free
        return BadInput(
            f"wanted to write {path}, but the disk is full ({free / 1e6:.0f} MB free); free some space and run the same "
            "command again, it continues where it stopped."
        )
    if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
        return BadInput(f"wanted to write {path}, but that place is read-only; choose another --out.")
    return error


def _existing(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path


def need_space(folder: Path, n_bytes: int) -> None:
    """Raise BadInput before a long job when its output cannot fit."""
    free = shutil.disk_usage(_existing(Path(folder))).free
    if n_bytes > free:
        raise BadInput(
            f"{folder}: writing needs about {n_bytes / 1e6:.0f} MB, {free / 1e6:.0f} MB are free; "
            "free some space or choose another --out."
        )


def write_json(path: Path, values: Any) -> None:
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(values, indent=1, sort_keys=True) + "\n")


def write_array(path: Path, array: NDArray) -> str:
    """Write an .npy file and return the sha256 of its values (shape and dtype included)."""
    with replacing(path) as temporary, temporary.open("wb") as handle:
        np.save(handle, array, allow_pickle=False)
    return array_sha256(array)


def made_or_read(path: Path, make: Callable[[], None], mmap_mode: Literal["r"] | None = None) -> NDArray:
    """The array in ``path``; ``make`` writes it first where it is missing or cannot be read (it can always be made again)."""
    for attempt in range(2):
        try:
            return np.load(path, mmap_mode=mmap_mode, allow_pickle=False)
        except (OSError, ValueError):
            if attempt:
                raise
            make()
    raise AssertionError("unreachable")


def array_sha256(array: NDArray) -> str:
    digest = hashlib.sha256(f"{array.dtype.str}{array.shape}".encode())
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def safe_name(text: str) -> str:
    """A file name for any id: the id itself where it is plain, else plain characters and a short hash."""
    plain = "".join(c if c.isalnum() or c in "-_." else "_" for c in text).lstrip(".")
    return plain if plain == text and len(text) < 100 else f"{plain[:80]}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"

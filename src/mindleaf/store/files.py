"""Writing that is never half done: everything goes to a sibling name first and is renamed when complete."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from mindleaf.errors import BadInput

_UNFINISHED = re.compile(r"\..+\.[0-9a-f]{8}\.part(\.|$)")
#: Views and features are also made by readers, who hold no lock: theirs count as left behind after a day.
_LEFT_BEHIND_S = 86_400.0


class CannotWrite(BadInput):
    """The machine refuses to take what is written: no space, no rights, a broken disk. Never the fault of a source file."""


class DiskFull(CannotWrite):
    """There is no room for what is written to ``path``."""

    def __init__(self, path: Path | str, n_bytes: int = 0) -> None:
        free = shutil.disk_usage(_existing(Path(path))).free
        wants = f" (it takes about {n_bytes / 1e6:.1f} MB)" if n_bytes else ""
        super().__init__(
            f"wanted to write {path}{wants}, but the disk is full ({free / 1e6:.1f} MB free); free some space and run the same "
            "command again, it continues where it stopped."
        )
        self.path = Path(path)

    def __reduce__(self) -> tuple[Any, ...]:
        # Pickled by its sentence: the worker that met it may be on another machine.
        return _told_again, (str(self), str(self.path))


def _told_again(sentence: str, path: str) -> DiskFull:
    error = DiskFull.__new__(DiskFull)
    error.args, error.path = (sentence,), Path(path)
    return error


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary sibling of ``path``; on success it becomes ``path``, on failure it vanishes.

    What the machine refuses becomes CannotWrite; what stood at ``path`` stays as it was.
    """
    path = Path(path)
    temporary = unfinished_name(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        _sync(temporary)
        os.replace(temporary, path)
    except OSError as error:
        raise explained(error, path) from error
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            temporary.unlink(missing_ok=True)


def unfinished_name(path: Path) -> Path:
    """A sibling name that ``clear_unfinished`` knows."""
    return path.with_name(f".{path.name}.{uuid4().hex[:8]}.part")


def clear_unfinished(store: Path) -> None:
    """Remove what killed writers left below ``store``; only its one writer may call this."""
    parts = [path for folder in (store, store / "signals", store / "stimuli") if folder.is_dir() for path in folder.iterdir()]
    now = time.time()
    for cache in ("views", "features"):
        parts += [path for path in store.glob(f"{cache}/*/.*") if now - path.lstat().st_mtime > _LEFT_BEHIND_S]
    for path in parts:
        if not _UNFINISHED.match(path.name):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    if path.is_dir():
        return
    with path.open("rb") as handle:
        os.fsync(handle.fileno())


def explained(error: OSError, path: Path) -> CannotWrite:
    """What the machine's refusal means to a person."""
    # numpy reports a write that was cut short without a number.
    if error.errno in (errno.ENOSPC, errno.EDQUOT, None):
        return DiskFull(path)
    if error.errno == errno.EFBIG:
        return CannotWrite(
            f"wanted to write {path}, but no file may grow that large here (a limit of this account or of the file system); "
            "raise it (ulimit -f) or choose another --out."
        )
    if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
        return CannotWrite(f"wanted to write {path}, but that place is read-only; choose another --out.")
    if error.errno in (errno.ENOTDIR, errno.EEXIST, errno.EISDIR):
        return CannotWrite(f"wanted to write {path}, but a file stands where a folder is wanted; choose another --out.")
    return CannotWrite(
        f"wanted to write {path}, but the disk answered '{error.strerror}'; check the disk, then run the same command again, "
        "it continues where it stopped."
    )


def _existing(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path


def need_space(folder: Path, n_bytes: int) -> None:
    """Raise DiskFull before a long job when its output cannot fit."""
    if n_bytes > shutil.disk_usage(_existing(Path(folder))).free:
        raise DiskFull(folder, n_bytes)


def write_json(path: Path, values: Any) -> None:
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(values, indent=1, sort_keys=True) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """What ``write_json`` wrote; empty where it is missing, damaged, or no table of names and values."""
    try:
        values = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


def write_array(path: Path, array: NDArray) -> str:
    """Write an .npy file and return the sha256 of its values (shape and dtype included)."""
    try:
        with replacing(path) as temporary, temporary.open("wb") as handle:
            np.save(handle, array, allow_pickle=False)
    except DiskFull as error:
        raise DiskFull(path, array.nbytes) from error
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


def file_digest(path: Path) -> Any:
    """The sha256 that ``array_sha256`` takes of the array in an .npy file, read front to back in little memory.

    Bytes that are missing or too many change it. Raises ValueError where the file is no such array.
    """
    with path.open("rb") as handle:
        if np.lib.format.read_magic(handle) != (1, 0):
            raise ValueError("wanted an .npy file of version 1.0")
        shape, _, dtype = np.lib.format.read_array_header_1_0(handle)
        digest = hashlib.sha256(f"{dtype.str}{shape}".encode())
        while block := handle.read(1 << 20):
            digest.update(block)
    return digest


def safe_name(text: str) -> str:
    """A file name for any id: the id itself where it is plain, else plain characters and a short hash."""
    plain = "".join(c if c.isalnum() or c in "-_." else "_" for c in text).lstrip(".")
    return plain if plain == text and len(text) < 100 else f"{plain[:80]}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"

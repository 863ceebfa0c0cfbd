"""One writer per store: a lock of the operating system, which dies with the process that holds it."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from mindleaf.errors import BadInput
from mindleaf.store.files import CannotWrite, clear_unfinished, explained

_NAME = "writer.lock"
#: A network file system may show another machine's file late.
_LATE_S = 5.0


@contextmanager
def only_writer(store: Path) -> Iterator[str]:
    """Be the only writer of the folder ``store``, made where it is missing; gives a word by which workers know this run.

    What killed writers left unfinished is removed on the way in and out. Raises BadInput where another writer is at work.
    """
    path = Path(store) / _NAME
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = _locked(path)
    except OSError as error:
        raise explained(error, path) from error
    try:
        clear_unfinished(path.parent)
        token = uuid4().hex
        _write(handle, f"{token} {os.getpid()}\n", path)
        yield token
    finally:
        clear_unfinished(path.parent)
        path.unlink(missing_ok=True)  # while the lock is held: nobody else can take this file for free
        with suppress(OSError):  # it holds something, as it should
            path.parent.rmdir()
        os.close(handle)


def _locked(path: Path) -> int:
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            # flock, not lockf: the latter is lost as soon as this process closes the file anywhere else.
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(handle, 100).decode(errors="replace").split()
            os.close(handle)
            raise _busy(path, holder[1] if len(holder) > 1 else "unknown") from error
        except OSError:
            os.close(handle)
            raise
        if _same_file(handle, path):
            return handle
        os.close(handle)  # its holder left, and took the file away, between our opening and locking it


def _same_file(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _write(handle: int, text: str, path: Path) -> None:
    try:
        os.ftruncate(handle, 0)
        os.pwrite(handle, text.encode(), 0)
    except OSError as error:
        raise explained(error, path) from error


def _busy(path: Path, process: str) -> BadInput:
    return BadInput(
        f"{path.parent}: another prepare (process {process}) is writing to this store; wait until it has ended, "
        "or choose another --out."
    )


def check_run(store: Path, token: str) -> None:
    """For a worker: raise CannotWrite where ``store`` is not the folder that the run ``token`` writes, seen from here."""
    deadline = time.monotonic() + _LATE_S
    while not _is_run(store / _NAME, token):
        if time.monotonic() > deadline:
            raise CannotWrite(
                f"{store}: a worker does not find the folder of this run under that path (or the run has ended); give --root and "
                "--out on a file system that every worker sees under the same path."
            )
        time.sleep(0.2)


def _is_run(path: Path, token: str) -> bool:
    try:
        return path.read_text().split()[:1] == [token]
    except FileNotFoundError:
        return False

"""Signals that their format gives only whole (compressed arrays): the last one read stays in memory, so that its spans are free."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mindleaf.reading.child import GIGABYTE, guarded
from mindleaf.reading.presence import present_file

#: Arrays in a .mat file are compressed, EEG stored as double by up to ten times.
_UNPACKED = 20


def load_span(
    function: Callable[..., NDArray], path: Path, arguments: tuple, start: int = 0, stop: int | None = None
) -> NDArray[np.float32]:
    """Samples start to stop of ``function(path, *arguments)``, a (channel, time) array of microvolts, as float32.

    ``function`` is a module-level function and runs in the guarded child; ``arguments`` are hashable JSON values.
    Raises ReadError for a missing or damaged file.
    """
    stat = present_file(path, "a signal file").stat()
    whole = _whole(function, path, arguments, stat.st_mtime_ns, stat.st_size)
    return whole[:, slice(start, stop)].copy()


def read_guarded(function: Callable, path: Path, *arguments: object) -> object:
    """``function(path, *arguments)`` in the guarded child, with room and time to unpack the whole file."""
    size = present_file(path, "a signal file").stat().st_size
    return guarded(function, path, *arguments, timeout_s=60.0 + size / 2e6, memory_bytes=_UNPACKED * size + 2 * GIGABYTE)


@lru_cache(maxsize=1)
def _whole(function: Callable[..., NDArray], path: Path, arguments: tuple, changed_ns: int, size: int) -> NDArray[np.float32]:
    """``changed_ns`` and ``size`` make a changed file another entry."""
    return np.asarray(read_guarded(function, path, *arguments), np.float32)

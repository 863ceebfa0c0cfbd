"""Rooms: large arrays that are used again once nobody holds them. Fresh memory costs as much as filling it."""

from __future__ import annotations

import math
import sys
import threading

import numpy as np
from numpy.typing import NDArray

#: Smaller arrays come from memory that the process has already.
_LARGE = 1 << 20
_KEPT = 4


class Rooms:
    """Gives float32 arrays; those whose last holder (a view, a tensor over the same memory) is gone are given again."""

    def __init__(self) -> None:
        self._rooms: list[NDArray[np.float32]] = []
        self._lock = threading.Lock()

    def room(self, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """An array of this shape that nobody else holds; its content is whatever was there."""
        if 4 * math.prod(shape) < _LARGE:
            return np.empty(shape, np.float32)
        with self._lock:
            for number in range(len(self._rooms)):
                # Held by the list and by the call itself alone.
                if self._rooms[number].shape == shape and sys.getrefcount(self._rooms[number]) == _ALONE:
                    return self._rooms[number][...]
            room = np.empty(shape, np.float32)
            self._rooms = [*self._rooms[-(_KEPT - 1) :], room]
            return room[...]


def _alone() -> int:
    """What this Python counts for an array that only a list holds."""
    kept = [np.empty(1, np.float32)]
    return sys.getrefcount(kept[0])


_ALONE = _alone()

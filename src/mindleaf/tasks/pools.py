"""Who stands against whom: windows in groups that share their sounds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

#: Sounds in a pool where nobody says otherwise.
POOL_SIZE = 50
_TOLERANCE_S = 1e-6


def choice_groups(stimuli: NDArray[np.str_], size: int, seed: Sequence[int]) -> Iterator[NDArray[np.intp]]:
    """Positions of ``size`` windows of different stimuli at a time, each window at most once, as many groups as there can be.

    Taking from the stimuli with the most windows left, ties by lot, leaves over as few as possible.
    """
    rng = np.random.default_rng(seed)
    names = np.unique(stimuli)
    left = {name: list(rng.permutation(np.flatnonzero(stimuli == name))) for name in names}
    while True:
        lots = rng.permutation(len(names))
        fullest = sorted(lots, key=lambda k: -len(left[names[k]]))[:size]
        if len(fullest) < size or not all(left[names[k]] for k in fullest):
            return
        yield np.array([left[names[k]].pop() for k in fullest], dtype=np.intp)


class _Pool:
    """Positions put in so far: those that are asked about, and all whose sound stands in it."""

    def __init__(self, stimuli: NDArray, starts: NDArray, window_s: float) -> None:
        self.stimuli, self.starts, self.reach_s = stimuli, starts, window_s - _TOLERANCE_S
        self.asked: list[int] = []
        self.members: list[int] = []
        self._heard: dict[str, list[float]] = {}

    def takes(self, row: int) -> bool:
        """Whether no sound in the pool overlaps that of ``row``."""
        return all(abs(self.starts[row] - other) >= self.reach_s for other in self._heard.get(self.stimuli[row], ()))

    def put(self, row: int, asked: bool) -> None:
        self.members.append(row)
        self.asked += [row] * asked
        self._heard.setdefault(self.stimuli[row], []).append(self.starts[row])


def pool_groups(
    stimuli: NDArray, starts: NDArray, window_s: float, size: int, seed: Sequence[int]
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """For each pool of ``size`` sounds the positions that are asked about and those of all its sounds.

    Each window is asked about once at most. Pools are full of asked windows as far as these go; the last one is filled up.
    """
    n, rng = len(stimuli), np.random.default_rng(seed)
    pools = [_Pool(stimuli, starts, window_s) for _ in range(-(-n // size))]
    for row in rng.permutation(n):
        pool = next((p for p in pools if len(p.members) < size and p.takes(row)), None)
        if pool is not None:
            pool.put(row, asked=True)
    for pool in pools:
        for row in rng.permutation(n):
            if len(pool.members) < size and pool.takes(row):
                pool.put(row, asked=False)
        if pool.asked and len(pool.members) == size:
            yield np.array(pool.asked, dtype=np.intp), np.array(pool.members, dtype=np.intp)


def pool_size(stimuli: NDArray, starts: NDArray, window_s: float) -> int:
    """A number of sounds that do not overlap which every pool reaches, in whatever order sounds come.

    Where windows of a stimulus overlap, a pool filled without foresight may hold half of what fits.
    """
    count = 0
    for name in np.unique(stimuli):
        distinct = np.unique(np.round(starts[stimuli == name], 6))
        fitting, last = 0, -np.inf
        for start in distinct:
            if start - last >= window_s - _TOLERANCE_S:
                fitting, last = fitting + 1, start
        count += fitting if fitting == len(distinct) else -(-fitting // 2)
    return count

"""Lanes: the compiled loops over the channels of a block, shared between threads by channels."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Channels below this number are not worth a thread of their own.
_FEWEST = 8


def thread_count() -> int:
    """Threads that one recording is worked on by: OMP_NUM_THREADS, 1 where it is not set."""
    value = os.environ.get("OMP_NUM_THREADS", "1").split(",")[0].strip()
    return int(value) if value.isdigit() and int(value) > 0 else 1


class Lanes:
    """Runs a loop over all channels, cut into one part per thread. The result does not depend on the number of threads."""

    def __init__(self, pool: ThreadPoolExecutor | None = None, threads: int = 1) -> None:
        self._pool, self._threads = pool, threads

    def cascade(self, rows: NDArray, sections: NDArray, state: NDArray[np.float64], backward: bool, out: NDArray) -> None:
        from mindleaf.preprocessing import kernels

        for group in range(0, len(sections), 4):
            part = state[2 * group : 2 * group + 8]
            self._each(rows.shape[1], kernels.cascade, rows, sections[group : group + 4], part, backward, out)
            rows = out.copy() if group + 4 < len(sections) else out

    def polyphase(self, rows: NDArray, origin: int, taps: NDArray, starts: NDArray, down: int, out: NDArray, number: int) -> None:
        from mindleaf.preprocessing import kernels

        self._each(rows.shape[1], kernels.polyphase, rows, origin, taps, starts, down, out, number)

    def _each(self, n_channels: int, loop: Callable[..., None], *arguments: Any) -> None:
        parts = max(1, min(self._threads, n_channels // _FEWEST))
        # Cuts at multiples of eight: two threads never write to one cache line.
        cuts = [round(n_channels * k / parts / 8) * 8 for k in range(parts)] + [n_channels]
        if self._pool is None or parts == 1:
            loop(*arguments, 0, n_channels)
            return
        (first, last), *others = pairwise(cuts)
        futures = [self._pool.submit(loop, *arguments, a, b) for a, b in others]
        # The caller works too: waiting for as many threads as there are parts costs a change of thread more for every block.
        loop(*arguments, first, last)
        for future in futures:
            future.result()


@contextmanager
def lanes(threads: int | None = None) -> Iterator[Lanes]:
    """Lanes with that many threads (``thread_count()`` where None), which end with the block."""
    threads = threads or thread_count()
    if threads == 1:
        yield Lanes()
        return
    with ThreadPoolExecutor(threads - 1) as pool:
        yield Lanes(pool, threads)

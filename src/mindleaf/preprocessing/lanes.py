"""Lanes: the channels of a recording shared between threads, each of which takes its own through the whole chain.

Threads that share every block instead would have to be woken several hundred times a second, which on a virtual machine
takes longer than the work. Here a lane sleeps only where it is ahead of the recording's reader.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from queue import Queue, SimpleQueue

import numpy as np
from numpy.typing import NDArray

Blocks = Iterator[NDArray[np.floating]]
#: Channels below this number are not worth a thread of their own.
_FEWEST = 8
#: Blocks that wait for a lane: more would only be memory.
_WAITING = 2


def thread_count() -> int:
    """Threads that one recording is worked on by: OMP_NUM_THREADS, 1 where it is not set."""
    value = os.environ.get("OMP_NUM_THREADS", "1").split(",")[0].strip()
    return int(value) if value.isdigit() and int(value) > 0 else 1


def in_lanes(chain: Callable[[Blocks], Blocks], blocks: Iterable[NDArray], n_channels: int, threads: int | None) -> Blocks:
    """``chain(blocks)``, computed by that many threads (``thread_count()`` where None), each with channels of its own.

    chain: maps blocks (time, channel) to blocks of as many channels, which do not look at each other, in lengths that do not depend on
    the channels; it must not give out memory that it uses again.
    """
    parts = max(1, min(threads or thread_count(), n_channels // _FEWEST))
    if parts == 1:
        yield from chain(iter(blocks))
        return
    cuts = [round(n_channels * k / parts) for k in range(parts + 1)]
    lanes = [_Lane(chain, slice(*ends)) for ends in pairwise(cuts)]
    with ThreadPoolExecutor(parts) as pool:
        running = [pool.submit(lane.run) for lane in lanes]
        try:
            for block in blocks:
                for lane in lanes:
                    lane.waiting.put(np.ascontiguousarray(block[:, lane.channels]))
                while all(not lane.done.empty() for lane in lanes):
                    yield np.concatenate([lane.done.get() for lane in lanes], axis=1)
        finally:
            for lane in lanes:
                lane.waiting.put(None)
        for future in running:
            future.result()
    while not lanes[0].done.empty():
        yield np.concatenate([lane.done.get() for lane in lanes], axis=1)


class _Lane:
    """Some channels, what waits for the chain and what came out of it."""

    def __init__(self, chain: Callable[[Blocks], Blocks], channels: slice) -> None:
        self.chain, self.channels = chain, channels
        self.waiting: Queue[NDArray | None] = Queue(_WAITING)
        self.done: SimpleQueue[NDArray] = SimpleQueue()

    def run(self) -> None:
        waiting = self._waiting()
        try:
            for block in self.chain(waiting):
                self.done.put(block)
        finally:
            # After an error, too: whoever fills the queue must not wait for ever.
            for _ in waiting:
                pass

    def _waiting(self) -> Iterator[NDArray]:
        while (block := self.waiting.get()) is not None:
            yield block

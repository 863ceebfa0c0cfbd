"""Gaps in a recording: missing samples are interpolated between their neighbours, block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

#: read_block(first, last) -> samples first to last of a recording, (time, channel) microvolts.
ReadBlock = Callable[[int, int], NDArray[np.floating]]


def filled_blocks(read_block: ReadBlock, n_times: int, length: int) -> Iterator[NDArray[np.floating]]:
    """The recording in blocks of ``length`` samples, (time, channel), with non-finite samples replaced.

    Between two known samples of the channel lies a straight line, before the first and after the last their value; a
    channel without any known sample is zero. A gap may reach over any number of blocks. Blocks without a gap are
    passed on as they are.
    """
    gaps: _Gaps | None = None
    for first in range(0, n_times, length):
        block = np.ascontiguousarray(read_block(first, min(first + length, n_times)))
        gaps = gaps or _Gaps(read_block, block.shape[1], n_times, length)
        yield gaps.filled(block, first)


class _Gaps:
    """What is known of every channel before and after the block at hand."""

    def __init__(self, read_block: ReadBlock, n_channels: int, n_times: int, length: int) -> None:
        self._read, self._n_times, self._length = read_block, n_times, length
        # Time and value of the last known sample before the block (-1: none) and of the next one after it.
        self._past = np.full(n_channels, -1)
        self._past_value = np.zeros(n_channels)
        self._next = np.full(n_channels, -1)
        self._next_value = np.zeros(n_channels)

    def filled(self, block: NDArray[np.floating], first: int) -> NDArray[np.floating]:
        last = first + len(block)
        if _all_finite(block):
            self._past[:], self._past_value[:] = last - 1, block[-1]
            return block
        out = np.array(block, np.float64)
        known = np.isfinite(out)
        self._look_ahead(np.flatnonzero(~known[-1]), last)
        times = np.arange(first, last)
        for c in range(out.shape[1]):
            good = known[:, c]
            xs, ys = times[good], out[good, c]
            at, values = self._framed(c, xs, ys, last)
            if not len(at):
                out[:, c] = 0.0
            elif len(xs) < len(times):
                out[~good, c] = np.interp(times[~good], at, values)
            if len(xs):
                self._past[c], self._past_value[c] = xs[-1], ys[-1]
        return out

    def _framed(self, c: int, times: NDArray, values: NDArray, last: int) -> tuple[NDArray, NDArray]:
        """The channel's known samples of the block between the nearest known ones before and after it."""
        before = self._past[c] >= 0
        after = last <= self._next[c] < self._n_times
        return (
            np.concatenate([self._past[c : c + before], times, self._next[c : c + after]]),
            np.concatenate([self._past_value[c : c + before], values, self._next_value[c : c + after]]),
        )

    def _look_ahead(self, channels: NDArray[np.intp], first: int) -> None:
        """Find the next known sample, from ``first`` on, of the channels whose gap is still open."""
        waiting = channels[self._next[channels] < first]
        for start in range(first, self._n_times, self._length):
            if not len(waiting):
                return
            block = np.asarray(self._read(start, min(start + self._length, self._n_times)))[:, waiting]
            known = np.isfinite(block)
            row = known.argmax(axis=0)
            found = known.any(axis=0)
            self._next[waiting[found]] = start + row[found]
            self._next_value[waiting[found]] = block[row[found], np.flatnonzero(found)]
            waiting = waiting[~found]
        self._next[waiting] = self._n_times


def _all_finite(block: NDArray[np.floating]) -> bool:
    # A sum is not finite where a term is not: several times faster than looking at every sample, and a sum that
    # merely overflows only costs a closer look.
    with np.errstate(invalid="ignore", over="ignore"):
        return bool(np.isfinite(block.sum()))

"""Rational resampling of a stream of blocks: sample k stands at second k / to_hz, with no drift.

The anti-aliasing filter is that of ``scipy.signal.resample_poly`` (Kaiser window, beta 5, ten periods of the lower rate to
each side). Only the samples that are kept are computed, each from its own phase of the filter.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from scipy.signal import firwin

#: Input rows that are taken in at a time: they stay in the cache between taking in and giving out.
_PIECE = 1024


class Resampling:
    """From one rate to another, in Hz, by the nearest ratio of whole numbers up to 10,000.

    periods: of the lower rate, to each side of an output, that the filter reads; fewer wait for less of the future.
    """

    def __init__(self, from_hz: float, to_hz: float, periods: int = 10) -> None:
        ratio = Fraction(to_hz / from_hz).limit_denominator(10_000)
        self.up, self.down = ratio.numerator, ratio.denominator
        highest = max(self.up, self.down)
        self._half = periods * highest
        if highest == 1:
            return
        window = firwin(2 * self._half + 1, 1 / highest, window=("kaiser", 5.0)) * self.up
        phases = np.arange(self.up)
        #: Input sample under the first tap of the first ``up`` outputs.
        self.starts = -((self._half - phases * self.down) // self.up)
        first_tap = phases * self.down - self.starts * self.up + self._half
        n_taps = -(-(2 * self._half // self.up + 1) // 8) * 8
        places = first_tap[:, None] - self.up * np.arange(n_taps)
        self.taps = np.where(places >= 0, window[np.maximum(places, 0)], 0.0)

    def n_out(self, n_times: int) -> int:
        return math.ceil(n_times * self.up / self.down)

    def resampled(
        self, blocks: Iterable[NDArray[np.floating]], n_times: int, dtype: type[np.floating] = np.float32
    ) -> Iterator[NDArray[np.floating]]:
        """The resampled recording in blocks, (time, channel) of ``dtype``; before and after the recording stand zeros.

        blocks: the recording, ``n_times`` samples in all, whose type is that of the sums: float64 where offsets are still
        in it, float32 is enough behind a band pass.
        """
        if self.up == self.down:
            yield from (np.array(block, dtype) for block in blocks)
            return
        from mindleaf.preprocessing import kernels

        n_taps = self.taps.shape[1]
        origin, number, total = int(self.starts[0]), 0, self.n_out(n_times)
        rows: NDArray[np.floating] | None = None
        for piece in _pieces(blocks, n_taps + self.down):
            if rows is None:
                rows, taps = np.zeros((-origin, piece.shape[1]), piece.dtype), self.taps.astype(piece.dtype)
            rows = np.concatenate([rows, piece])
            # The last output whose taps all lie within what has come; see the first tap's place in ``__init__``.
            ready = ((origin + len(rows) - n_taps) * self.up + self._half) // self.down + 1
            stop = min(max(ready, number), total)
            if stop > number:
                out = np.empty((stop - number, rows.shape[1]), dtype)
                kernels.polyphase(rows, origin, taps, self.starts, self.down, out, number)
                yield out
                number = stop
                period, phase = divmod(number, self.up)
                keep = max(0, min(period * self.down + int(self.starts[phase]) - origin, len(rows)))
                rows, origin = rows[keep:], origin + keep


def _pieces(blocks: Iterable[NDArray[np.floating]], n_after: int) -> Iterator[NDArray[np.floating]]:
    """The blocks in short pieces, and ``n_after`` rows of zeros after them."""
    block = None
    for block in blocks:
        for first in range(0, len(block), _PIECE):
            yield block[first : first + _PIECE]
    if block is not None:
        yield np.zeros((n_after, block.shape[1]), block.dtype)

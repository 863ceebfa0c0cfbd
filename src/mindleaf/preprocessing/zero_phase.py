"""Zero-phase filtering of a stream of blocks: as if the whole recording had been filtered at once.

Forward in time the state of the filter passes from block to block, so nothing is lost. Backward in time a block starts
from some seconds after its end: by the time the walk reaches the block, the filter has forgotten that the seconds beyond
were not seen.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt_zi

#: What is left of an unseen future, relative to it, where the backward walk enters a block.
_FORGOTTEN = 1e-11
#: Rows of a block where the filter forgets quickly.
_BLOCK = 32_768
#: Highest usable edge of a band, as a share of the recorded rate.
_TOP = 0.45


def usable_band(band: tuple[float, float], sfreq: float) -> tuple[float, float]:
    """The band, its upper edge lowered to 0.45 x rate where the recorded rate is too low."""
    return band[0], min(band[1], _TOP * sfreq)


class ZeroPhase:
    """A Butterworth band pass, forward and backward in time, with odd padding of three periods of the lower edge.

    band: pass band in Hz (its upper edge is lowered where ``sfreq`` is too low); order: of the design, applied twice.
    """

    def __init__(self, band: tuple[float, float], order: int, sfreq: float) -> None:
        sections = butter(order, usable_band(band, sfreq), btype="bandpass", fs=sfreq, output="sos")
        self.padding = int(3 * sfreq / band[0])
        slowest = max(np.abs(np.roots(section[3:])).max() for section in sections)
        #: Samples after which the filter has forgotten where it started.
        self.settle = math.ceil(math.log(_FORGOTTEN) / math.log(slowest))
        start = sosfilt_zi(sections).reshape(-1, 1)
        # Sections that change nothing fill up the last group of four.
        spare = -len(sections) % 4
        self.sections = np.concatenate([sections, np.tile([1.0, 0, 0, 1, 0, 0], (spare, 1))])
        self._start = np.concatenate([start, np.zeros((2 * spare, 1))])

    def filtered(
        self, blocks: Iterable[NDArray[np.floating]], n_times: int, length: int | None = None
    ) -> Iterator[NDArray[np.float32]]:
        """The filtered recording in blocks, (time, channel); a block is valid until the next one is asked for.

        blocks: the recording, ``n_times`` finite samples in all; length: samples the backward walk keeps at a time (more
        where the filter needs more).
        """
        padding = min(self.padding, n_times - 1)
        length = max(length or _BLOCK, 3 * self.settle)
        skip, left = padding, n_times
        for rows in self._walked(_padded(blocks, padding), min(length + self.settle, n_times + 2 * padding)):
            inside = rows[skip : skip + left]
            skip, left = max(0, skip - len(rows)), left - len(inside)
            if len(inside):
                yield inside

    def _walked(self, blocks: Iterable[NDArray[np.floating]], size: int) -> Iterator[NDArray[np.float32]]:
        """Blocks walked forward as they come and backward as soon as ``size`` of them lie side by side.

        Between the walks lies float32: the filter has taken the offset out by then, and half the bytes are half the time.
        """
        ahead: NDArray[np.float32] | None = None
        n_rows = 0
        for block in blocks:
            if ahead is None:
                ahead = np.empty((size, block.shape[1]), np.float32)
                back = np.empty_like(ahead)
                state = self._start * np.asarray(block[:1], np.float64)
            taken = 0
            while taken < len(block):
                if n_rows == size:
                    self._backward(ahead, back)
                    n_rows = self.settle
                    yield back[: size - n_rows]
                    ahead[:n_rows] = ahead[size - n_rows :]
                part = block[taken : taken + size - n_rows]
                self._cascade(part, state, False, ahead[n_rows : n_rows + len(part)])
                n_rows, taken = n_rows + len(part), taken + len(part)
        if ahead is not None:
            self._backward(ahead[:n_rows], back[:n_rows])
            yield back[:n_rows]

    def _backward(self, ahead: NDArray[np.float32], back: NDArray[np.float32]) -> None:
        self._cascade(ahead, self._start * ahead[-1:].astype(np.float64), True, back)

    def _cascade(self, rows: NDArray, state: NDArray[np.float64], backward: bool, out: NDArray[np.float32]) -> None:
        from mindleaf.preprocessing import kernels

        for group in range(0, len(self.sections), 4):
            kernels.cascade(rows, self.sections[group : group + 4], state[2 * group : 2 * group + 8], backward, out)
            rows = out.copy() if group + 4 < len(self.sections) else out


def _padded(blocks: Iterable[NDArray[np.floating]], padding: int) -> Iterator[NDArray[np.floating]]:
    """The blocks between ``padding`` samples before and after, mirrored at the first and last sample (in time and value)."""
    if padding == 0:
        yield from blocks
        return
    head: list[NDArray[np.floating]] | None = []
    tail: NDArray[np.floating] | None = None
    for block in blocks:
        known = block if tail is None or len(block) > padding else np.concatenate([tail, block])
        tail = np.array(known[-padding - 1 :])
        if head is None:
            yield block
            continue
        head.append(np.array(block))
        if sum(map(len, head)) > padding:
            start = np.concatenate(head)
            yield _mirrored(start[: padding + 1])
            yield start
            head = None
    if tail is not None:
        yield np.ascontiguousarray(_mirrored(tail[::-1])[::-1])


def _mirrored(edge: NDArray[np.floating]) -> NDArray[np.float64]:
    """What stands before the first row of ``edge``: 2 x first - the rows after it, furthest first."""
    values = np.asarray(edge, np.float64)
    return 2 * values[0] - values[:0:-1]

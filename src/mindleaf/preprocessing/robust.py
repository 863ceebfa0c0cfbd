"""Scaling by what a recording itself looks like: clipped at extreme percentiles, median 0, interquartile range 1."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

#: Percentiles beyond which samples are clipped (LEAF).
_EXTREMES = (0.1, 99.9)
#: Of longer recordings as many samples are looked at, in stretches spread over the whole.
_MOST_SAMPLES = 200_000
_STRETCH = 4000


@dataclass(frozen=True, eq=False)
class RobustScale:
    """Of each channel of one recording, microvolts. It reads no label, but it reads the whole recording: transductive."""

    low: Float[np.ndarray, " channel"]
    high: Float[np.ndarray, " channel"]
    median: Float[np.ndarray, " channel"]
    spread: Float[np.ndarray, " channel"]

    def apply(self, windows: NDArray[np.float32], channels: NDArray[np.int64]) -> NDArray[np.float32]:
        """(window, channel, time) in microvolts to multiples of the interquartile range; a flat channel becomes zeros."""
        low, high, median, spread = (
            part[channels, None].astype(np.float32) for part in (self.low, self.high, self.median, self.spread)
        )
        usable = spread > 0
        return np.where(usable, (np.clip(windows, low, high) - median) / np.where(usable, spread, 1), 0).astype(np.float32)


def robust_scale(read: Callable[[int, int], NDArray[np.float32]], n_times: int) -> RobustScale:
    """``read(first, last)`` gives (time, channel). Memory is bounded whatever the recording's length."""
    if n_times <= _MOST_SAMPLES:
        seen = read(0, n_times)
    else:
        firsts = np.linspace(0, n_times - _STRETCH, _MOST_SAMPLES // _STRETCH).astype(int)
        seen = np.concatenate([read(int(first), int(first) + _STRETCH) for first in firsts])
    low, first, median, third, high = np.nanpercentile(seen, [_EXTREMES[0], 25, 50, 75, _EXTREMES[1]], axis=0)
    return RobustScale(low, high, median, third - first)

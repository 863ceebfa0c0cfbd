"""Preprocessing that looks at nothing but the past: for a stream of which the future has not come yet.

Resampling first, by a short symmetric filter that delays but bends no phase; then one walk of the Butterworth band pass.
Sound and EEG that go through the same band pass are bent alike, so a decoder of one from the other keeps its lags.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt_zi

from mindleaf.preprocessing.pipeline import Pipeline
from mindleaf.preprocessing.resampling import Resampling
from mindleaf.preprocessing.zero_phase import usable_band

#: Periods of the lower rate that the resampling filter reads to each side: what it waits for is the delay.
PERIODS = 4


class CausalView:
    """Blocks of any length in, frames at ``pipeline.sfreq`` out; how the stream is cut into blocks changes nothing.

    The state of the filter is float64. It starts as if the first sample had stood for ever, so that an offset of millivolts
    rings as little as it can. The pipeline's reference and normalisation are the reader's affair: both are taken over the
    channels of a window that can be used, which a stream knows only afterwards.
    """

    def __init__(self, pipeline: Pipeline, sfreq: float, n_channels: int) -> None:
        self.sfreq, self.rate, self.n_channels = sfreq, pipeline.sfreq, n_channels
        self._resampling = _Resampler(sfreq, pipeline.sfreq, n_channels)
        self._band = None if pipeline.band is None else _BandPass(pipeline.band, pipeline.order, pipeline.sfreq, n_channels)
        self._fresh: NDArray[np.bool_] = np.ones(n_channels, bool)

    @property
    def delay_s(self) -> float:
        """Seconds of the stream that must have come after a frame before the frame can be made."""
        return self._resampling.delay / self.sfreq

    def restart(self, channels: Bool[np.ndarray, " channel"]) -> None:
        """These channels forget all that came before the next sample."""
        self._fresh |= channels

    def push(self, samples: Float[np.ndarray, "time channel"]) -> Float[np.ndarray, "frame channel"]:
        """The frames that can be made now, float64; samples must be finite."""
        rows = np.ascontiguousarray(samples, np.float64)
        if len(rows) and self._fresh.any():
            self._resampling.begin(rows[0], self._fresh)
            if self._band is not None:
                self._band.begin(rows[0], self._fresh)
            self._fresh[:] = False
        frames = self._resampling.push(rows)
        return frames if self._band is None else self._band.push(frames)


class _Resampler:
    """Polyphase resampling that gives an output as soon as the samples under its taps are there."""

    def __init__(self, from_hz: float, to_hz: float, n_channels: int) -> None:
        from mindleaf.preprocessing import kernels

        self._kernel, self._plan = kernels.polyphase, Resampling(from_hz, to_hz, PERIODS)
        self._idle = self._plan.up == self._plan.down
        if self._idle:
            self.delay, self._rows = 0, np.zeros((0, n_channels))
            return
        # Taps are filled up to a multiple of eight. The filling stands before the first tap, not after the last one,
        # where an output would have to wait for samples that it does not use.
        used = (self._plan.taps != 0).any(axis=0)
        spare = int(np.argmax(used[::-1]))
        taps = np.roll(self._plan.taps, spare, axis=1)
        # Every phase passes an offset as it is: else an electrode's 250 mV would leave a ripple of a microvolt.
        self._taps = np.ascontiguousarray(taps / taps.sum(axis=1, keepdims=True))
        self._starts = self._plan.starts - spare
        lasts = self._starts + self._taps.shape[1] - 1 - np.arange(self._plan.up) * self._plan.down / self._plan.up
        self.delay = int(np.ceil(lasts.max()))
        self._origin, self._number = int(self._starts.min()), 0
        self._rows = np.zeros((-self._origin, n_channels))

    def begin(self, first: NDArray[np.float64], channels: NDArray[np.bool_]) -> None:
        self._rows[:, channels] = first[channels]

    def push(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        if self._idle:
            return rows
        self._rows = np.concatenate([self._rows, rows])
        stop = self._number
        while self._first_row(stop) + self._taps.shape[1] <= self._origin + len(self._rows):
            stop += 1
        out = np.empty((stop - self._number, self._rows.shape[1]))
        if len(out):
            self._kernel(self._rows, self._origin, self._taps, self._starts, self._plan.down, out, self._number)
            self._number = stop
            keep = self._first_row(stop) - self._origin
            self._rows, self._origin = self._rows[keep:].copy(), self._origin + keep
        return out

    def _first_row(self, number: int) -> int:
        """Input sample under the first tap of an output."""
        period, phase = divmod(number, self._plan.up)
        return period * self._plan.down + int(self._starts[phase])


class _BandPass:
    """A Butterworth band pass in one walk forward, its state carried from block to block."""

    def __init__(self, band: tuple[float, float], order: int, sfreq: float, n_channels: int) -> None:
        from mindleaf.preprocessing import kernels

        sections = butter(order, usable_band(band, sfreq), btype="bandpass", fs=sfreq, output="sos")
        # Sections that change nothing fill up the last group of four that the kernel takes.
        spare = -len(sections) % 4
        self._kernel = kernels.cascade
        self._sections = np.concatenate([sections, np.tile([1.0, 0, 0, 1, 0, 0], (spare, 1))])
        self._start = np.concatenate([sosfilt_zi(sections).reshape(-1, 1), np.zeros((2 * spare, 1))])
        self._state = np.zeros((len(self._start), n_channels))

    def begin(self, first: NDArray[np.float64], channels: NDArray[np.bool_]) -> None:
        self._state[:, channels] = self._start * first[channels]

    def push(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        out = np.empty_like(rows)
        for group in range(0, len(self._sections), 4):
            self._kernel(rows, self._sections[group : group + 4], self._state[2 * group : 2 * group + 8], False, out)
            rows = out.copy() if group + 4 < len(self._sections) else out
        return out


def causal(pipeline: Pipeline, signal: Float[np.ndarray, "time channel"], sfreq: float) -> Float[np.ndarray, "frame channel"]:
    """A whole recording through the causal pipeline at once: what a stream of it gives, in one block."""
    return CausalView(pipeline, sfreq, signal.shape[1]).push(signal)

"""Track: one stream as the decoder follows it. Counts every sample, filters, keeps the last seconds of frames."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mindleaf.live.events import Account, Event, Frames, Gap, Refused
from mindleaf.live.stream import Block, StreamInfo
from mindleaf.preprocessing.causal import CausalView
from mindleaf.preprocessing.pipeline import Pipeline

#: No electrode and no microphone gives more; a filter stays finite below it.
_HIGHEST = 1e12
#: A stream's clock is followed this slowly: jitter of stamps is averaged out, drift is not.
_CLOCK_S = 10.0

Array = NDArray[np.float64]


class Track:
    """Frames of one stream since its last gap: a stretch. Frame f stands at ``start + f / rate`` on the source's clock.

    keep_s      seconds of frames that stay readable
    transform   applied to samples in the stream's own unit before the pipeline; what comes out must be finite
    """

    def __init__(self, info: StreamInfo, pipeline: Pipeline, keep_s: float, transform: Callable[[Array], Array]) -> None:
        self.info, self.pipeline, self.rate = info, pipeline, pipeline.sfreq
        self.account = Account()
        self._transform = transform
        self._expected = -1
        self._kept = Ring(math.ceil(keep_s * self.rate), len(info.channels))
        self._last = np.zeros(len(info.channels))
        self.restart()
        # The first call compiles the loops, which takes seconds that a stream does not wait for.
        self.view.push(np.zeros((4, len(info.channels))))
        self.restart()

    def restart(self) -> None:
        """Forget the stretch: the next sample begins another."""
        self.view = CausalView(self.pipeline, self.info.sfreq, len(self.info.channels))
        self._kept.clear()
        self.n_samples, self.start = 0, math.nan

    @property
    def n_frames(self) -> int:
        return self._kept.total

    @property
    def stop(self) -> float:
        """Second at which the stretch ends so far; NaN before its first sample."""
        return self.start + self.n_samples / self.info.sfreq

    def admitted(self, block: Block) -> tuple[Block | None, list[Event]]:
        """What of a block is to be read, or None, and what there is to say about the rest: the stretch has ended there."""
        n = len(block.samples)
        if self._expected < 0:
            self._expected = block.first
        repeated = min(max(self._expected - block.first, 0), n)
        lost = max(block.first - self._expected, 0)
        self._expected = max(self._expected, block.first + n)
        a = replace(self.account, lost=self.account.lost + lost, repeated=self.account.repeated + repeated)
        said: list[Event] = [Gap(self.info.kind, lost, block.stamp)] if lost else []
        if reason := self._foreign(block):
            self.account = replace(a, refused=a.refused + n - repeated)
            return None, [*said, Refused(self.info.kind, n - repeated, reason)]
        self.account = replace(a, received=a.received + n - repeated)
        if repeated == n:
            return None, said
        stamp = block.stamp + repeated / self.info.sfreq
        return Block(self.info, block.first + repeated, stamp, block.samples[repeated:]), said

    def microvolts(self, block: Block) -> Array:
        """The samples of an admitted block as float64, EEG in microvolts; the stretch begins or goes on at its stamp."""
        if math.isnan(self.start):
            self.start = block.stamp
        else:
            late = block.stamp - self.stop
            self.start += late * (1 - math.exp(-len(block.samples) / self.info.sfreq / _CLOCK_S))
        return np.asarray(block.samples, np.float64) * self.info.microvolts

    def push(self, samples: Array) -> list[Event]:
        """Filter samples of the stretch and keep the frames."""
        self.n_samples += len(samples)
        frames = self.view.push(self._transform(self._finite(samples)))
        if not len(frames):
            return []
        stamp = self.start + self.n_frames / self.rate
        self._kept.append(frames)
        return [Frames(self.info.kind, stamp, self.rate, frames.astype(np.float32))]

    def holds(self, first: int) -> bool:
        """Whether frames from this one on can still be read."""
        return first >= self._kept.oldest

    def read(self, first: int, stop: int) -> Array:
        """Frames first to stop of the stretch, (frame, channel)."""
        return self._kept.read(first, stop)

    def _foreign(self, block: Block) -> str:
        """Why this block is not of the stream that was opened; "" where it is."""
        if block.info is not self.info and (told := self.info.difference(block.info)):
            return told
        if block.samples.ndim != 2 or block.samples.shape[1] != len(self.info.channels):
            return f"samples of shape {block.samples.shape} for {len(self.info.channels)} channels"
        if not math.isfinite(block.stamp):
            return f"a stamp of {block.stamp}"
        return ""

    def _finite(self, samples: Array) -> Array:
        """What is missing is replaced by the sample before it; the gate, which sees the original, leaves the channel out."""
        good = np.isfinite(samples)
        if not good.all():
            rows = np.where(good, np.arange(len(samples))[:, None], -1)
            source = np.maximum.accumulate(rows, axis=0)
            filled = np.take_along_axis(samples, np.maximum(source, 0), axis=0)
            samples = np.where(source >= 0, filled, self._last)
        self._last = samples[-1]
        return np.clip(samples, -_HIGHEST, _HIGHEST)


class Ring:
    """The last rows of a growing table, addressed by their number from its beginning."""

    def __init__(self, n_rows: int, n_columns: int) -> None:
        self._n, self._rows = n_rows, np.zeros((2 * n_rows, n_columns))
        self.clear()

    def clear(self) -> None:
        self.total, self._held = 0, 0

    @property
    def oldest(self) -> int:
        return self.total - self._held

    def append(self, rows: Array) -> None:
        """At most as many as the ring holds stay."""
        self.total += len(rows)
        rows = rows[-self._n :]
        if self._held + len(rows) > len(self._rows):
            stay = self._n - len(rows)
            self._rows[:stay] = self._rows[self._held - stay : self._held].copy()
            self._held = stay
        self._rows[self._held : self._held + len(rows)] = rows
        self._held += len(rows)

    def read(self, first: int, stop: int) -> Array:
        begin = first - self.oldest
        assert begin >= 0 and stop <= self.total, f"rows {first} to {stop} are not held"
        return self._rows[begin : begin + stop - first].copy()

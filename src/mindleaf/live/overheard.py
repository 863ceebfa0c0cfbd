"""A source that is listened in on: what a page shows but no decoder needs, the sound itself and how late EEG comes."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from mindleaf.encoders.mel import mel_filters
from mindleaf.live.source import Item, Source
from mindleaf.live.stream import Block, StreamInfo

#: Frames of sound a second and bands of a frame, for drawing.
FRAMES_HZ, BANDS = 25.0, 24
#: Blocks that wait for a page; what nobody fetches falls out.
_WAITING, _TIMED = 400, 500
#: Levels are told from 0 to 255, which is so many dB below the loudest of the last half minute.
_RANGE_DB, _FORGET_S = 55.0, 30.0


class Overheard:
    """Hands on what ``source`` hands out. ``late_ms``: of the last EEG blocks, from their last sample to here."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.name, self.eeg, self.sound = source.name, source.eeg, source.sound
        self.clock, self.attend, self.close = source.clock, source.attend, source.close
        self.late_ms: deque[float] = deque(maxlen=_TIMED)
        self.heard: deque[Block] = deque(maxlen=_WAITING)

    def take(self) -> list[Item] | None:
        items = self._source.take()
        now = self.clock()
        for item in items or ():
            if isinstance(item, Block) and item.info.kind != "eeg":
                self.heard.append(item)
            elif isinstance(item, Block):
                self.late_ms.append(1e3 * (now - item.stamp - len(item.samples) / item.info.sfreq))
        return items


class Levels:
    """Loudness of each candidate for drawing: in mel bands where there is a waveform, one band of an envelope."""

    def __init__(self, info: StreamInfo) -> None:
        self._info = info
        self.n_bands = BANDS if info.kind == "audio" else 1
        self.rate = min(FRAMES_HZ, info.sfreq)
        #: Samples of a frame; the rate that is told is the one that comes out.
        self._n = max(1, round(info.sfreq / self.rate))
        self.rate = info.sfreq / self._n
        self._filters = mel_filters(BANDS, info.sfreq, self._n) if info.kind == "audio" else None
        self._rest = np.zeros((0, len(info.channels)))
        self._loudest, self._stamp = 0.0, 0.0

    def take(self, blocks: list[Block]) -> tuple[float, NDArray[np.uint8]]:
        """Second of the first frame, and the frames that are complete by now (frame, candidate, band)."""
        for block in blocks:
            if block.samples.ndim != 2 or block.samples.shape[1] != self._rest.shape[1]:
                continue
            if abs(block.stamp - self._stamp - len(self._rest) / self._info.sfreq) > 0.5 / self.rate:
                self._rest, self._stamp = self._rest[:0], block.stamp
            self._rest = np.concatenate([self._rest, np.nan_to_num(block.samples.astype(np.float64))])
        n_frames, stamp = len(self._rest) // self._n, self._stamp
        whole = self._rest[: n_frames * self._n].reshape(n_frames, self._n, self._rest.shape[1])
        self._rest, self._stamp = self._rest[n_frames * self._n :], stamp + n_frames / self.rate
        return stamp, self._told(whole)

    def _told(self, frames: NDArray[np.float64]) -> NDArray[np.uint8]:
        if self._filters is None:
            level = np.maximum(frames.mean(axis=1), 0.0)[:, :, None]
        else:
            taper = np.hanning(self._n)[None, :, None]
            level = np.einsum("bf,nfc->ncb", self._filters, np.abs(np.fft.rfft(frames * taper, axis=1)) ** 2)
        kept = 0.5 ** (len(frames) / self.rate / _FORGET_S)
        self._loudest = max(self._loudest * kept, float(level.max(initial=0.0)))
        share = level / self._loudest if self._loudest > 0 else np.zeros_like(level)
        if self._filters is not None:
            share = 1 + 10 * np.log10(np.maximum(share, 1e-12)) / _RANGE_DB
        return np.asarray(np.clip(255 * share, 0, 255), np.uint8)

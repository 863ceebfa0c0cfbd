"""EnvelopeFrontend: the amplitude of speech over time, band-limited to where a linear decoder can follow it."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator
from scipy.signal import butter, hilbert, resample_poly, sosfiltfilt

from mindleaf.config import Config

#: Audio is worked through in blocks of this length with a margin on both sides, so that memory does not grow with the stimulus.
_BLOCK_S, _MARGIN_S = 60.0, 1.0
#: Rate at which the envelope is band-passed, in units of the frame rate.
_OVERSAMPLING = 4


class EnvelopeFrontend(Config):
    """Waveform or envelope -> frames of its amplitude envelope.

    frame_rate   frames per second
    band         zero-phase Butterworth band of the envelope in Hz (order ``order``), or None for no filter
    power        compression of the amplitude of audio (0.6 follows loudness); an envelope is used as it comes
    n_bands      audio is split into this many bands, geometrically spaced over ``audio_band`` (Hz); 1: the whole signal
    pooled       sum the compressed bands into one feature; else one feature a band

    Sub-band envelopes compressed before they are summed: W. Biesmans et al., "Auditory-inspired speech envelope
    extraction methods for improved EEG-based auditory attention detection", IEEE TNSRE 25 (2017), 402-412.
    """

    frame_rate: float = 32.0
    band: tuple[float, float] | None = (1.0, 9.0)
    order: int = 3
    power: float = 1.0
    n_bands: int = 1
    audio_band: tuple[float, float] = (100.0, 7000.0)
    pooled: bool = True

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.frame_rate <= 0 or self.n_bands < 1 or self.power <= 0:
            raise ValueError("frame_rate and power must be above 0 and n_bands at least 1")
        if self.band is not None and not 0 < self.band[0] < self.band[1] < self.frame_rate / 2:
            raise ValueError(f"band {self.band} must rise and stay below half the frame rate {self.frame_rate:g} Hz")
        return self

    @property
    def n_features(self) -> int:
        return 1 if self.pooled else self.n_bands

    @property
    def accepts(self) -> frozenset[str]:
        """An envelope has no bands of its own, so several features need the waveform."""
        return frozenset({"audio", "envelope"}) if self.n_features == 1 else frozenset({"audio"})

    def __call__(self, samples: NDArray[np.float32], sample_rate: float, kind: str) -> NDArray[np.float32]:
        """samples: (n_samples,) of a whole stimulus -> (feature, frame); frame f stands at second f / frame_rate.

        Raises ValueError for a kind of stimulus that ``accepts`` does not name.
        """
        if kind not in self.accepts:
            raise ValueError(f"an envelope of {self.n_features} features needs audio, got {kind!r}; set pooled=true.")
        amplitude = self._amplitude(samples, sample_rate) if kind == "audio" else np.asarray(samples, np.float64)[None]
        rate = sample_rate
        if self.band is not None:
            between = self.frame_rate * _OVERSAMPLING
            if rate > between:
                amplitude, rate = resampled(amplitude, rate, between), between
            sos = butter(self.order, self.band, btype="bandpass", fs=rate, output="sos")
            padding = min(int(3 * rate / self.band[0]), amplitude.shape[1] - 1)
            amplitude = sosfiltfilt(sos, amplitude, axis=1, padlen=padding)
        return resampled(amplitude, rate, self.frame_rate).astype(np.float32)

    def _amplitude(self, samples: NDArray, sample_rate: float) -> NDArray[np.float32]:
        """(feature, n_samples) compressed amplitude at the rate of the audio."""
        filters = self._filters(sample_rate)
        out = np.empty((self.n_features, len(samples)), np.float32)
        for block, core, place in _blocks(samples, sample_rate):
            bands = [np.abs(hilbert(sosfiltfilt(sos, block) if sos is not None else block)) ** self.power for sos in filters]
            amplitude = np.sum(bands, axis=0, keepdims=True) if self.pooled else np.stack(bands)
            out[:, place] = amplitude[:, core]
        return out

    def _filters(self, sample_rate: float) -> list[NDArray | None]:
        if self.n_bands == 1:
            return [None]
        top = min(self.audio_band[1], 0.45 * sample_rate)
        edges = np.geomspace(self.audio_band[0], top, self.n_bands + 1)
        return [butter(2, (low, high), btype="bandpass", fs=sample_rate, output="sos") for low, high in pairwise(edges)]


def _blocks(samples: NDArray, sample_rate: float) -> Iterator[tuple[NDArray[np.float64], slice, slice]]:
    """Block with margins, where its core lies in it, and where the core lies in the whole."""
    n, length, margin = len(samples), round(_BLOCK_S * sample_rate), round(_MARGIN_S * sample_rate)
    for start in range(0, n, length):
        stop = min(start + length, n)
        low, high = max(start - margin, 0), min(stop + margin, n)
        # The last block may be a few samples: reach further back, filters need some signal.
        low = min(low, max(high - 2 * margin, 0))
        yield np.asarray(samples[low:high], np.float64), slice(start - low, stop - low), slice(start, stop)


def resampled(signal: NDArray, from_hz: float, to_hz: float) -> NDArray:
    """Polyphase along the last axis; sample k stands at second k / to_hz."""
    ratio = Fraction(to_hz / from_hz).limit_denominator(100_000)
    return signal if ratio == 1 else resample_poly(signal, ratio.numerator, ratio.denominator, axis=-1)

"""Log-mel frames of a stimulus, with numpy and scipy only."""

from __future__ import annotations

import hashlib
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from mindleaf.errors import BadInput

#: Rate at which audio encoders listen, Hz (MindMix, appendix A.2).
AUDIO_RATE = 16_000
#: What lies further below the loudest moment of the stimulus counts as silence, dB.
_RANGE_DB = 60.0
_WINDOW_S, _HOP_S = 0.025, 0.010
_VERSION = "mel-1"


class MelFrontend:
    """Mel bands (25-ms windows every 10 ms), logarithm relative to the stimulus' loudest moment, at 50 frames a second.

    Values run from 0 (60 dB below the loudest) to 1. Frame f stands at second f / frame_rate and is a weighted mean of
    the 10-ms windows centred on and beside it.
    """

    accepts = frozenset({"audio"})

    def __init__(self, n_mels: int = 80, frame_rate: float = 50.0) -> None:
        steps = 1.0 / (_HOP_S * frame_rate)
        if frame_rate <= 0 or abs(steps - round(steps)) > 1e-6:
            raise BadInput(f"the mel frame rate must divide {1 / _HOP_S:g} Hz, got {frame_rate:g}; take 100, 50 or 25.")
        self.n_features, self.frame_rate = n_mels, float(frame_rate)
        self._step = round(steps)
        self._filters = mel_filters(n_mels, AUDIO_RATE, 512)

    def fingerprint(self) -> str:
        """Changes exactly when the frames would."""
        settings = f"{_VERSION}:{self.n_features}:{self.frame_rate}:{_RANGE_DB}"
        return hashlib.sha256(settings.encode()).hexdigest()[:16]

    def __call__(self, samples: NDArray[np.floating], sample_rate: float, kind: str) -> NDArray[np.float32]:
        """(n_samples,) at ``sample_rate`` Hz to (feature, frame). Raises BadInput for an envelope: it has no spectrum."""
        if kind not in self.accepts:
            raise BadInput(f"mel bands want a waveform, got a stimulus of kind {kind!r}; use the envelope frontend for it.")
        n_frames = int(np.ceil(len(samples) / sample_rate * self.frame_rate - 1e-9))
        power = self._filters @ _power(to_rate(samples, sample_rate, AUDIO_RATE))
        loudness = 10.0 * np.log10(np.maximum(power, 1e-12))
        level = np.clip((loudness - loudness.max(initial=-120.0)) / _RANGE_DB + 1.0, 0.0, 1.0)
        if not np.any(samples):
            level = np.zeros_like(level)
        return _centred_means(level, self._step, n_frames).astype(np.float32)


def to_rate(samples: NDArray[np.floating], sample_rate: float, wanted: float) -> NDArray[np.float64]:
    """Polyphase resampling, which does not shift time."""
    ratio = Fraction(wanted / sample_rate).limit_denominator(10_000)
    values = np.asarray(samples, dtype=np.float64)
    return values if ratio == 1 else resample_poly(values, ratio.numerator, ratio.denominator)


def mel_filters(n_mels: int, sample_rate: float, n_fft: int) -> NDArray[np.float64]:
    """Triangles evenly spaced in mel (2595 log10(1 + f / 700)) from 0 to half the rate, shape (mel, frequency)."""
    top = 2595.0 * np.log10(1.0 + sample_rate / 2 / 700.0)
    edges = 700.0 * (10.0 ** (np.linspace(0.0, top, n_mels + 2) / 2595.0) - 1.0)
    frequencies = np.fft.rfftfreq(n_fft, 1.0 / sample_rate)
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    triangles = np.maximum(0.0, np.minimum((frequencies - low) / (centre - low), (high - frequencies) / (high - centre)))
    # The lowest bands are narrower than one bin: give such a band the bin nearest to its centre.
    empty = triangles.sum(axis=1) < 1e-3
    triangles[empty, np.abs(frequencies - centre[empty]).argmin(axis=1)] = 1.0
    return triangles / triangles.sum(axis=1, keepdims=True)


def _power(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """Power spectrum (frequency, hop) of Hann windows centred at multiples of the hop, in blocks to bound the memory."""
    size, hop, block = round(_WINDOW_S * AUDIO_RATE), round(_HOP_S * AUDIO_RATE), 2000
    n_hops = len(samples) // hop + 1
    padded = np.pad(samples, (size // 2, size))
    windows = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop][:n_hops]
    taper = np.hanning(size + 1)[:-1]
    spectra = [np.abs(np.fft.rfft(windows[i : i + block] * taper, 512)) ** 2 for i in range(0, n_hops, block)]
    return np.concatenate(spectra).T


def _centred_means(level: NDArray[np.float64], step: int, n_frames: int) -> NDArray[np.float64]:
    """Every ``step``-th hop, averaged with its neighbours by a triangle that reaches the next frame."""
    triangle = np.concatenate([np.arange(1, step + 1), np.arange(step - 1, 0, -1)]) / step**2
    padded = np.pad(level, ((0, 0), (step - 1, step - 1 + step * n_frames)), mode="edge")
    starts = step * np.arange(n_frames)
    frames = np.zeros((level.shape[0], n_frames))
    for offset, weight in enumerate(triangle):
        frames += weight * padded[:, starts + offset]
    return frames

"""What the simulated auditory cortex takes from a sound: a linear envelope, and adapted onsets in four bands."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import gcd

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.signal import lfilter, resample_poly

#: Edges in Hz of the four bands of the nonlinear part.
BAND_EDGES = (100.0, 400.0, 1000.0, 2200.0, 5000.0)
N_BANDS = len(BAND_EDGES) - 1
#: Loudness compression of amplitude (Stevens' power law, as in auditory attention decoding since O'Sullivan et al. 2015).
COMPRESSION = 0.3
ADAPTATION_S = 0.25


@dataclass(frozen=True)
class Features:
    """envelope: (time,), linear part; onsets: (band, time), nonlinear part. Both >= 0 and zero in silence."""

    envelope: NDArray[np.float64]
    onsets: NDArray[np.float64]


def features(samples: NDArray[np.float32], sample_rate: int, sfreq: int) -> Features:
    """Features of a sound of shape (n_samples,), sampled at ``sfreq`` Hz.

    envelope   |Hilbert transform| ** 0.3 of the broadband sound
    onsets     per band: half-wave rectified slope of the compressed envelope, divided by (a floor plus the level of the
               last quarter of a second). An onset after silence therefore counts several times one in running speech;
               no linear filter of the envelope gives that.
    """
    n_samples = len(samples)
    n_fft = fft.next_fast_len(n_samples, real=True)
    spectrum = fft.rfft(samples.astype(np.float32), n_fft)
    frequencies = fft.rfftfreq(n_fft, 1 / sample_rate)
    envelope = _compressed(_analytic(spectrum, n_fft)[:n_samples], sample_rate, sfreq)
    onsets = []
    for low, high in pairwise(BAND_EDGES):
        band = _analytic(np.where((frequencies >= low) & (frequencies < high), spectrum, 0), n_fft)[:n_samples]
        onsets.append(_adapted_onsets(_compressed(band, sample_rate, sfreq), sfreq))
    return Features(envelope, np.stack(onsets))


def _analytic(spectrum: NDArray[np.complex64], n_fft: int) -> NDArray[np.complex64]:
    full = np.zeros(n_fft, dtype=np.complex64)
    full[: len(spectrum)] = 2 * spectrum
    return fft.ifft(full, overwrite_x=True)


def _compressed(analytic: NDArray[np.complex64], sample_rate: int, sfreq: int) -> NDArray[np.float64]:
    common = gcd(sample_rate, sfreq)
    amplitude = np.abs(analytic) ** np.float32(COMPRESSION)
    return np.maximum(resample_poly(amplitude, sfreq // common, sample_rate // common), 0.0).astype(np.float64)


def _adapted_onsets(envelope: NDArray[np.float64], sfreq: int) -> NDArray[np.float64]:
    slope = np.maximum(np.diff(envelope, prepend=0.0), 0.0) * sfreq
    forget = np.exp(-1 / (ADAPTATION_S * sfreq))
    level = lfilter([0.0, 1 - forget], [1.0, -forget], envelope)
    return slope / (0.2 * envelope.mean() + level + 1e-12)

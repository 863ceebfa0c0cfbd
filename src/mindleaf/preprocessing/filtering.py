"""Zero-phase filtering and polyphase resampling of a continuous recording."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, resample_poly, sosfiltfilt

from mindleaf.preprocessing.pipeline import Pipeline

#: Highest usable edge of a band, as a share of the recorded rate.
_TOP = 0.45


def usable_band(band: tuple[float, float], sfreq: float) -> tuple[float, float]:
    """The band, its upper edge lowered to 0.45 x rate where the recorded rate is too low."""
    return band[0], min(band[1], _TOP * sfreq)


def filled(signal: NDArray[np.floating]) -> NDArray[np.float64]:
    """Non-finite samples replaced, row by row: interpolated between neighbours, zeros where a whole row is missing.

    signal: (n_channels, n_times); returns a float64 copy.
    """
    out = np.array(signal, dtype=np.float64)
    times = np.arange(out.shape[1])
    for row in out:
        good = np.isfinite(row)
        if not good.any():
            row[:] = 0.0
        elif not good.all():
            row[~good] = np.interp(times[~good], times[good], row[good])
    return out


def band_pass(signal: NDArray[np.float64], sfreq: float, band: tuple[float, float], order: int) -> NDArray[np.float64]:
    """Butterworth of the given order, forward and backward (zero phase) along time. signal: (n_channels, n_times)."""
    sos = butter(order, usable_band(band, sfreq), btype="bandpass", fs=sfreq, output="sos")
    return sosfiltfilt(sos, signal, axis=1, padlen=min(int(3 * sfreq / band[0]), signal.shape[1] - 1))


def resample(signal: NDArray[np.float64], from_hz: float, to_hz: float) -> NDArray[np.float64]:
    """Polyphase resampling along time; sample k stands at second k / to_hz, with no drift."""
    ratio = Fraction(to_hz / from_hz).limit_denominator(10_000)
    if ratio == 1:
        return signal
    return resample_poly(signal, ratio.numerator, ratio.denominator, axis=1)


def apply(pipeline: Pipeline, signal: NDArray[np.floating], sfreq: float) -> NDArray[np.float32]:
    """The view of one recording: (n_channels, n_times) microvolts at ``sfreq`` -> (n_channels, n_times') at ``pipeline.sfreq``."""
    out = filled(signal)
    if pipeline.reference == "average":
        out -= out.mean(axis=0, keepdims=True)
    if pipeline.band is not None:
        out = band_pass(out, sfreq, pipeline.band, pipeline.order)
    return resample(out, sfreq, pipeline.sfreq).astype(np.float32)


def z_score(windows: NDArray[np.float32], floor: float = 1e-6) -> NDArray[np.float32]:
    """Per window and channel: zero mean, unit deviation over the last axis; a flat channel becomes zeros."""
    mean = windows.mean(axis=-1, keepdims=True)
    deviation = windows.std(axis=-1, keepdims=True)
    return np.where(deviation > floor, (windows - mean) / np.maximum(deviation, floor), 0.0).astype(np.float32)

"""The lag check: finds where EEG follows sound, warns where it cannot, and says nothing where nothing is told."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import butter, sosfiltfilt

from mindleaf.metrics.lag import audio_lag

SFREQ = 64.0
BAND = butter(3, (1.0, 9.0), "bandpass", fs=SFREQ, output="sos")


def listened(lags_s: list[float], gain: float, n_channels: int = 16, seconds: float = 60.0, seed: int = 0):
    """One piece per lag: EEG that carries the envelope ``lag`` seconds later under noise."""
    rng = np.random.default_rng(seed)
    pieces = []
    for lag in lags_s:
        n = round(seconds * SFREQ)
        envelope = sosfiltfilt(BAND, rng.standard_normal(n))
        noise = sosfiltfilt(BAND, rng.standard_normal((n_channels, n)))
        weights = rng.standard_normal((n_channels, 1))
        pieces.append((noise + gain * weights * np.roll(envelope, round(lag * SFREQ)), envelope))
    return pieces


@pytest.mark.parametrize("lag", [0.0, 0.125, 0.25])
def test_a_brain_that_follows_is_aligned(lag: float):
    found = audio_lag(listened([lag] * 4, gain=0.3), SFREQ)
    assert (found.status, found.lag_s) == ("aligned", pytest.approx(lag, abs=1 / SFREQ))


@pytest.mark.parametrize("lag", [-0.5, 1.0])
def test_a_wrong_onset_is_misaligned(lag: float):
    found = audio_lag(listened([lag] * 4, gain=0.3), SFREQ)
    assert (found.status, found.lag_s) == ("misaligned", pytest.approx(lag, abs=1 / SFREQ))


def test_clocks_that_drift_are_told():
    found = audio_lag(listened([0.1, 0.1, 0.4, 0.4], gain=0.5), SFREQ)
    assert (found.status, found.lag_s) == ("drifting", pytest.approx(0.3, abs=2 / SFREQ))


def test_eeg_that_does_not_follow_is_not_told_more_than_rarely():
    """The bar is the 99.5 % point of unrelated lags: of 40 recordings without a relation hardly one may pass it."""
    told = [audio_lag(listened([0.1] * 3, gain=0.0, seed=seed), SFREQ).told for seed in range(40)]
    assert sum(told) <= 2


def test_short_or_no_pieces_are_not_told():
    assert audio_lag([], SFREQ).status == "not told"
    assert audio_lag(listened([0.1], gain=1.0, seconds=5.0), SFREQ).status == "not told"


def test_flat_channels_do_not_disturb():
    pieces = listened([0.125] * 3, gain=0.4)
    pieces = [(np.vstack([eeg, np.zeros((1, eeg.shape[1]))]), envelope) for eeg, envelope in pieces]
    assert audio_lag(pieces, SFREQ).status == "aligned"

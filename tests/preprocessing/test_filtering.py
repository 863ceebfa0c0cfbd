"""Filtering and resampling: zero phase, exact time, no drift, honest about gaps."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import butter, resample_poly, sosfiltfilt

from mindleaf.preprocessing.filtering import apply, filled, resample, usable_band, z_score
from mindleaf.preprocessing.pipeline import MINDMIX, Pipeline


def test_equals_scipy_in_float64():
    rng = np.random.default_rng(0)
    signal = rng.standard_normal((3, 512 * 20)) * 20
    sos = butter(4, (1, 40), btype="bandpass", fs=512, output="sos")
    expected = resample_poly(sosfiltfilt(sos, signal, axis=1, padlen=1536), 25, 64, axis=1)
    error = apply(MINDMIX, signal, 512.0) - expected
    assert np.sqrt((error**2).mean() / (expected**2).mean()) < 1e-6


@pytest.mark.parametrize("rate", [128, 160, 250, 256, 500, 512])
def test_an_impulse_stays_where_it_was(rate):
    signal = np.zeros((1, rate * 10))
    signal[0, rate * 4] = 100.0
    peak = np.abs(apply(MINDMIX, signal, float(rate))[0]).argmax() / 200
    assert abs(peak - 4.0) <= 1 / 200


@pytest.mark.parametrize("rate", [128.0, 250.0, 256.0, 500.0, 1000.0])
def test_resampling_does_not_drift(rate):
    times = np.arange(int(rate * 60)) / rate
    slow = np.sin(2 * np.pi * 3 * times)[None]
    out = resample(slow, rate, 200.0)[0]
    expected = np.sin(2 * np.pi * 3 * np.arange(len(out)) / 200)
    assert np.abs(out - expected)[400:-400].max() < 1e-3


def test_band_is_lowered_where_the_rate_is_too_low():
    assert usable_band((1.0, 40.0), 64.0) == (1.0, pytest.approx(28.8))
    assert np.isfinite(apply(MINDMIX, np.random.default_rng(0).standard_normal((2, 640)), 64.0)).all()


def test_gaps_do_not_spread():
    signal = np.random.default_rng(0).standard_normal((3, 1000))
    signal[0] = np.nan
    signal[1, 100:110] = np.nan
    out = filled(signal)
    assert np.isfinite(out).all() and (out[0] == 0).all()
    np.testing.assert_array_equal(out[2], signal[2])


def test_z_score_of_a_flat_channel_is_zero():
    windows = np.stack([np.full(100, 7.0), np.arange(100.0)])[None].astype(np.float32)
    scored = z_score(windows)
    assert (scored[0, 0] == 0).all()
    assert scored[0, 1].std() == pytest.approx(1.0, abs=1e-5)


def test_z_score_of_gaps_offsets_and_nothing():
    windows = np.random.default_rng(0).standard_normal((2, 3, 400)).astype(np.float32) * 20 + 5000
    windows[0, 0, 0], windows[0, 1, 7], windows[1, 0, 0] = np.nan, np.inf, 1e5
    scored = z_score(windows)
    assert (scored[0, :2] == 0).all()
    exact = windows[1].astype(np.float64)
    exact = (exact - exact.mean(-1, keepdims=True)) / exact.std(-1, keepdims=True)
    np.testing.assert_allclose(scored[1], exact, atol=5e-5)
    assert z_score(np.zeros((0, 3, 0), np.float32)).shape == (0, 3, 0)


def test_average_reference_sums_to_zero():
    pipeline = Pipeline(name="test", band=None, sfreq=128.0, reference="average")
    signal = np.random.default_rng(0).standard_normal((4, 256)) + 50
    assert np.abs(apply(pipeline, signal, 128.0).sum(axis=0)).max() < 1e-4

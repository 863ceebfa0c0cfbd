"""Reconstruction finds a linear relation, chooses its penalty without the test part, and says nothing about noise."""

from __future__ import annotations

import numpy as np
import pytest

from mindleaf.metrics.reconstruction import Reconstruction, correlations, lagged, variance_share

RNG = np.random.default_rng(0)


def windows(n, noise):
    sound = RNG.standard_normal((n, 100, 4))
    mixing = np.random.default_rng(1).standard_normal((4, 6))
    return sound @ mixing + noise * RNG.standard_normal((n, 100, 6)), sound


def test_a_linear_relation_is_read_back():
    model = Reconstruction().fit(windows(30, 0.3), windows(10, 0.3))
    eeg, sound = windows(10, 0.3)
    assert correlations(model.predict(eeg), sound).mean() > 0.9


def test_noise_is_at_zero():
    eeg = RNG.standard_normal((40, 100, 6))
    model = Reconstruction().fit((eeg[:20], windows(20, 1)[1]), (eeg[20:30], windows(10, 1)[1]))
    assert abs(correlations(model.predict(eeg[30:]), windows(10, 1)[1]).mean()) < 0.05


def test_lags_join_neighbours():
    frames = np.arange(6.0).reshape(1, 6, 1)
    np.testing.assert_array_equal(lagged(frames, 1, 1)[0, 2], [1, 2, 3])
    np.testing.assert_array_equal(lagged(frames, 1, 1)[0, 0], [0, 0, 1])


def test_a_constant_has_no_correlation():
    assert np.isnan(correlations(np.ones((1, 10, 1)), RNG.standard_normal((1, 10, 1)))).all()


def test_share_of_variance_between_groups():
    groups = np.repeat(["a", "b"], 50)
    far = np.where(groups == "a", 5.0, -5.0)[:, None] + 0.01 * RNG.standard_normal((100, 1))
    assert variance_share(far, groups) == pytest.approx(1.0, abs=1e-4)
    assert variance_share(RNG.standard_normal((100, 3)), groups) < 0.1

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mindleaf.metrics import calibration
from mindleaf.metrics.scores import correctness, decisions

SEEDS = st.integers(0, 2**32 - 1)


def drawn(seed: int, n: int, k: int, sharpness: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Answers drawn from the softmax of ``scores / sharpness``: calibrated at 1, over-confident above."""
    rng = np.random.default_rng(seed)
    logits = 2 * rng.standard_normal((n, k))
    cumulative = np.cumsum(calibration.softmax(logits), axis=1)
    answers = np.minimum((cumulative < rng.random((n, 1))).sum(axis=1), k - 1)
    return answers, sharpness * logits


def measured(answers, scores, clusters=None, n_bins=10):
    confidence, credit = calibration.top_label(answers, scores)
    clusters = np.arange(len(answers)) if clusters is None else clusters
    sums, sizes = calibration.gaps(confidence, credit, clusters, n_bins)
    return calibration.calibration_error(confidence, credit, n_bins), *calibration.level_if_calibrated(sums, sizes, seed=0)


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.integers(2, 5))
def test_a_calibrated_system_shows_its_noise_and_no_more(seed, k):
    error, level, high = measured(*drawn(seed, 3000, k))
    assert error < 0.05
    assert level == pytest.approx(error, abs=0.02) and level <= high


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.integers(2, 5))
def test_an_over_confident_system_is_far_above_that_level(seed, k):
    error, _, high = measured(*drawn(seed, 3000, k, sharpness=6.0))
    assert error > 0.1 and error > 3 * high


def test_the_level_of_perfect_calibration_is_kept_one_time_in_twenty():
    above = [error > high for error, _, high in (measured(*drawn(seed, 400, 2)) for seed in range(200))]
    assert 0.01 <= np.mean(above) <= 0.10


def test_few_windows_of_a_calibrated_system_are_not_called_zero():
    found = np.array([measured(*drawn(seed, 60, 2)) for seed in range(100)])
    assert found[:, 0].mean() > 0.08, "the plain error of sixty windows is all noise"
    assert found[:, 1].mean() == pytest.approx(found[:, 0].mean(), rel=0.15)


def test_windows_that_are_right_together_count_as_one():
    """Trials of 40 windows, each wholly right or wrong with the probability that was said: calibrated, but noisy."""
    inside, apart = [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        said = np.repeat(rng.uniform(0.6, 0.9, size=20), 40)
        right = np.repeat(rng.random(20), 40) < said
        scores = np.log(np.stack([said, 1 - said], axis=1))
        answers = np.where(right, 0, 1)
        error, _, high = measured(answers, scores, np.repeat(np.arange(20), 40))
        inside.append(error <= high)
        apart.append(error <= measured(answers, scores)[2])
    assert np.mean(inside) >= 0.75
    assert np.mean(apart) < 0.2, "single windows would have called nearly every calibrated system over-confident"


def test_one_cluster_tells_nothing():
    error, level, high = measured(*drawn(0, 100, 2, sharpness=6.0), clusters=np.zeros(100, dtype=int))
    assert level == pytest.approx(error) and high == pytest.approx(error)


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(1, 60), st.integers(2, 6), st.integers(1, 20))
def test_the_error_is_a_share_and_ignores_order_and_constants(seed, n, k, n_bins):
    answers, scores = drawn(seed, n, k)
    scores[np.random.default_rng(seed).random((n, k)) < 0.1] = -np.inf
    error = calibration.calibration_error(*calibration.top_label(answers, scores), n_bins)
    assert 0 <= error <= 1
    order = np.random.default_rng(seed).permutation(n)
    shifted = scores[order] + 5.0
    again = calibration.calibration_error(*calibration.top_label(answers[order], shifted), n_bins)
    assert again == pytest.approx(error, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(1, 200), st.integers(1, 12), st.integers(1, 30))
def test_bins_hold_equal_mass_and_keep_equal_confidences_together(seed, n, n_bins, n_levels):
    rng = np.random.default_rng(seed)
    for confidence in (rng.permutation(n) / n, rng.integers(n_levels, size=n) / n_levels):
        bins = calibration.equal_mass_bins(confidence, n_bins)
        assert bins.min() >= 0 and bins.max() < n_bins
        assert all(len(set(bins[confidence == value])) == 1 for value in np.unique(confidence))
        assert (np.diff(bins[np.argsort(confidence, kind="stable")]) >= 0).all()
    sizes = np.bincount(calibration.equal_mass_bins(rng.permutation(n) / n, n_bins), minlength=n_bins)
    assert np.ptp(sizes) <= 1


def test_a_known_error():
    """Two bins: says .9 and is right half the time, says .6 and is always right."""
    confidence, credit = np.repeat([0.6, 0.9], 10), np.r_[np.ones(10), np.tile([0.0, 1.0], 5)]
    assert calibration.calibration_error(confidence, credit, 2) == pytest.approx((0.4 + 0.4) / 2)
    assert calibration.calibration_error(confidence, credit, 1) == pytest.approx(0.0), "over and under cancel inside a bin"


def test_probabilities_of_missing_and_impossible_options():
    shares = calibration.softmax([[0.0, np.nan, 0.0], [-np.inf, 0.0, 0.0], [-np.inf, -np.inf, np.nan], [np.nan] * 3])
    np.testing.assert_allclose(shares, [[0.5, 0, 0.5], [0, 0.5, 0.5], [0.5, 0.5, 0], [1 / 3] * 3])


@settings(max_examples=30, deadline=None)
@given(SEEDS)
def test_scores_of_probabilities_give_them_back_with_the_same_decision(seed):
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.ones(4), size=20)
    shares[rng.random(20) < 0.3, 0] = 0.0
    scores = calibration.of_probabilities(shares)
    np.testing.assert_allclose(calibration.softmax(scores), shares / shares.sum(axis=1, keepdims=True))
    np.testing.assert_array_equal(decisions(scores), decisions(shares))
    answers = rng.integers(4, size=20)
    np.testing.assert_array_equal(correctness(answers, scores), correctness(answers, shares))


def test_a_system_that_says_that_it_knows_nothing_is_calibrated():
    answers = np.arange(100) % 2
    assert calibration.calibration_error(*calibration.top_label(answers, np.zeros((100, 2)))) == 0.0


def test_no_bins_are_refused():
    with pytest.raises(ValueError, match="one bin or more"):
        calibration.equal_mass_bins([0.5], 0)

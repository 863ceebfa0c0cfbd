from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from mindleaf.evaluation.clusters import cluster_ids
from mindleaf.metrics.chance import binomial_limit, binomial_two_sided, chance_levels
from mindleaf.metrics.comparisons import holm, paired_difference
from mindleaf.metrics.intervals import careful_interval, mean_interval, wide_interval


def table(n_subjects):
    subjects = np.repeat([f"{k:02d}" for k in range(n_subjects)], 4)
    return pd.DataFrame({"dataset": "d", "subject": subjects, "recording": subjects, "trial": ["a", "a", "b", "b"] * n_subjects})


def test_unit_is_the_subject_from_five_subjects_on():
    ids, unit = cluster_ids(table(5))
    assert (unit, len(set(ids))) == ("subject", 5)
    ids, unit = cluster_ids(table(4))
    assert (unit, len(set(ids))) == ("trial", 8)


def test_interval_over_clusters_covers_what_an_interval_over_windows_misses():
    """Windows of a trial are equal here, so treating them as independent must understate the error."""
    rng = np.random.default_rng(0)
    hits = {"clusters": 0, "windows": 0}
    for draw in range(100):
        clusters = np.repeat(np.arange(20), 30)
        values = (rng.random(20) < 0.5).astype(float)[clusters]
        for name, ids in (("clusters", clusters), ("windows", np.arange(600))):
            low, high = mean_interval(values, ids, seed=draw, n_draws=300)
            hits[name] += low <= 0.5 <= high
    assert hits["clusters"] >= 88
    assert hits["windows"] <= 50


def test_careful_interval_is_wider_with_few_clusters_and_unknown_with_one():
    values = np.array([0.6, 0.7, 0.55, 0.65])
    low, high = careful_interval(values, np.arange(4), seed=0)
    assert low < 0.5 < values.mean() < high
    assert all(np.isnan(careful_interval(values, np.zeros(4, int), seed=0)))


def test_same_seed_same_interval():
    values, clusters = np.random.default_rng(3).random(50), np.arange(50) // 5
    assert mean_interval(values, clusters, seed=7) == mean_interval(values, clusters, seed=7)
    assert mean_interval(values, clusters, seed=7) != mean_interval(values, clusters, seed=8)


def test_luck_limit_of_few_and_many_trials():
    assert binomial_limit(0.5, 4) == 1.0
    assert binomial_limit(0.5, 100) == pytest.approx(0.59, abs=0.005)
    assert stats.binom.sf(binomial_limit(0.25, 60) * 60 - 1, 60, 0.25) < 0.05
    assert binomial_two_sided(50, 100, 0.5) == pytest.approx(1.0)


def test_chance_of_unbalanced_labels_is_the_larger_class_for_accuracy_only():
    levels = chance_levels([0] * 75 + [1] * 25, np.full(100, 2), "labels")
    assert levels["accuracy"] == 0.75
    assert levels["balanced_accuracy"] == 0.5
    assert chance_levels([0, 1], [2, 3], "candidates")["accuracy"] == pytest.approx(5 / 12)


def test_paired_difference_finds_a_constant_advantage_and_nothing_between_equals():
    rng = np.random.default_rng(0)
    clusters = np.repeat(np.arange(10), 20)
    base = (rng.random(200) < 0.6).astype(float)
    better = paired_difference(np.minimum(base + (rng.random(200) < 0.3), 1), base, clusters, seed=0)
    assert better.ci95[0] > 0
    assert better.p_wilcoxon < 0.01 and better.p_t < 0.01
    equal = paired_difference(base, base, clusters, seed=0)
    assert (equal.difference, equal.p_wilcoxon, equal.p_t) == (0, 1, 1)


def test_holm_steps_down_and_skips_missing():
    assert holm(np.array([0.01, 0.04, 0.03])) == pytest.approx([0.03, 0.06, 0.06])
    corrected = holm(np.array([0.02, np.nan, 0.5]))
    assert corrected[0] == pytest.approx(0.04)
    assert np.isnan(corrected[1])


def test_clusters_that_all_agree_are_as_many_tosses():
    def agree(value, n, bounds=(0.0, 1.0)):
        return wide_interval(lambda c: np.full(len(c), value), n, 0, bounds)

    np.testing.assert_allclose(agree(1.0, 4), (0.025 ** (1 / 4), 1.0), atol=1e-9)
    np.testing.assert_allclose(agree(0.0, 4), (0.0, 1 - 0.025 ** (1 / 4)), atol=1e-9)
    low, high = agree(0.6, 4)
    assert low < 0.5 < high
    assert agree(1.0, 24)[0] > 0.85
    np.testing.assert_allclose(agree(1.0, 4, (-1.0, 1.0)), (2 * 0.025 ** (1 / 4) - 1, 1.0), atol=1e-9)


def test_wide_interval_seldom_claims_too_much_with_few_clusters_and_keeps_to_its_bounds():
    """Three clusters around chance: the percentile bootstrap lies above it in one draw of nine or so, as all three do by luck."""
    rng = np.random.default_rng(0)
    claims = {"wide": 0, "bootstrap": 0}
    for draw in range(400):
        values = 0.5 + 0.1 * rng.standard_normal(3)
        claims["wide"] += wide_interval(lambda c, v=values: c @ v / c.sum(axis=1), 3, draw, n_draws=200)[0] > 0.5
        claims["bootstrap"] += mean_interval(values, np.arange(3), draw, n_draws=200)[0] > 0.5
    assert claims["wide"] <= 20 < claims["bootstrap"]
    low, high = wide_interval(lambda c: c @ np.array([0.2, 0.9, 1.0]) / c.sum(axis=1), 3, 0)
    assert (low, high) == (0.0, 1.0)
    assert all(np.isnan(wide_interval(lambda c: c @ np.array([1.0]), 1, 0)))


def test_paired_interval_of_three_clusters_is_as_wide_as_the_t_test_is_doubtful():
    first = np.array([0.60, 0.61, 0.75])
    found = paired_difference(first, np.full(3, 0.55), np.arange(3), seed=0)
    assert found.p_t > 0.05
    assert found.ci95[0] < 0 < found.ci95[1]


def test_chance_of_labels_counts_the_classes_that_occur_and_the_better_blind_answer():
    levels = chance_levels([0] * 80 + [1] * 20, np.full(100, 3), "labels")
    assert levels["balanced_accuracy"] == 0.5
    assert levels["weighted_f1"] == pytest.approx(0.8 * 2 * 0.8 / 1.8)

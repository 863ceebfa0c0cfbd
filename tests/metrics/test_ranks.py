"""Ranks over data sets, against Demšar's tables."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mindleaf.metrics.ranks import critical_difference, mean_ranks, ranking


def test_the_critical_difference_is_the_printed_one():
    # Demšar 2006, Table 5 (q of 4 classifiers: 2.569) and his example of 14 data sets.
    assert critical_difference(4, 14) == pytest.approx(2.569 * math.sqrt(4 * 5 / (6 * 14)), abs=1e-3)
    assert critical_difference(4, 1) == critical_difference(1, 9) == math.inf


def test_the_best_system_ranks_first_and_ties_share():
    scores = np.array([[0.9, 0.6, 0.5], [0.8, 0.7, 0.7], [0.7, 0.6, 0.5]])
    found = ranking(scores)
    np.testing.assert_allclose(found.mean_ranks, [1.0, (2 + 2.5 + 2) / 3, (3 + 2.5 + 3) / 3])
    assert found.p_friedman < 0.1 and found.n_sets == 3
    assert math.isnan(ranking(scores[:1]).p_friedman)
    assert math.isnan(ranking(np.full((3, 3), 0.5)).p_friedman)


def test_systems_are_ranked_among_those_that_answered():
    gaps = np.array([[0.9, np.nan, 0.5, np.nan], [0.6, 0.8, 0.6, np.nan]])
    np.testing.assert_array_equal(mean_ranks(gaps), [(1 + 2.5) / 2, 1.0, (2 + 2.5) / 2, np.nan])

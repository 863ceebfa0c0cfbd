from __future__ import annotations

import numpy as np
import pytest

from mindleaf.metrics import retrieval


def test_ranks_count_better_options_and_ties_are_spread():
    scores = np.array([[3.0, 2.0, 1.0, 0.0], [1.0, 1.0, 0.0, 2.0], [0.0, 0.0, 0.0, 0.0], [1.0, 5.0, np.nan, np.nan]])
    shares = retrieval.rank_shares([1, 0, 3, 0], scores)
    np.testing.assert_allclose(shares, [[0, 1, 0, 0], [0, 0.5, 0.5, 0], [0.25] * 4, [0, 1, 0, 0]])


def test_an_option_without_a_score_or_a_silent_row_is_chance():
    shares = retrieval.rank_shares([0, 1], [[np.nan, 1.0, 2.0], [np.nan, np.nan, np.nan]])
    np.testing.assert_allclose(shares, [[1 / 2, 1 / 2, 0], [1 / 3] * 3])


def test_metrics_of_known_ranks():
    ranks = np.array([1, 2, 2, 7, 12])
    wrong = np.arange(1.0, 21.0)
    scores = -np.stack([np.insert(np.delete(wrong, rank - 1), 3, rank) for rank in ranks])
    total = retrieval.rank_shares(np.full(5, 3), scores).sum(axis=0)
    assert retrieval.recall_at(total, 1) == pytest.approx(1 / 5)
    assert retrieval.recall_at(total, 5) == pytest.approx(3 / 5)
    assert retrieval.recall_at(total, 10) == pytest.approx(4 / 5)
    assert retrieval.mean_reciprocal_rank(total) == pytest.approx(np.mean(1 / ranks))
    assert retrieval.median_rank(total) == np.median(ranks)
    even = retrieval.rank_shares([3, 3], scores[[0, 3]]).sum(axis=0)
    assert retrieval.median_rank(even) == np.median([1, 7])


@pytest.mark.parametrize("k", [2, 7, 50])
def test_chance_has_its_closed_form_and_guessing_reaches_it(k):
    rng = np.random.default_rng(0)
    guesses = retrieval.rank_shares(rng.integers(k, size=20_000), rng.standard_normal((20_000, k))).mean(axis=0)
    expected = {
        "recall@5": min(5, k) / k,
        "recall@10": min(10, k) / k,
        "mrr": (1 / np.arange(1, k + 1)).sum() / k,
        "median_rank": (k + 1) / 2,
    }
    chance = retrieval.chance_shares([k], k).sum(axis=0)
    for name, measure in retrieval.RANK_METRICS.items():
        assert measure(chance) == pytest.approx(expected[name]), name
        assert measure(guesses) == pytest.approx(expected[name], rel=0.05, abs=0.5 if name == "median_rank" else 0.02), name


def test_chance_of_pools_of_two_sizes_is_their_mean():
    chance = retrieval.chance_shares([10, 50], 50).sum(axis=0)
    assert retrieval.recall_at(chance, 5) == pytest.approx((5 / 10 + 5 / 50) / 2)
    assert retrieval.recall_at(np.zeros((2, 4)), 1) == pytest.approx([np.nan, np.nan], nan_ok=True)
    assert np.isnan(retrieval.median_rank(np.zeros((1, 4)))).all()

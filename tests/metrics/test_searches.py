"""Searches: every right option against the wrong ones, intervals over what was measured on."""

import numpy as np
import pytest

from mindleaf.metrics.searches import Search

LABELS = np.array([0, 0, 1, 1, 2, 2])
RIGHT = LABELS[:, None] == LABELS


def test_every_right_option_stands_against_the_wrong_ones_alone():
    scores = np.where(RIGHT, 1.0, 0.0)
    found = Search.of(scores, RIGHT, ~RIGHT, "one")
    assert found.shares.shape == (12, 6) and np.allclose(found.shares[:, 0], 1.0)
    assert (found.n_options == 5).all()
    assert np.allclose(found.chance[:, 0], 1 / 3)  # a query of any label, dealt at random, is of this one in a third of cases
    turned = Search.of(-scores, RIGHT, ~RIGHT, "one").measured()
    assert turned["recall@1"][0] == 0.0 and turned["recall@5"][0] == 1.0 and turned["mrr"][0] == pytest.approx(0.2)


def test_who_says_nothing_gets_what_chance_gets_in_every_measure():
    for mean, _, _, chance in Search.of(np.zeros((6, 6)), RIGHT, ~RIGHT, "one").measured().values():
        assert mean == pytest.approx(chance)


def test_options_in_clusters_are_no_merit_of_who_asks_at_random():
    """A random query is nearest to some cluster, and finds all that is asked of that cluster at once."""
    rng = np.random.default_rng(0)
    centre, query = rng.standard_normal((3, 8)), rng.standard_normal((900, 8))
    option = np.repeat(centre, 4, axis=0) + 0.01 * rng.standard_normal((12, 8))
    right = np.arange(900)[:, None] % 3 == np.repeat(np.arange(3), 4)
    mean, _, _, chance = Search.of(query @ option.T, right, ~right, "one").measured()["recall@1"]
    assert chance == pytest.approx(mean, abs=0.05) and chance > 0.25 > 1 / 9


def test_units_count_alike_and_give_the_interval():
    scores = np.where(RIGHT, 1.0, 0.0)
    scores[4:] *= -1
    unit = np.array(["a", "a", "a", "a", "b", "b"])[:, None]
    mean, low, high, chance = Search.of(scores, RIGHT, ~RIGHT, unit).measured()["recall@1"]
    assert mean == 0.5 and chance == pytest.approx(2 / 9) and low < 0.1 and high > 0.9
    alone = Search.of(scores, RIGHT, ~RIGHT, "one").measured()["recall@1"]
    assert alone[0] == pytest.approx(2 / 3) and np.isnan(alone[1])


def test_searches_of_different_size_are_joined():
    small = Search.of(np.eye(2), np.eye(2, dtype=bool), ~np.eye(2, dtype=bool), "a")
    large = Search.of(np.zeros((6, 6)), RIGHT, ~RIGHT, "b")
    joined = Search.joined([small, large])
    assert joined.shares.shape == (14, 6) and np.allclose(joined.shares.sum(axis=1), 1.0)
    assert joined.measured()["recall@1"][3] == pytest.approx((0.5 + 0.2) / 2)


def test_a_query_without_a_wrong_option_is_no_question():
    assert not len(Search.of(np.ones((2, 2)), np.ones((2, 2), bool), np.zeros((2, 2), bool), "a").shares)

"""What an accuracy is worth in time, against known values and against simulated walks."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mindleaf.metrics.switching import information_transfer_rate, minimum_expected_switch_duration


def test_bits_a_minute():
    assert information_transfer_rate(1.0, 2, 1.0) == 60
    assert information_transfer_rate(0.5, 2, 1.0) == information_transfer_rate(0.2, 4, 1.0) == 0
    # 1 + .9 log2 .9 + .1 log2 .1 = .531 bits a decision
    assert information_transfer_rate(0.9, 2, 10.0) == pytest.approx(0.531 * 6, abs=0.003)
    assert information_transfer_rate(0.9, 4, 2.0) == pytest.approx((2 + 0.9 * math.log2(0.9) + 0.1 * math.log2(0.1 / 3)) * 30)


def test_a_decoder_at_chance_never_follows():
    assert minimum_expected_switch_duration([1.0, 10.0], [0.5, 0.5]) == math.inf
    assert minimum_expected_switch_duration([1.0, 10.0], [0.5, 0.7]) < math.inf


def test_better_is_faster_and_the_best_length_counts():
    good = minimum_expected_switch_duration([1.0, 5.0], [0.8, 0.95])
    assert good < minimum_expected_switch_duration([1.0, 5.0], [0.7, 0.9])
    assert good <= minimum_expected_switch_duration([5.0], [0.95])
    assert minimum_expected_switch_duration([1.0], [1.0]) == pytest.approx(3.0, abs=1e-3), (
        "from the far end, three sure steps to .65 of five"
    )


@pytest.mark.parametrize("accuracy", [0.65, 0.8])
def test_the_expected_switch_is_that_of_simulated_walks(accuracy):
    """Walks in equilibrium whose direction turns over, timed until they come back into the working region."""
    wanted = minimum_expected_switch_duration([1.0], [accuracy])
    rng = np.random.default_rng(0)
    n = next(n for n in range(5, 100) if _holds(accuracy, n))
    target = math.ceil(0.65 * (n - 1))
    walks = np.full(4000, n - 1)
    for _ in range(2000):
        walks = np.clip(walks + np.where(rng.random(len(walks)) < accuracy, 1, -1), 0, n - 1)
    walks = n - 1 - walks
    walks = walks[walks < target]
    time, steps = np.zeros(len(walks)), 0
    while (walks < target).any():
        steps += 1
        going = walks < target
        time[going] += 1
        walks = np.where(going, np.clip(walks + np.where(rng.random(len(walks)) < accuracy, 1, -1), 0, n - 1), walks)
    assert time.mean() == pytest.approx(wanted, rel=0.06)


def _holds(accuracy: float, n: int) -> bool:
    weights = (accuracy / (1 - accuracy)) ** np.arange(n)
    weights /= weights.sum()
    bound = max(k for k in range(n) if weights[k:].sum() >= 0.8)
    return bound / (n - 1) >= 0.65

from __future__ import annotations

import numpy as np
import pytest

from mindleaf.metrics import scores


def test_ties_share_the_credit():
    assert scores.correctness([0, 1], [[1.0, 1.0], [0.2, 0.9]]).tolist() == [0.5, 1.0]
    assert scores.correctness([2], [[1.0, 1.0, 1.0]]) == pytest.approx([1 / 3])


def test_missing_options_are_never_chosen_and_silence_is_chance():
    assert scores.correctness([0], [[0.1, 0.0, np.nan]]).tolist() == [1.0]
    assert scores.correctness([0], [[np.nan, np.nan]]).tolist() == [0.5]
    assert scores.correctness([0], [[-np.inf, -np.inf]]).tolist() == [0.5]


def test_metrics_of_a_known_confusion_matrix():
    matrix = np.array([[40.0, 10.0], [20.0, 30.0]])
    assert scores.accuracy(matrix) == pytest.approx(0.7)
    assert scores.balanced_accuracy(matrix) == pytest.approx(0.7)
    assert scores.kappa(matrix) == pytest.approx(0.4)
    assert scores.weighted_f1(matrix) == pytest.approx(0.5 * (80 / 110) + 0.5 * (60 / 90))


def test_balanced_accuracy_ignores_class_sizes_and_absent_classes():
    assert scores.balanced_accuracy([[90.0, 0.0], [10.0, 0.0]]) == pytest.approx(0.5)
    assert scores.balanced_accuracy([[3.0, 1.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 4.0]]) == pytest.approx(0.875)
    assert np.isnan(scores.balanced_accuracy(np.zeros((2, 2))))


def test_auroc_equals_counting_pairs():
    rng = np.random.default_rng(0)
    truth, values = rng.random(40) < 0.4, rng.integers(5, size=40).astype(float)
    pairs = values[truth][:, None] - values[~truth][None]
    assert scores.auroc(truth, values) == pytest.approx(((pairs > 0) + 0.5 * (pairs == 0)).mean())
    doubled = np.r_[np.arange(40), np.arange(10)]
    weights = np.r_[np.full(10, 2.0), np.ones(30)]
    assert scores.auroc(truth, values, weights) == pytest.approx(scores.auroc(truth[doubled], values[doubled]))
    assert np.isnan(scores.auroc(np.ones(3, bool), np.arange(3.0)))


def test_pearson_equals_numpy_and_is_zero_for_a_constant():
    rng = np.random.default_rng(1)
    a, b = rng.standard_normal((2, 3, 50))
    assert scores.pearson(a, b) == pytest.approx([np.corrcoef(x, y)[0, 1] for x, y in zip(a, b, strict=True)])
    assert scores.pearson(np.ones(5), np.arange(5.0)) == 0

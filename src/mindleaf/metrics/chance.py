"""Chance: what a system without any information gets, and how far luck alone can carry it.

The binomial limit follows Combrisson and Jerbi (2015, J. Neurosci. Methods 250): with few trials the score that luck
reaches once in twenty lies well above 1/K.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from mindleaf.metrics.scores import weighted_f1


def chance_levels(answers: ArrayLike, n_options: ArrayLike, asks: str) -> dict[str, float]:
    """Expected value of each metric without information.

    ``answers`` (n,) option indices, ``n_options`` (n,) options of each row. For "candidates" the options are drawn in
    random order, so accuracy has chance mean(1/K); for "labels" a blind system may always answer the largest class, and
    balanced accuracy averages the classes that occur. Weighted F1 takes the better of guessing and the largest class.
    """
    rows, options = np.asarray(answers, dtype=int), np.asarray(n_options, dtype=float)
    if len(rows) == 0:
        return {}
    prior = np.bincount(rows, minlength=int(options.max())) / len(rows)
    uniform = float(np.mean(1.0 / options))
    blind = np.outer(prior, np.full(len(prior), 1.0 / len(prior)))
    largest = np.outer(prior, np.arange(len(prior)) == prior.argmax())
    return {
        "accuracy": uniform if asks == "candidates" else float(prior.max()),
        "balanced_accuracy": uniform if asks == "candidates" else float(1.0 / (prior > 0).sum()),
        "weighted_f1": float(max(weighted_f1(blind), weighted_f1(largest))),
        "kappa": 0.0,
        "auroc": 0.5,
    }


def binomial_limit(chance: float, n: int, alpha: float = 0.05) -> float:
    """Smallest accuracy over ``n`` independent decisions that luck exceeds with probability below ``alpha``; 1.0 if none."""
    if n <= 0:
        return 1.0
    return min(1.0, float(stats.binom.ppf(1 - alpha, n, chance) + 1) / n)


def binomial_two_sided(correct: float, n: int, chance: float) -> float:
    """Two-sided binomial p-value of ``correct`` (rounded towards chance) right decisions out of ``n``."""
    if n <= 0:
        return 1.0
    k = np.floor(correct) if correct > chance * n else np.ceil(correct)
    return float(stats.binomtest(int(k), n, chance).pvalue)

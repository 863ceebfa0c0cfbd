"""Systems ranked over several data sets, and how far two mean ranks must lie apart to say anything.

J. Demšar, "Statistical comparisons of classifiers over multiple data sets", JMLR 7 (2006).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

_ALPHA = 0.05


@dataclass(frozen=True)
class Ranking:
    """Mean rank of each system (1 is best), Friedman's p (NaN where it cannot be asked), and Nemenyi's critical difference."""

    mean_ranks: NDArray[np.float64]
    p_friedman: float
    critical_difference: float
    n_sets: int


def ranking(scores: NDArray[np.float64]) -> Ranking:
    """Rank systems that answered every data set. scores: (data set, system), higher is better, no gaps."""
    n_sets, n_systems = scores.shape
    return Ranking(mean_ranks(scores), _friedman(scores), critical_difference(n_systems, n_sets), n_sets)


def mean_ranks(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean rank of each system among those that answered (1 is best, ties share); scores: (data set, system), NaN where there is none.

    NaN for a system that answered nothing.
    """
    ranks = stats.rankdata(-scores, axis=1, nan_policy="omit")
    counts = (~np.isnan(ranks)).sum(axis=0)
    return np.divide(np.nansum(ranks, axis=0), counts, out=np.full(scores.shape[1], np.nan), where=counts > 0)


def critical_difference(n_systems: int, n_sets: int) -> float:
    """Nemenyi's distance of mean ranks at 5 %; infinite where there is nothing to compare."""
    if n_systems < 2 or n_sets < 2:
        return math.inf
    quantile = stats.studentized_range.ppf(1 - _ALPHA, n_systems, np.inf) / math.sqrt(2)
    return float(quantile * math.sqrt(n_systems * (n_systems + 1) / (6 * n_sets)))


def _friedman(scores: NDArray[np.float64]) -> float:
    """Friedman's test needs three systems on two sets."""
    if scores.shape[1] < 3 or scores.shape[0] < 2 or np.ptp(scores, axis=1).max() == 0:
        return math.nan
    return float(stats.friedmanchisquare(*scores.T).pvalue)

"""Paired comparison of two systems on the same windows, one value per cluster (subject or trial)."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from mindleaf.metrics.intervals import careful_interval


@dataclass(frozen=True)
class PairedDifference:
    """Mean of first minus second over clusters, its careful 95 % interval over clusters, and both p-values (two-sided)."""

    difference: float
    ci95: tuple[float, float]
    p_wilcoxon: float
    p_t: float
    n_clusters: int


def paired_difference(first: NDArray, second: NDArray, clusters: NDArray[np.intp], seed: int) -> PairedDifference:
    """Compare per-window values ``first`` and ``second`` (n,) of two systems; ``clusters`` (n,) numbers from 0.

    Cluster means are compared with Wilcoxon's signed-rank test and the paired t-test. p is NaN below two clusters and
    1 where all differences are zero.
    """
    number = int(clusters.max()) + 1
    means = np.bincount(clusters, first - second, number) / np.bincount(clusters, minlength=number)
    interval = careful_interval(means, np.arange(number), seed, 0.95)
    p_wilcoxon, p_t = _p_values(means)
    return PairedDifference(float(means.mean()), interval, p_wilcoxon, p_t, number)


def holm(p_values: NDArray) -> NDArray:
    """Holm's step-down correction of a family of p-values (Holm 1979); NaN stays NaN and does not count as a test."""
    values = np.asarray(p_values, dtype=float)
    corrected = np.full(values.shape, np.nan)
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.argsort(values[known], kind="stable")]
    factors = len(order) - np.arange(len(order))
    corrected[order] = np.minimum(1.0, np.maximum.accumulate(values[order] * factors)) if len(order) else []
    return corrected


def _p_values(differences: NDArray) -> tuple[float, float]:
    if len(differences) < 2:
        return float("nan"), float("nan")
    if np.allclose(differences, 0):
        return 1.0, 1.0
    with warnings.catch_warnings():
        # Identical non-zero differences make scipy warn about precision; the p-value (0 spread) is what was asked for.
        warnings.simplefilter("ignore", RuntimeWarning)
        return float(stats.wilcoxon(differences).pvalue), float(stats.ttest_1samp(differences, 0.0).pvalue)

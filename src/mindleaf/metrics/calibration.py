"""Calibration: whether a system that says 80 % is right four times in five.

The expected calibration error (M. Pakdaman Naeini, G. Cooper and M. Hauskrecht, AAAI 2015; C. Guo et al., ICML 2017) of the
option with the highest probability, in bins of equal mass. It is a sum of absolute values, so noise never cancels: with few
windows it is far above zero for a perfectly calibrated system, too. What perfect calibration would show on these windows
therefore stands beside it (``level_if_calibrated``). Lower is better, and a system that knows nothing and says so has none.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mindleaf.metrics.scores import correctness

Array = NDArray[np.float64]
N_BINS = 10


def softmax(scores: ArrayLike) -> Array:
    """Probabilities of the options of each row, (n, K); 0 where a score is NaN (no such option) or -inf.

    A row without any finite score is shared between its options, as its decision is (``scores.decisions``).
    """
    values = np.asarray(scores, dtype=float)
    exists = ~np.isnan(values)
    exists |= ~exists.any(axis=1, keepdims=True)
    known = np.where(exists, np.nan_to_num(values, nan=0.0, posinf=np.inf, neginf=-np.inf), -np.inf)
    silent = ~np.isfinite(known).any(axis=1, keepdims=True)
    known = np.where(silent & exists, 0.0, known)
    mass = np.exp(known - known.max(axis=1, keepdims=True))
    return mass / mass.sum(axis=1, keepdims=True)


def of_probabilities(shares: ArrayLike) -> Array:
    """Scores whose softmax gives these probabilities (n, K) again, each row scaled to sum to 1; NaN and -inf stay."""
    values = np.asarray(shares, dtype=float)
    with np.errstate(divide="ignore"):
        return np.where(np.isnan(values), np.nan, np.log(np.maximum(values, 0.0)))


def top_label(answers: ArrayLike, scores: ArrayLike) -> tuple[Array, Array]:
    """(confidence, credit) of each row: the highest probability, and 1 where that option is the answer (1/m among m that tie)."""
    return softmax(scores).max(axis=1, initial=0.0), correctness(answers, scores)


def equal_mass_bins(confidence: ArrayLike, n_bins: int = N_BINS) -> NDArray[np.intp]:
    """Bin of each row, 0 to ``n_bins`` - 1: as many rows in each as equal confidences, which stay together, allow."""
    if n_bins < 1:
        raise ValueError(f"wanted one bin or more, got {n_bins}.")
    values = np.asarray(confidence, dtype=float)
    _, level, counts = np.unique(values, return_inverse=True, return_counts=True)
    middle = (np.cumsum(counts) - counts / 2) / max(1, len(values))
    return np.minimum((middle * n_bins).astype(np.intp), n_bins - 1)[level]


def gaps(confidence: ArrayLike, credit: ArrayLike, clusters: NDArray[np.intp], n_bins: int = N_BINS) -> tuple[Array, Array]:
    """(cluster, bin) sums of credit minus confidence, and how many rows each holds. Everything below starts from these."""
    bins = equal_mass_bins(confidence, n_bins)
    shape = (int(clusters.max(initial=-1)) + 1, n_bins)
    sums, sizes = np.zeros(shape), np.zeros(shape)
    np.add.at(sums, (clusters, bins), np.asarray(credit, dtype=float) - np.asarray(confidence, dtype=float))
    np.add.at(sizes, (clusters, bins), 1.0)
    return sums, sizes


def error_of_draws(sums: Array, sizes: Array, counts: ArrayLike) -> Array:
    """Calibration error where each cluster counts as often as drawn: ``counts`` (draw, cluster) -> (draw,)."""
    drawn = np.asarray(counts, dtype=float)
    total = (drawn @ sizes).sum(axis=1)
    return np.divide(np.abs(drawn @ sums).sum(axis=1), total, out=np.full(len(drawn), np.nan), where=total > 0)


def calibration_error(confidence: ArrayLike, credit: ArrayLike, n_bins: int = N_BINS) -> float:
    """Mean over rows of |share right - mean confidence| of their bin, 0 to 1; NaN without rows."""
    sums, sizes = gaps(confidence, credit, np.zeros(np.size(credit), dtype=np.intp), n_bins)
    return float(error_of_draws(sums, sizes, np.ones((1, len(sums))))[0])


def level_if_calibrated(sums: Array, sizes: Array, seed: int, n_draws: int = 2000) -> tuple[float, float]:
    """Mean and 95th percentile of the error that these windows would show if the system were perfectly calibrated.

    Under perfect calibration what a cluster (a trial, a subject) adds to a bin is noise around zero. Each draw therefore turns
    the sign of whole clusters by a coin (a wild bootstrap under the null), so windows of one trial, which are right and wrong
    together, count as the one observation that they are. With a single cluster nothing can be told: both are the error itself.
    """
    signs = np.random.default_rng(seed).choice((-1.0, 1.0), size=(n_draws, len(sums)))
    values = np.abs(signs @ sums).sum(axis=1) / max(1.0, float(sizes.sum()))
    return float(values.mean()), float(np.quantile(values, 0.95))

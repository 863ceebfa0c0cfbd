"""Scores of decisions: everything here starts from the (n, K) score matrix of a system or from its confusion matrix.

A tie is no decision: the mass of a row is shared between the options that tie for the highest score, so that a system
that says nothing is credited with chance (.5 of two) and never with whatever option happens to stand first.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def decisions(scores: ArrayLike) -> Array:
    """Share of each row's decision given to each option; rows sum to 1.

    ``scores`` (n, K), higher is better, NaN where a row has fewer options. A row whose scores are all NaN is shared
    between all options. Returns (n, K).
    """
    values = np.asarray(scores, dtype=float)
    usable = ~np.isnan(values)
    silent = ~usable.any(axis=1, keepdims=True)
    filled = np.where(usable, values, -np.inf)
    best = (filled == filled.max(axis=1, keepdims=True)) & (usable | silent)
    return best / best.sum(axis=1, keepdims=True)


def correctness(answers: ArrayLike, scores: ArrayLike) -> Array:
    """Credit of each row, (n,): 1 where the answer alone has the highest score, 1/m where m options tie, else 0."""
    shares = decisions(scores)
    return shares[np.arange(len(shares)), np.asarray(answers, dtype=int)]


def confusion(answers: ArrayLike, shares: ArrayLike, weights: ArrayLike | None = None) -> Array:
    """Confusion matrix (K, K): rows are answers, columns decisions, entries the summed (weighted) shares."""
    share = np.asarray(shares, dtype=float)
    rows = np.asarray(answers, dtype=int)
    mass = share if weights is None else share * np.asarray(weights, dtype=float)[:, None]
    matrix = np.zeros((share.shape[1], share.shape[1]))
    np.add.at(matrix, rows, mass)
    return matrix


def accuracy(matrix: ArrayLike) -> Array:
    """Share of the mass on the diagonal of (..., K, K) confusion matrices; NaN where a matrix is empty."""
    conf = np.asarray(matrix, dtype=float)
    return _ratio(np.trace(conf, axis1=-2, axis2=-1), conf.sum(axis=(-2, -1)))


def balanced_accuracy(matrix: ArrayLike) -> Array:
    """Mean recall over the classes that occur, of (..., K, K) confusion matrices; NaN where a matrix is empty."""
    conf = np.asarray(matrix, dtype=float)
    totals = conf.sum(axis=-1)
    recall = np.divide(np.diagonal(conf, axis1=-2, axis2=-1), totals, out=np.zeros_like(totals), where=totals > 0)
    return _ratio(recall.sum(axis=-1), (totals > 0).sum(axis=-1))


def weighted_f1(matrix: ArrayLike) -> Array:
    """F1 of each class weighted by how often the class occurs, of (..., K, K) confusion matrices."""
    conf = np.asarray(matrix, dtype=float)
    hits = np.diagonal(conf, axis1=-2, axis2=-1)
    support, said = conf.sum(axis=-1), conf.sum(axis=-2)
    f1 = np.divide(2 * hits, support + said, out=np.zeros_like(support), where=support + said > 0)
    return _ratio((f1 * support).sum(axis=-1), support.sum(axis=-1))


def kappa(matrix: ArrayLike) -> Array:
    """Cohen's kappa of (..., K, K) confusion matrices: agreement beyond what the margins give (Cohen 1960)."""
    conf = np.asarray(matrix, dtype=float)
    total = conf.sum(axis=(-2, -1))
    observed = _ratio(np.trace(conf, axis1=-2, axis2=-1), total)
    expected = _ratio((conf.sum(axis=-1) * conf.sum(axis=-2)).sum(axis=-1), total**2)
    return _ratio(observed - expected, 1 - expected)


def auroc(positive: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Area under the ROC curve through mid-ranks: P(score of a positive > score of a negative), ties one half.

    ``positive`` (n,) bool, ``scores`` (n,), ``weights`` (n,) how often each row counts. NaN where one class is absent.
    """
    truth, values = np.asarray(positive, dtype=bool), np.asarray(scores, dtype=float)
    weight = np.ones(len(values)) if weights is None else np.asarray(weights, dtype=float)
    _, level = np.unique(values, return_inverse=True)
    negative_at = np.bincount(level, weight * ~truth)
    positive_at = np.bincount(level, weight * truth)
    below = np.cumsum(negative_at) - negative_at
    pairs = positive_at.sum() * negative_at.sum()
    return float((positive_at * (below + negative_at / 2)).sum() / pairs) if pairs > 0 else float("nan")


def pearson(first: ArrayLike, second: ArrayLike, axis: int = -1) -> Array:
    """Pearson correlation along ``axis``; zero where either side is constant."""
    a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    a = a - a.mean(axis=axis, keepdims=True)
    b = b - b.mean(axis=axis, keepdims=True)
    scale = np.sqrt((a**2).sum(axis=axis) * (b**2).sum(axis=axis))
    return np.divide((a * b).sum(axis=axis), scale, out=np.zeros_like(scale), where=scale > 0)


def _ratio(above: ArrayLike, below: ArrayLike) -> Array:
    """Division that gives NaN, without a warning, where nothing was counted."""
    top, bottom = np.broadcast_arrays(np.asarray(above, dtype=float), np.asarray(below, dtype=float))
    return np.divide(top, bottom, out=np.full(top.shape, np.nan), where=bottom != 0)

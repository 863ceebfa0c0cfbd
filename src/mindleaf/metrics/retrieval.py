"""Retrieval: where the right option stands when the options are ranked by score.

A tie is no order: the mass of a row is spread evenly over the ranks that its tied options share, so that a system that
says nothing gets exactly what chance gets, in every metric.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

#: With fewer options than this, accuracy says all there is to say.
RANKED_FROM = 5


def rank_shares(answers: ArrayLike, scores: ArrayLike) -> Array:
    """How each row's right option is spread over ranks 1, 2, ..., (n, K); rows sum to 1.

    ``answers`` (n,) option indices; ``scores`` (n, K), higher is better, NaN where a row has fewer options. A row whose
    right option is NaN is spread over all its ranks.
    """
    values, right = np.asarray(scores, dtype=float), np.asarray(answers, dtype=int)
    usable = ~np.isnan(values)
    usable[~usable.any(axis=1)] = True
    own = values[np.arange(len(values)), right][:, None]
    silent = np.isnan(own)
    above = ((values > own) & usable).sum(axis=1, keepdims=True)
    tied = np.where(silent, usable.sum(axis=1, keepdims=True), ((values == own) & usable).sum(axis=1, keepdims=True))
    ranks = np.arange(values.shape[1])[None]
    return ((ranks >= above) & (ranks < above + tied)) / tied


def chance_shares(n_options: ArrayLike, size: int) -> Array:
    """The same for guessing: every rank of a row's ``n_options`` is equally likely, (n, size)."""
    options = np.asarray(n_options, dtype=float)[:, None]
    return (np.arange(size)[None] < options) / options


def recall_at(shares: ArrayLike, k: int) -> Array:
    """Share of the mass (..., K) on ranks 1 to ``k``; NaN where there is none. By chance: the mean of min(k, K) / K."""
    mass = np.asarray(shares, dtype=float)
    return _ratio(mass[..., :k].sum(axis=-1), mass.sum(axis=-1))


def mean_reciprocal_rank(shares: ArrayLike) -> Array:
    """Mean of 1 / rank over the mass (..., K). By chance: the mean of (1 + 1/2 + ... + 1/K) / K."""
    mass = np.asarray(shares, dtype=float)
    return _ratio((mass / np.arange(1, mass.shape[-1] + 1)).sum(axis=-1), mass.sum(axis=-1))


def median_rank(shares: ArrayLike) -> Array:
    """Median rank of the mass (..., K), midway where half of it lies on either side. By chance (K + 1) / 2 for equal K."""
    mass = np.asarray(shares, dtype=float)
    total = mass.sum(axis=-1, keepdims=True)
    below = np.cumsum(mass, axis=-1)
    slack = 1e-9 * total
    low, high = (below < total / 2 - slack).sum(axis=-1), (below <= total / 2 + slack).sum(axis=-1)
    return np.where(total[..., 0] > 0, 1 + (low + np.minimum(high, mass.shape[-1] - 1)) / 2, np.nan)


def _ratio(above: Array, below: Array) -> Array:
    return np.divide(above, below, out=np.full(np.shape(below), np.nan), where=np.asarray(below) > 0)


#: Name in results.json to measure of rank mass (..., K). Recall at 1 is the accuracy.
RANK_METRICS: dict[str, Callable[[ArrayLike], Array]] = {
    "recall@5": partial(recall_at, k=5),
    "recall@10": partial(recall_at, k=10),
    "mrr": mean_reciprocal_rank,
    "median_rank": median_rank,
}

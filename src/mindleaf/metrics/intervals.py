"""Intervals by resampling clusters of observations."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import stats

#: An interval narrower than this has no width but what rounding makes.
_NO_SPREAD = 1e-9


def bootstrap_counts(n_clusters: int, n_draws: int, seed: int) -> NDArray[np.int64]:
    """How often each cluster occurs in each bootstrap draw, (draw, cluster)."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(n_clusters, np.full(n_clusters, 1.0 / n_clusters), size=n_draws)


def bootstrap_interval(
    statistic: Callable[[NDArray[np.int64]], NDArray], n_clusters: int, seed: int, level: float = 0.95, n_draws: int = 2000
) -> tuple[float, float]:
    """Percentile interval of ``statistic``, which maps (draw, cluster) counts to (draw,) values.

    NaN where there is only one cluster: resampling one unit says nothing about others.
    """
    if n_clusters < 2:
        return float("nan"), float("nan")
    values = statistic(bootstrap_counts(n_clusters, n_draws, seed))
    tail = (1 - level) / 2
    low, high = np.nanquantile(values, [tail, 1 - tail])
    return float(low), float(high)


def wide_interval(
    statistic: Callable[[NDArray[np.int64]], NDArray],
    n_clusters: int,
    seed: int,
    bounds: tuple[float, float] = (0.0, 1.0),
    level: float = 0.95,
    n_draws: int = 2000,
) -> tuple[float, float]:
    """The wider of the cluster bootstrap and Student's t with the jackknife's standard error, clipped to ``bounds``.

    The percentile bootstrap is too narrow with few clusters. Leaving out one cluster at a time gives a standard error for any
    statistic (for the mean of equal clusters it is the usual one); its t quantile has ``n_clusters`` - 1 degrees of freedom.
    Clusters that all agree show no spread to resample: each then counts as one toss, and the interval is the exact binomial one.
    NaN where there is only one cluster or the statistic itself is unknown.
    """
    if n_clusters < 2:
        return float("nan"), float("nan")
    everything = np.ones((1, n_clusters), dtype=np.int64)
    centre = float(statistic(everything)[0])
    if not np.isfinite(centre):
        return float("nan"), float("nan")
    low, high = bootstrap_interval(statistic, n_clusters, seed, level, n_draws)
    without = statistic(everything - np.eye(n_clusters, dtype=np.int64))
    without = without[np.isfinite(without)]
    if len(without) > 1:
        spread = np.sqrt((n_clusters - 1) * np.mean((without - without.mean()) ** 2))
        half = float(stats.t.ppf(0.5 + level / 2, n_clusters - 1) * spread)
        low, high = min(low, centre - half), max(high, centre + half)
    if high - low < _NO_SPREAD:
        low, high = _of_tosses(centre, n_clusters, bounds, level)
    return max(low, bounds[0]), min(high, bounds[1])


def _of_tosses(centre: float, n: int, bounds: tuple[float, float], level: float) -> tuple[float, float]:
    """Clopper and Pearson's interval of ``n`` tosses of which the share ``centre`` (between ``bounds``) came up, a fraction of one included."""
    width, tail = bounds[1] - bounds[0], (1 - level) / 2
    share = min(1.0, max(0.0, (centre - bounds[0]) / width))
    low = 0.0 if share <= 0 else float(stats.beta.ppf(tail, share * n, n - share * n + 1))
    high = 1.0 if share >= 1 else float(stats.beta.ppf(1 - tail, share * n + 1, n - share * n))
    return bounds[0] + width * low, bounds[0] + width * high


def mean_interval(
    values: NDArray, clusters: NDArray[np.intp], seed: int, level: float = 0.95, n_draws: int = 2000
) -> tuple[float, float]:
    """Cluster bootstrap interval of the mean of ``values`` (n,) with cluster numbers ``clusters`` (n,)."""
    number = int(clusters.max()) + 1
    totals, sizes = np.bincount(clusters, values, number), np.bincount(clusters, minlength=number).astype(float)
    return bootstrap_interval(lambda counts: (counts @ totals) / (counts @ sizes), number, seed, level, n_draws)


def careful_interval(values: NDArray, clusters: NDArray[np.intp], seed: int, level: float = 0.99) -> tuple[float, float]:
    """The wider of the cluster bootstrap and Student's t over cluster means, for decisions that rest on few clusters.

    With a handful of clusters the percentile bootstrap is too narrow; the t quantile grows as clusters get fewer.
    NaN where there is only one cluster.
    """
    number = int(clusters.max()) + 1
    if number < 2:
        return float("nan"), float("nan")
    sizes = np.bincount(clusters, minlength=number)
    means = np.bincount(clusters, values, number) / sizes
    centre = float(np.mean(values))
    spread = np.sqrt(number / (number - 1) * ((sizes / sizes.sum()) ** 2 * (means - centre) ** 2).sum())
    half = stats.t.ppf(0.5 + level / 2, number - 1) * spread
    low, high = mean_interval(values, clusters, seed, level)
    return min(low, centre - half), max(high, centre + half)

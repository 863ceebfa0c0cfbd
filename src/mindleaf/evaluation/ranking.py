"""Ranking: where the right sound stands among many, summed up with chance level and interval."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mindleaf.metrics.intervals import bootstrap_interval, wide_interval
from mindleaf.metrics.retrieval import RANK_METRICS, RANKED_FROM, chance_shares, rank_shares


def ranked(
    predictions: pd.DataFrame, names: list[str], clusters: NDArray[np.intp], folds: NDArray[np.intp], seed: int
) -> dict[str, tuple[NDArray[np.float64], tuple[float, float], float]]:
    """For each rank metric its value per fold, the 95 % interval of their mean over clusters, and its chance level.

    ``names``: the score columns. Empty where no window has enough options for a rank to say more than accuracy.
    """
    n_options = predictions["n_options"].to_numpy()
    if n_options.max(initial=0) < RANKED_FROM:
        return {}
    shares = rank_shares(predictions["answer"], predictions[names].to_numpy(dtype=float))
    mass = np.zeros((folds.max() + 1, clusters.max() + 1, shares.shape[1]))
    np.add.at(mass, (folds, clusters), shares)
    chance = chance_shares(n_options, shares.shape[1]).sum(axis=0)
    return {
        name: (measure(mass.sum(axis=1)), _interval(name, mass, measure, seed), float(measure(chance)))
        for name, measure in RANK_METRICS.items()
    }


def _interval(name: str, mass: NDArray, measure: Callable, seed: int) -> tuple[float, float]:
    """Bootstrap over clusters, widened by Student's t except for the median: leaving one cluster out says nothing of its spread."""
    statistic = partial(_mean_over_folds, mass, measure)
    if name == "median_rank":
        return bootstrap_interval(statistic, mass.shape[1], seed)
    return wide_interval(statistic, mass.shape[1], seed)


def _mean_over_folds(mass: NDArray, measure: Callable, counts: NDArray) -> NDArray[np.float64]:
    """Average of a metric over folds in each draw; a fold counts as often as its clusters were drawn. ``counts`` (draw, cluster)."""
    present = mass.sum(axis=2) > 0
    drawn = counts.astype(float) @ present.T / present.sum(axis=1)
    values = np.stack([measure(counts @ fold) for fold in mass], axis=1)
    weight = np.where(np.isnan(values), 0.0, drawn)
    total = weight.sum(axis=1)
    return np.divide((np.nan_to_num(values) * weight).sum(axis=1), total, out=np.full(len(counts), np.nan), where=total > 0)

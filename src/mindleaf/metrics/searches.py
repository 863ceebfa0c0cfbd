"""Searches: queries, the options they are answered from, and how far up the right ones stand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mindleaf.metrics.intervals import wide_interval
from mindleaf.metrics.retrieval import mean_reciprocal_rank, rank_shares, recall_at

#: What is told of a search.
MEASURES: dict[str, Callable[[ArrayLike], NDArray[np.float64]]] = {
    "recall@1": partial(recall_at, k=1),
    "recall@5": partial(recall_at, k=5),
    "mrr": mean_reciprocal_rank,
}

#: Queries that stand in for each query to find chance.
_MOST_DEALT = 100


@dataclass(frozen=True, eq=False)
class Search:
    """Every right option of every query, ranked among the options that are wrong for the query; other right ones stand aside.

    shares, chance   (answer, rank) mass over ranks (``metrics.retrieval``): of the scores, and of the same scores with queries dealt
                     out at random. Options that lie in clusters are not equally likely to come first, whoever asks
    unit             what each row was measured on (a subject, a sound): intervals resample these
    n_options        of each answer
    """

    shares: NDArray[np.float64]
    chance: NDArray[np.float64]
    unit: NDArray
    n_options: NDArray[np.int64]

    @classmethod
    def of(cls, scores: NDArray[np.float64], right: NDArray[np.bool_], wrong: NDArray[np.bool_], unit: NDArray | str) -> Search:
        """All (query, option); ``unit`` of every answer, or what spreads to that. A query without a wrong option is left out."""
        query, option = np.nonzero(right & wrong.any(axis=1, keepdims=True))
        units = np.broadcast_to(np.asarray(unit), scores.shape)[query, option]

        def ranked(asked: NDArray[np.intp]) -> NDArray[np.float64]:
            values = np.where(wrong[query], scores[asked], np.nan)
            values[np.arange(len(query)), option] = scores[asked, option]
            return rank_shares(option, values)

        dealt = np.unique(np.linspace(0, len(scores) - 1, min(len(scores), _MOST_DEALT)).round().astype(np.intp))
        chance = [ranked(np.full(len(query), other)) for other in dealt]
        mean = np.mean(chance, axis=0) if chance else np.zeros((0, scores.shape[1]))
        return cls(ranked(query), mean, units, 1 + wrong[query].sum(axis=1))

    @classmethod
    def joined(cls, parts: list[Search]) -> Search:
        """One search of several, the ranks of the shorter ones padded with nothing."""
        most = max(part.shares.shape[1] for part in parts)

        def wide(shares: NDArray) -> NDArray:
            return np.pad(shares, ((0, 0), (0, most - shares.shape[1])))

        return cls(
            np.concatenate([wide(part.shares) for part in parts]), np.concatenate([wide(part.chance) for part in parts]),
            np.concatenate([part.unit for part in parts]), np.concatenate([part.n_options for part in parts]),
        )  # fmt: skip

    def measured(self, seed: int = 0) -> Mapping[str, tuple[float, float, float, float]]:
        """Mean over units, its 95 % interval over them, and chance, of each measure."""
        _, unit = np.unique(self.unit, return_inverse=True)
        n_units = int(unit.max()) + 1 if len(unit) else 0
        found = {}
        for name, measure in MEASURES.items():
            by_unit = _means(measure(self.shares), unit, n_units)
            low, high = wide_interval(partial(_drawn, by_unit), n_units, seed)
            chance = float(np.mean(_means(measure(self.chance), unit, n_units))) if n_units else float("nan")
            found[name] = (float(np.mean(by_unit)) if n_units else float("nan"), low, high, chance)
        return found


def _means(values: NDArray[np.float64], unit: NDArray[np.intp], n_units: int) -> NDArray[np.float64]:
    return np.bincount(unit, values, n_units) / np.bincount(unit, minlength=n_units)


def _drawn(values: NDArray[np.float64], counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Mean of the values (value,), each counted as often as drawn: (draw, value) to (draw,)."""
    return np.asarray(counts @ values / counts.sum(axis=1))

"""Pictures of a model that is told in words: scores by instruction, densities of embeddings, queries on their way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from mindleaf.interpret.style import INK, colour, drawn, marker, svg

Scored = tuple[float, float, float]


#: Points side by side in one row of a figure, at most.
_POINTS_IN_A_ROW = 30


def grouped_scores(groups: Mapping[str, Mapping[str, Scored]], chance: Mapping[str, float], name: str, metric: str) -> str:
    """A group of points for each data set (or kind of task), one for each condition (or system), with intervals; chance dashed.

    groups: group -> condition -> (mean, low, high), NaN where nothing is known. More groups than fit side by side go on in
    further rows on the same scale.
    """
    conditions = list(dict.fromkeys(condition for group in groups.values() for condition in group))
    n_rows = -(-len(groups) // max(1, _POINTS_IN_A_ROW // len(conditions)))
    in_a_row = -(-len(groups) // n_rows)
    rows = [list(groups)[first : first + in_a_row] for first in range(0, len(groups), in_a_row)]
    width = max(6.4, 2.1 + 0.22 * len(conditions) * in_a_row)
    with drawn(width, 1.0 + 2.8 * len(rows), nrows=len(rows), sharey=True, squeeze=False) as (figure, axes):
        shown: set[str] = set()
        for row, ax in zip(rows, axes[:, 0], strict=True):  # type: ignore[index]
            for place, group in enumerate(row):
                ax.plot([place - 0.42, place + 0.42], [chance[group]] * 2, color=INK, linestyle="--", linewidth=1)
                _points(ax, place, groups[group], conditions, shown)
            ax.set_xticks(range(len(row)), row)
            ax.tick_params(axis="x", length=0)
            ax.set_xlim(-0.6, in_a_row - 0.4)
            ax.set_ylabel(metric)
        figure.legend(loc="outside lower center", ncols=_columns(len(conditions)))
        return svg(figure, name)


def _points(ax: Axes, place: int, values: Mapping[str, Scored], conditions: Sequence[str], shown: set[str]) -> None:
    """The points of one group; each condition enters the legend where it is first seen (``shown``)."""
    offsets = np.linspace(-0.32, 0.32, len(conditions)) if len(conditions) > 1 else np.zeros(1)
    for number, (offset, condition) in enumerate(zip(offsets, conditions, strict=True)):
        mean, low, high = values.get(condition, (np.nan,) * 3)
        if not np.isfinite(mean):
            continue
        if np.isfinite(low) and np.isfinite(high):
            ax.plot([place + offset] * 2, [low, high], color=colour(number), linewidth=2)
        ax.plot(
            place + offset, mean, marker=marker(number), color=colour(number), markersize=6, linestyle="none",
            label=None if condition in shown else condition,
        )  # fmt: skip
        shown.add(condition)


def _columns(n: int) -> int:
    """Of a legend: one row where that is short, else two of equal length."""
    return n if n <= 4 else -(-n // 2)


def density_figure(densities: Mapping[str, tuple[NDArray, Mapping[str, NDArray]]], name: str) -> str:
    """A panel for each condition: where (distances) and, by name, the density of each kind of pair there."""
    with drawn(2.4 * len(densities) + 0.6, 2.9, ncols=len(densities), sharex=True, sharey=True, squeeze=False) as (figure, axes):
        for panel, (condition, (at, curves)) in enumerate(densities.items()):
            ax = axes[0][panel]  # type: ignore[index]
            for number, (what, curve) in enumerate(curves.items()):
                ax.plot(at, curve, color=colour(number), linewidth=1.6, label=f"of {what}" if panel == 0 else None)
                ax.fill_between(at, curve, color=colour(number), alpha=0.18, linewidth=0)
            ax.set_title(condition)
            ax.set_xlabel("distance of two windows")
        axes[0][0].set_xlim(left=0)  # type: ignore[index]
        axes[0][0].set_ylim(bottom=0)  # type: ignore[index]
        axes[0][0].set_ylabel("density")  # type: ignore[index]
        figure.legend(loc="outside lower center", ncols=2)
        return svg(figure, name)


def evolution_figure(depths: Sequence[NDArray], share: NDArray, labels: NDArray, classes: Sequence[str], name: str) -> str:
    """Windows on one plane before the first layer and behind each: ``depths`` has (window, 2) for each, ``share`` the variance on each axis."""
    with drawn(2.3 * len(depths) + 0.6, 2.9, ncols=len(depths), sharex=True, sharey=True, squeeze=False) as (figure, axes):
        for number, points in enumerate(depths):
            ax = axes[0][number]  # type: ignore[index]
            for place, label in enumerate(classes):
                own = points[labels == place]
                ax.plot(
                    own[:, 0], own[:, 1], linestyle="none", marker=marker(place), markersize=4, alpha=0.7, color=colour(place),
                    label=label if number == 0 else None,
                )  # fmt: skip
            ax.set_title("queries" if number == 0 else f"layer {number}")
            ax.set_xlabel(f"axis 1 ({share[0]:.0%})")
        axes[0][0].set_ylabel(f"axis 2 ({share[1]:.0%})")  # type: ignore[index]
        figure.legend(loc="outside lower center", ncols=min(4, len(classes)))
        return svg(figure, name)

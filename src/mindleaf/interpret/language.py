"""Pictures of a model that is told in words: scores by instruction, densities of embeddings, queries on their way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from mindleaf.interpret.style import INK, colour, drawn, marker, svg

Scored = tuple[float, float, float]


def grouped_scores(groups: Mapping[str, Mapping[str, Scored]], chance: Mapping[str, float], name: str, metric: str) -> str:
    """A group of points for each data set (or kind of task), one for each condition (or system), with intervals; chance dashed.

    groups: group -> condition -> (mean, low, high), NaN where nothing is known.
    """
    conditions = list(dict.fromkeys(condition for group in groups.values() for condition in group))
    with drawn(max(6.4, 0.9 + 0.22 * len(conditions) * len(groups) + 1.2), 3.8) as (figure, ax):
        offsets = np.linspace(-0.32, 0.32, len(conditions)) if len(conditions) > 1 else np.zeros(1)
        for place, (group, values) in enumerate(groups.items()):
            ax.plot([place - 0.42, place + 0.42], [chance[group]] * 2, color=INK, linestyle="--", linewidth=1)
            for number, (offset, condition) in enumerate(zip(offsets, conditions, strict=True)):
                if condition not in values or not np.isfinite(values[condition][0]):
                    continue
                mean, low, high = values[condition]
                if np.isfinite(low) and np.isfinite(high):
                    ax.plot([place + offset] * 2, [low, high], color=colour(number), linewidth=2)
                ax.plot(
                    place + offset, mean, marker=marker(number), color=colour(number), markersize=6, linestyle="none",
                    label=condition if place == 0 else None,
                )  # fmt: skip
        ax.set_xticks(range(len(groups)), list(groups))
        ax.tick_params(axis="x", length=0)
        ax.set_xlim(-0.6, len(groups) - 0.4)
        ax.set_ylabel(metric)
        figure.legend(loc="outside lower center", ncols=min(4, len(conditions)))
        return svg(figure, name)


def density_figure(densities: Mapping[str, tuple[NDArray, Mapping[str, NDArray]]], name: str) -> str:
    """A panel for each condition: where (distances) and, by name, the density of each kind of pair there."""
    with drawn(2.4 * len(densities) + 0.6, 2.9, ncols=len(densities), sharey=True, squeeze=False) as (figure, axes):
        for panel, (condition, (at, curves)) in enumerate(densities.items()):
            ax = axes[0][panel]  # type: ignore[index]
            for number, (what, curve) in enumerate(curves.items()):
                ax.plot(at, curve, color=colour(number), linewidth=1.6, label=what if panel == 0 else None)
                ax.fill_between(at, curve, color=colour(number), alpha=0.18, linewidth=0)
            ax.set_title(condition)
            ax.set_xlabel("distance")
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

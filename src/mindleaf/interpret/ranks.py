"""Systems on a line of ranks, joined where their ranks say nothing about which is better (Demšar 2006)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mindleaf.interpret.style import INK, colour, drawn, svg


def rank_figure(names: Sequence[str], mean_ranks: NDArray[np.float64], critical_difference: float, name: str) -> str:
    """Inline SVG: a row per system at its mean rank, best on top; bars join systems within the critical difference."""
    order = np.argsort(mean_ranks, kind="stable")
    ranks = mean_ranks[order]
    groups = joined(ranks, critical_difference)
    with drawn(6.4, 1.2 + 0.34 * len(order)) as (figure, ax):
        places = np.arange(len(order))[::-1]
        ax.plot(ranks, places, linestyle="none", marker="o", color=colour(0), markersize=8, zorder=3)
        for number, (first, last) in enumerate(groups):
            x = ranks[first] - 0.12 * (1 + number % 3)
            ax.plot(
                [x, x], [places[first] + 0.25, places[last] - 0.25], color=INK, linewidth=3, alpha=0.45, solid_capstyle="round"
            )
        ax.set_yticks(places, [names[k] for k in order])
        ax.tick_params(axis="y", length=0)
        ax.set_xlim(0.4, len(order) + 0.4)
        ax.set_ylim(-0.7, len(order) - 0.3)
        distance = (
            f"critical difference {critical_difference:.1f}" if math.isfinite(critical_difference) else "no critical difference"
        )
        ax.set_xlabel(f"mean rank ({distance})")
        return svg(figure, name)


def joined(ranks: NDArray[np.float64], critical_difference: float) -> list[tuple[int, int]]:
    """First and last place of each largest group of neighbours (sorted ``ranks``) that lie within the critical difference."""
    groups: list[tuple[int, int]] = []
    for first in range(len(ranks)):
        last = int(np.flatnonzero(ranks - ranks[first] <= critical_difference).max())
        if last > first and (not groups or last > groups[-1][1]):
            groups.append((first, last))
    return groups

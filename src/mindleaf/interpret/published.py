"""Ours beside theirs: scores with intervals, and the published values as hollow marks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mindleaf.interpret.style import INK, colour, drawn, svg


@dataclass(frozen=True)
class Bars:
    """One system: our score and interval (NaN where unknown), the published score (NaN where none), whether its audit fails."""

    name: str
    mean: float
    low: float
    high: float
    published: float
    fails: bool = False


def comparison_figure(rows: Sequence[Bars], chance: float, metric: str, name: str) -> str:
    """Inline SVG: a row per system against chance (dashed)."""
    with drawn(6.4, 1.1 + 0.42 * len(rows)) as (figure, ax):
        places = np.arange(len(rows))[::-1]
        ax.axvspan(0, chance, color=INK, alpha=0.05, linewidth=0)
        ax.axvline(chance, color=INK, linestyle="--", linewidth=1)
        for place, row in zip(places, rows, strict=True):
            tint = colour(1) if row.fails else colour(0)
            if np.isfinite(row.low) and np.isfinite(row.high):
                ax.plot([row.low, row.high], [place, place], color=tint, linewidth=2.2, solid_capstyle="butt")
            ax.plot(row.mean, place, marker="X" if row.fails else "o", color=tint, markersize=8)
            if np.isfinite(row.published):
                ax.plot(row.published, place, marker="D", color=INK, fillstyle="none", markersize=7)
        ax.set_yticks(places, [row.name for row in rows])
        ax.tick_params(axis="y", length=0)
        low = np.nanmin([chance, *(v for row in rows for v in (row.mean, row.low, row.published))])
        ax.set_xlim(max(0.0, low - 0.05), 1.03)
        ax.set_ylim(-0.7, len(rows) - 0.3)
        ax.set_xlabel(metric.replace("_", " "))
        ax.text(chance, len(rows) - 0.35, " chance", ha="left", va="bottom", fontsize=9)
        return svg(figure, name)

"""Figures of an evaluation. Each takes plain numbers and returns inline SVG; each can be used alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from mindleaf.interpret.style import INK, colour, drawn, marker, svg


@dataclass(frozen=True)
class Bar:
    """One system in a figure: point, interval (NaN where unknown), and whether it is the linear floor.

    ``folds`` are the per-fold values, drawn as faint dots.
    """

    name: str
    mean: float
    low: float
    high: float
    floor: bool = False
    folds: tuple[float, ...] = ()


def score_figure(bars: Sequence[Bar], chance: float, metric: str, name: str = "scores") -> str:
    """Score of each system with its interval, against chance (dashed) and the best floor system (dotted)."""
    with drawn(6.4, 1.1 + 0.42 * len(bars)) as (figure, ax):
        rows = np.arange(len(bars))[::-1]
        floors = [bar.mean for bar in bars if bar.floor]
        ax.axvspan(0, chance, color=INK, alpha=0.05, linewidth=0)
        ax.axvline(chance, color=INK, linestyle="--", linewidth=1)
        if floors:
            ax.axvline(max(floors), color=colour(1), linestyle=":", linewidth=1.4)
        for row, bar in zip(rows, bars, strict=True):
            tint = colour(1) if bar.floor else colour(0)
            if len(bar.folds) > 1:
                ax.plot(bar.folds, np.full(len(bar.folds), row), "o", color=tint, alpha=0.28, markersize=4, markeredgewidth=0)
            if np.isfinite(bar.low) and np.isfinite(bar.high):
                ax.plot([bar.low, bar.high], [row, row], color=tint, linewidth=2.2, solid_capstyle="butt")
            ax.plot(bar.mean, row, marker="s" if bar.floor else "o", color=tint, markersize=8)
        ax.set_yticks(rows, [bar.name for bar in bars])
        ax.tick_params(axis="y", length=0)
        low = min([chance, *(b.mean for b in bars), *(b.low for b in bars if np.isfinite(b.low)), *_all_folds(bars)])
        ax.set_xlim(max(0.0, low - 0.05), 1.02)
        ax.set_ylim(-0.7, len(bars) - 0.3)
        ax.set_xlabel(metric.replace("_", " "))
        ax.text(chance, len(bars) - 0.35, " chance", ha="left", va="bottom", fontsize=9)
        if floors and abs(max(floors) - chance) > 0.08:
            ax.text(max(floors), len(bars) - 0.35, " floor", ha="left", va="bottom", fontsize=9)
        return svg(figure, name)


def window_figure(
    lines: Mapping[str, Sequence[tuple[float, float, float, float]]], chance: float, metric: str, name: str = "windows"
) -> str:
    """Score against window length; ``lines`` maps a system to (window_s, mean, low, high)."""
    with drawn(6.4, 3.6) as (figure, ax):
        lengths = sorted({point[0] for points in lines.values() for point in points})
        ax.axhline(chance, color=INK, linestyle="--", linewidth=1)
        for number, (system, points) in enumerate(lines.items()):
            length, mean, low, high = np.array(sorted(points), dtype=float).T
            # A small step apart keeps intervals of several systems readable; the axis is logarithmic.
            place = length * 1.025 ** (number - (len(lines) - 1) / 2)
            ax.plot(place, mean, color=colour(number), marker=marker(number), linewidth=1.8, markersize=6, label=system)
            known = np.isfinite(low) & np.isfinite(high)
            ax.vlines(place[known], low[known], high[known], color=colour(number), linewidth=1.6, alpha=0.75)
        ax.set_xscale("log")
        ax.set_xticks(lengths, [f"{length:g}" for length in lengths])
        ax.minorticks_off()
        ax.set_xlabel("window length (s)")
        ax.set_ylabel(metric.replace("_", " "))
        ax.text(1.01, chance, "chance", transform=ax.get_yaxis_transform(), ha="left", va="center", fontsize=9)
        figure.legend(loc="outside upper left", ncols=3, fontsize=9.5)
        return svg(figure, name)


def curve_figure(curves: Mapping[str, Sequence[Mapping[str, float]]], name: str = "curves") -> str:
    """Training curves: loss against step, one line per system; a "validation_loss" is dashed, "chance_loss" level dotted.

    A dot marks the lowest validation loss, whose state was kept; "start_validation_loss" is that before the first step.
    """
    with drawn(6.4, 3.4) as (figure, ax):
        for number, (system, points) in enumerate(curves.items()):
            losses = _known(points, "loss", 0)
            validated = sorted(_known(points, "start_validation_loss", -1) + _known(points, "validation_loss", 0))
            for known, line, label in ((losses, "-", system), (validated, "--", f"{system}, validation")):
                if known:
                    step, value = np.array(known, dtype=float).T
                    ax.plot(step, value, line, color=colour(number), linewidth=1.6, label=label)
            if validated:
                ax.plot(*min(validated, key=lambda point: point[1]), "o", color=colour(number), markersize=5)
            chance = next((p["chance_loss"] for p in points if p.get("chance_loss") is not None), None)
            if chance is not None:
                ax.axhline(chance, color=colour(number), linestyle=":", linewidth=1)
        ax.set_xlabel("step")
        ax.set_ylabel("loss")
        figure.legend(loc="outside upper left", ncols=3, fontsize=9.5)
        return svg(figure, name)


def _known(points: Sequence[Mapping[str, float]], key: str, shift: int) -> list[tuple[float, float]]:
    """(step, value) of the points that have a value."""
    return [(p["step"] + shift, p[key]) for p in points if p.get(key) is not None and np.isfinite(p[key])]


def confusion_figure(matrix: ArrayLike, classes: Sequence[str], title: str = "", name: str = "confusion") -> str:
    """Confusion matrix, rows (what it was) in shares of the row; counts are written small below."""
    counts = np.asarray(matrix, dtype=float)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1e-12)
    side = 1.5 + 0.62 * len(classes)
    with drawn(side + 0.7, side) as (figure, ax):
        ax.imshow(share, cmap="Blues", vmin=0, vmax=1)
        for i, j in np.ndindex(*share.shape):
            shade = "white" if share[i, j] > 0.55 else "#10324d"
            ax.text(j, i, f"{share[i, j]:.2f}\n", ha="center", va="center", color=shade, fontsize=11)
            ax.text(j, i, f"\n\n{counts[i, j]:g}", ha="center", va="center", color=shade, fontsize=7.5)
        ax.set_xticks(range(len(classes)), classes, rotation=30 if max(map(len, classes)) > 5 else 0)
        ax.set_yticks(range(len(classes)), classes)
        ax.set_xlabel("said")
        ax.set_ylabel("was")
        ax.set_title(title)
        ax.spines[:].set_visible(False)
        ax.tick_params(length=0)
        return svg(figure, name)


def trf_figure(lags_s: ArrayLike, weights: ArrayLike, channel_names: Sequence[str], title: str = "", name: str = "trf") -> str:
    """Weights of a temporal response function, (channel, lag), as a butterfly; the strongest channels are named."""
    lag, values = 1000 * np.asarray(lags_s, dtype=float), np.asarray(weights, dtype=float)
    strongest = np.argsort(-np.abs(values).max(axis=1))[:4]
    with drawn(6.4, 3.2) as (figure, ax):
        ax.axhline(0, color=INK, linewidth=0.6)
        if lag.min() <= 0 <= lag.max():
            ax.axvline(0, color=INK, linewidth=0.6)
        for channel, line in enumerate(values):
            if channel not in strongest:
                ax.plot(lag, line, color=INK, alpha=0.25, linewidth=0.7)
        for number, channel in enumerate(strongest):
            ax.plot(lag, values[channel], color=colour(number), linewidth=1.7, label=str(channel_names[channel]))
        ax.set_xlabel("lag, EEG after sound (ms)")
        ax.set_ylabel("weight (a.u.)")
        figure.legend(loc="outside upper left", ncols=5, fontsize=9.5, title=title or None, alignment="left")
        return svg(figure, name)


def _all_folds(bars: Sequence[Bar]) -> list[float]:
    return [value for bar in bars for value in bar.folds if len(bar.folds) > 1]

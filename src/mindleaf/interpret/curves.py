"""Training curves of several runs in small panels over the same steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike, NDArray

from mindleaf.interpret.style import INK, PALETTE, colour, drawn, svg

#: Points of a drawn curve at most; where there are more steps a point stands for several.
_POINTS = 150
#: From this ratio of the highest to the lowest value on, a panel may have a logarithmic axis.
_WIDE = 30.0
#: Inches of a panel where three stand side by side.
_PANEL = (3.8, 2.1)
_STYLES = ("-", "-.", (0, (5, 1)), (0, (3, 1, 1, 1, 1, 1)))


class Points(NamedTuple):
    """A curve made short: (point,) the step, the mean and the range of the values that each point stands for."""

    step: NDArray[np.float64]
    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """(step, value) of one quantity of run number ``run``; ``chance`` is the level that guessing would have.

    kept: whether the lowest validated value is that of the state which was kept
    """

    run: int
    training: Sequence[tuple[float, float]] = ()
    validation: Sequence[tuple[float, float]] = ()
    chance: Sequence[tuple[float, float]] = ()
    kept: bool = False


@dataclass(frozen=True)
class Panel:
    """Curves of one quantity. skipped: run -> steps whose batch was left out. log: where values reach far, on a logarithmic axis."""

    title: str
    curves: Sequence[Curve]
    skipped: Mapping[int, Sequence[float]] = field(default_factory=dict)
    log: bool = False


def shortened(points: Sequence[tuple[float, float]], most: int = _POINTS) -> Points:
    """The finite values of a curve in at most ``most`` points, each the mean of as many steps."""
    known = np.array([point for point in points if np.isfinite(point[1])], dtype=float).reshape(-1, 2)
    parts = np.array_split(known, min(most, len(known))) if len(known) else []
    told = [(*part.mean(axis=0), part[:, 1].min(), part[:, 1].max()) for part in parts]
    return Points(*np.array(told, dtype=float).reshape(-1, 4).T)


def curves_figure(names: Sequence[str], panels: Sequence[Panel], name: str, columns: int = 3) -> str:
    """Inline SVG: a panel for each quantity, a colour for each run.

    Lines are training, in the light band around them lie all steps that a point stands for; dashed with points is validation, dotted
    is chance, a cross at the foot a step whose batch was skipped, a ring the state that was kept.
    """
    columns = max(1, min(columns, len(panels)))
    rows = -(-len(panels) // columns)
    wide = 3 * _PANEL[0] / columns
    height = _PANEL[1] if columns > 1 else 1.7 * _PANEL[1]
    with drawn(columns * wide, 0.4 + rows * height, nrows=rows, ncols=columns, sharex=True, squeeze=False) as (figure, axes):
        places: list[Axes] = list(np.ravel(np.asarray(axes)))
        for ax, panel in zip(places, panels, strict=False):
            _draw(ax, panel)
        for number, ax in enumerate(places):
            ax.set_visible(number < len(panels))
            if number < len(panels) and number + columns >= len(panels):
                ax.tick_params(labelbottom=True)
                ax.set_xlabel("step")
        handles = [Line2D([], [], color=colour(k), linestyle=_style(k), linewidth=2) for k in range(len(names))]
        figure.legend(handles, list(names), loc="outside upper left", ncols=4, fontsize=9.5)
        return svg(figure, name)


def _draw(ax: Axes, panel: Panel) -> None:
    ax.set_title(panel.title, loc="left")
    ax.margins(x=0.02)
    for curve in panel.curves:
        tint = colour(curve.run)
        if curve.training:
            at = shortened(curve.training)
            ax.plot(at.step, at.mean, color=tint, linestyle=_style(curve.run), linewidth=1.6)
            if len(curve.training) > _POINTS:
                ax.fill_between(at.step, at.low, at.high, color=tint, alpha=0.15, linewidth=0)
        if curve.chance:
            at = shortened(curve.chance, 40)
            ax.plot(at.step, at.mean, color=tint, linestyle=":", linewidth=1)
        if curve.validation:
            _draw_validation(ax, curve, tint)
    for run, steps in panel.skipped.items():
        at_foot = ax.get_xaxis_transform()
        ax.plot(steps, np.full(len(steps), 0.02), "x", color=colour(run), markersize=5, transform=at_foot, clip_on=False)
    if panel.log and _reaches_far([value for curve in panel.curves for _, value in curve.training]):
        ax.set_yscale("log")
        ax.yaxis.set_major_formatter("{x:g}")
        ax.yaxis.set_minor_formatter("")


def _draw_validation(ax: Axes, curve: Curve, tint: str) -> None:
    at = shortened(curve.validation)
    few = len(at.step) <= 30
    ax.plot(at.step, at.mean, "--", color=tint, linewidth=1.2, marker="o" if few else "", markersize=3)
    known = [point for point in curve.validation if np.isfinite(point[1])]
    if curve.kept and known:
        ax.plot(*min(known, key=lambda point: point[1]), "o", color=tint, markersize=8, fillstyle="none", markeredgecolor=INK)


def _reaches_far(values: ArrayLike) -> bool:
    known = np.asarray(values, dtype=float)
    known = known[np.isfinite(known)]
    return len(known) > 0 and known.min() > 0 and known.max() / known.min() > _WIDE


def _style(run: int) -> Any:
    """Runs beyond the colours of the palette have them again in another stroke."""
    return _STYLES[run // len(PALETTE) % len(_STYLES)]

"""How figures look: colour-blind-safe colours, and ink that follows the page, light or dark."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

#: Okabe and Ito (2008), without yellow and black, which vanish on a light or a dark page.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
MARKERS = ("o", "s", "^", "D", "v", "P")
#: Text and axes are drawn in this colour, which ``svg`` turns into the colour of the surrounding text.
INK = "#0a0b0c"
_SETTINGS: dict[Any, Any] = {
    "font.family": ["sans-serif"],
    "font.size": 10.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.titlesize": 11,
    "axes.titlecolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "legend.frameon": False,
    "svg.fonttype": "none",
    # Names of systems and classes are text, not formulas.
    "text.parse_math": False,
}


@contextmanager
def drawn(width: float = 6.4, height: float = 3.6, **layout: Any) -> Iterator[tuple[Figure, Axes]]:
    """A figure and its axes (as ``plt.subplots`` gives them) in the house style, laid out at the end, inches."""
    with plt.rc_context(_SETTINGS):
        figure, axes = plt.subplots(figsize=(width, height), layout="constrained", **layout)
        yield figure, axes
        plt.close(figure)


def colour(number: int) -> str:
    return PALETTE[number % len(PALETTE)]


def marker(number: int) -> str:
    return MARKERS[number % len(MARKERS)]


def svg(figure: Figure, name: str) -> str:
    """The figure as inline SVG whose ids are its own (``name``) and whose ink is the page's text colour."""
    buffer = io.StringIO()
    with plt.rc_context({**_SETTINGS, "svg.hashsalt": name}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :].replace(INK, "currentColor")
    text = re.sub(r"(<svg[^>]*?) width=\"[^\"]*\" height=\"[^\"]*\"|(<svg[^>]*?) height=\"[^\"]*\"", r"\1\2", text, count=1)
    # Ids such as "figure_1" and "axes_1" repeat in every drawing; references start with # or url(#.
    prefix = re.sub(r"\W+", "-", name)
    text = re.sub(r'(?<=\bid=")', f"{prefix}-", text)
    return re.sub(r'(?<=url\(#)|(?<=xlink:href="#)|(?<=\bhref="#)', f"{prefix}-", text)

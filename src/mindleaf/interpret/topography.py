"""Topography: a value per electrode drawn on the head, seen from above, nose up."""

from __future__ import annotations

import mne
import numpy as np
from numpy.typing import ArrayLike

from mindleaf.interpret.style import INK, drawn, svg
from mindleaf.montage import Montage

#: A head with fewer electrodes says nothing between them.
MIN_CHANNELS = 5


def topography_figure(montage: Montage, values: ArrayLike, title: str = "", name: str = "topography") -> str:
    """Map of ``values`` (one per channel of ``montage``); "" where fewer than five channels have known positions."""
    level = np.asarray(values, dtype=float)
    known = np.isfinite(montage.positions).all(axis=1) & np.isfinite(level)
    if known.sum() < MIN_CHANNELS:
        return ""
    placed = montage.select([channel for channel, there in zip(montage.names, known, strict=True) if there])
    shown = level[known]
    signed = bool((shown < 0).any())
    limit = float(np.abs(shown).max()) or 1.0
    with drawn(3.8, 3.4) as (figure, ax):
        image, _ = mne.viz.plot_topomap(
            shown, placed.info(100.0), axes=ax, show=False, contours=4, sensors=True,
            cmap="RdBu_r" if signed else "viridis", vlim=(-limit, limit) if signed else (0.0, limit),
        )  # fmt: skip
        for line in ax.lines:
            line.set_color(INK)
        bar = figure.colorbar(image, ax=ax, shrink=0.65)
        bar.outline.set_visible(False)
        ax.set_title(title)
        return svg(figure, name)

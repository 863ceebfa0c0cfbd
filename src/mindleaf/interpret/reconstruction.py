"""Pictures of reconstructed sound and of embeddings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import pyplot as plt
from numpy.typing import NDArray

from mindleaf.interpret.style import colour, drawn, marker, svg


def spectrogram_figure(
    pictures: Mapping[str, NDArray], seconds: float, bands: str = "mel band", name: str = "spectrograms"
) -> str:
    """Spectrograms, (feature, frame) each, one below the other on a common clock; each in units of its own spread."""
    with drawn(6.6, 0.6 + 1.25 * len(pictures), nrows=len(pictures), sharex=True, squeeze=False) as (figure, axes):
        for ax, (title, picture) in zip(np.asarray(axes, dtype=object).ravel(), pictures.items(), strict=True):
            shown = (picture - picture.mean()) / (picture.std() + 1e-12)
            ax.imshow(
                shown, aspect="auto", origin="lower", extent=(0, seconds, 0, len(picture)), cmap="magma", vmin=-2, vmax=2.5,
                interpolation="nearest",
            )  # fmt: skip
            ax.set_title(title, loc="left", fontsize=9.5)
            ax.set_yticks([])
            ax.set_ylabel(bands, fontsize=8.5)
        np.asarray(axes, dtype=object).ravel()[-1].set_xlabel("seconds")
        return svg(figure, name)


def embedding_figure(places: NDArray[np.floating], groupings: Mapping[str, Sequence[object]], name: str = "embedding") -> str:
    """Windows in two dimensions, (window, 2), once per grouping, coloured by it (up to six groups by colour and mark)."""
    with drawn(2.6 * len(groupings), 3.4, ncols=len(groupings), squeeze=False) as (figure, axes):
        for ax, (title, groups) in zip(np.asarray(axes, dtype=object).ravel(), groupings.items(), strict=True):
            labels = np.asarray(groups, dtype=str)
            named = list(dict.fromkeys(sorted(labels)))
            for number, label in enumerate(named):
                chosen = labels == label
                tint = colour(number) if len(named) <= 6 else plt.get_cmap("viridis")(number / (len(named) - 1))
                ax.plot(*places[chosen].T, marker(number), color=tint, markersize=3.5, alpha=0.7, markeredgewidth=0, label=label)
            if len(named) <= 6:
                ax.legend(fontsize=8, handletextpad=0.1, borderpad=0, loc="upper center", bbox_to_anchor=(0.5, -0.02))
            ax.set_title(f"by {title}")
            ax.set_xticks([])
            ax.set_yticks([])
        return svg(figure, name)

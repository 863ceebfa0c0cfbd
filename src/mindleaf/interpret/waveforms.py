"""Figures of reconstruction: half seconds of EEG beside what was drawn of them, and their spectra."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from mindleaf.interpret.style import INK, colour, drawn


@dataclass(frozen=True, eq=False)
class Waveforms:
    """A stretch of EEG in windows of ``sample`` samples, on a few electrodes, and two drawings of it.

    name       what stands above it, for example where it is from
    filled     drawn from all of it but the ``hidden`` windows
    following  each window drawn from those before it; NaN in the first
    """

    name: str
    electrodes: tuple[str, ...]
    clean: Float[np.ndarray, "token electrode sample"]
    filled: Float[np.ndarray, "token electrode sample"]
    following: Float[np.ndarray, "token electrode sample"]
    hidden: Bool[np.ndarray, " token"]


@contextmanager
def reconstructed_waveforms(shown: Sequence[Waveforms], sfreq: float) -> Iterator[Figure]:
    """A column for each stretch, a row for each electrode; grey windows were hidden from what fills in. ``sfreq`` in Hz."""
    n_rows = len(shown[0].electrodes)
    layout = {"nrows": n_rows, "ncols": len(shown), "squeeze": False, "sharex": True, "sharey": "col"}
    with drawn(5.2 * len(shown), 0.6 + 1.25 * n_rows, **layout) as (figure, axes):
        for column, one in enumerate(shown):
            n_tokens, _, n_samples = one.clean.shape
            time = np.arange(n_tokens * n_samples) / sfreq
            for row, electrode in enumerate(one.electrodes):
                ax = axes[row][column]  # type: ignore[index]
                for token in np.flatnonzero(one.hidden):
                    ax.axvspan(token * n_samples / sfreq, (token + 1) * n_samples / sfreq, color=INK, alpha=0.07, linewidth=0)
                ax.plot(time, one.clean[:, row].ravel(), color=INK, linewidth=0.9, label="recorded")
                ax.plot(time, one.filled[:, row].ravel(), color=colour(1), linewidth=1.3, label="filled in")
                ax.plot(time, one.following[:, row].ravel(), color=colour(0), linewidth=1.3, label="foretold")
                ax.set_ylabel(electrode)
            axes[0][column].set_title(one.name)  # type: ignore[index]
            axes[-1][column].set(xlabel="time (s)", xlim=(0, time[-1]))  # type: ignore[index]
        handles, _ = axes[0][0].get_legend_handles_labels()  # type: ignore[index]
        figure.legend(handles=handles, loc="outside upper left", ncols=3, fontsize=9)
        yield figure


@contextmanager
def waveform_spectra(spectra: Mapping[str, ArrayLike], bin_hz: float, band: tuple[float, float]) -> Iterator[Figure]:
    """Mean power at each frequency, one line per name, the first in ink; grey lies outside the pass band (Hz)."""
    with drawn(6.0, 3.4) as (figure, ax):
        for number, (name, values) in enumerate(spectra.items()):
            power: NDArray[np.float64] = np.asarray(values, dtype=float)[1:]
            frequency = bin_hz * np.arange(1, len(power) + 1)
            tint = INK if number == 0 else colour(number - 1)
            ax.plot(frequency, np.maximum(power, 1e-12), color=tint, linewidth=1.6 if number else 1.2, label=name)
        ax.axvspan(band[1], frequency[-1], color=INK, alpha=0.06, linewidth=0)
        ax.set_yscale("log")
        ax.yaxis.set_major_formatter("{x:g}")
        ax.set(xlabel="frequency (Hz)", ylabel="power", xlim=(frequency[0], frequency[-1]))
        figure.legend(loc="outside upper left", ncols=3, fontsize=8.5)
        yield figure

"""Figures of pretraining: loss curves, use of the codebook, spectra beside their reconstructions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from mindleaf.interpret.style import INK, colour, drawn

#: Hertz between two bins: patches last one second.
_BIN_HZ = 1.0


@dataclass(frozen=True)
class Spectra:
    """One patch: log amplitude (standardised) and phase (radians) of each frequency, as it was and as it was reconstructed.

    name: what stands above it, for example where the patch is from
    """

    name: str
    amplitude: NDArray[np.floating]
    amplitude_predicted: NDArray[np.floating]
    phase: NDArray[np.floating]
    phase_predicted: NDArray[np.floating]


@contextmanager
def pretraining_curves(lines: Sequence[Mapping[str, float]]) -> Iterator[Figure]:
    """Lines of the training log. Solid: training, dots: held-out subjects, dotted: what must be beaten.

    A panel for each group of figures that the log has: with codes the loss of naming hidden ones against their entropy, the
    spectrum errors and the perplexity; with waveforms the share of the power that is explained.
    """
    shown = [names for names in _PANELS if any(names[0] in line for line in lines)]
    with drawn(3.5 * len(shown), 3.1, ncols=len(shown), squeeze=False) as (figure, axes):
        for ax, names in zip(axes[0], shown, strict=True):  # type: ignore[index]
            for number, name in enumerate(names):
                _curve(ax, lines, name, colour(number), dotted=name in _TO_BEAT)
            ax.set_xlabel("step")
            ax.set_ylabel(_AXIS[names[0]])
            ax.margins(y=0.1)
            if names[0] in _FROM_ZERO:
                ax.set_ylim(0, ax.get_ylim()[1])
            ax.legend(fontsize=8.5, loc="best")
        yield figure


_PANELS = (
    ("masked", "unigram"), ("amplitude", "phase"), ("perplexity",),
    ("filled_explained", "following_explained", "following_linear_explained"),
)  # fmt: skip
_TO_BEAT = ("unigram", "following_linear_explained")
_FROM_ZERO = ("amplitude", "perplexity")
_AXIS = {
    "masked": "cross-entropy (nats)", "amplitude": "error of the spectrum", "perplexity": "perplexity of the codes",
    "filled_explained": "share of the power explained",
}  # fmt: skip
_WORDS = {
    "masked": "naming hidden codes", "unigram": "entropy of the codes", "perplexity": "codes", "filled_explained": "filled in",
    "following_explained": "foretold", "following_linear_explained": "linear forecast",
}  # fmt: skip


def _curve(ax, lines: Sequence[Mapping[str, float]], name: str, tint: str, dotted: bool) -> None:
    for key, held_out in ((name, False), (f"validation_{name}", True)):
        points = [(line["step"], line[key]) for line in lines if line.get(key) is not None]
        if not points:
            continue
        step, value = np.array(points, dtype=float).T
        label = f"{_WORDS.get(name, name)}{', held out' if held_out else ', batch'}"
        if held_out:
            style = {"marker": "o", "markersize": 4, "linewidth": 1.2}
            ax.plot(step, value, color=tint, linestyle=":" if dotted else "-", label=label, **style)
        else:
            ax.plot(step, value, color=tint, alpha=0.35, linewidth=1, linestyle=":" if dotted else "-", label=label)


@contextmanager
def code_usage(counts: Mapping[str, ArrayLike]) -> Iterator[Figure]:
    """How often each code is used, most used first, one line per set; dashed is an even use of all codes."""
    with drawn(5.4, 3.2) as (figure, ax):
        n_codes = len(np.asarray(next(iter(counts.values()))))
        for number, (name, values) in enumerate(counts.items()):
            share = np.sort(np.asarray(values, dtype=float))[::-1]
            share = share / max(share.sum(), 1.0)
            known = share[share > 0]
            perplexity = float(np.exp(-(known * np.log(known)).sum()))
            ax.plot(
                np.arange(1, len(known) + 1), 100 * known, color=colour(number), linewidth=1.6,
                label=f"{name}: {len(known)} used, perplexity {perplexity:.0f}",
            )  # fmt: skip
        ax.axhline(100 / n_codes, color=INK, linestyle="--", linewidth=0.9)
        ax.text(n_codes, 100 / n_codes, "even", ha="right", va="bottom", fontsize=9)
        ax.set_yscale("log")
        ax.yaxis.set_major_formatter("{x:g}")
        ax.set_xlim(0, n_codes)
        ax.set_xlabel(f"rank of the code (of {n_codes})")
        ax.set_ylabel("share of tokens (%)")
        figure.legend(loc="outside upper left", ncols=2, fontsize=8.5)
        yield figure


@contextmanager
def reconstructed_spectra(shown: Sequence[Spectra], band: tuple[float, float]) -> Iterator[Figure]:
    """Amplitude above, phase below, one column per held-out patch; grey lies outside the pass band (Hz)."""
    with drawn(3.0 * len(shown), 4.4, nrows=2, ncols=len(shown), squeeze=False, sharex=True, sharey="row") as (figure, axes):
        for column, one in enumerate(shown):
            frequency = _BIN_HZ * np.arange(len(one.amplitude))
            top, bottom = axes[0][column], axes[1][column]  # type: ignore[index]
            top.plot(frequency, one.amplitude, color=INK, linewidth=1.3, label="original")
            top.plot(frequency, one.amplitude_predicted, color=colour(1), linewidth=1.6, label="reconstructed")
            bottom.plot(frequency, one.phase, "o", color=INK, markersize=3.4, markerfacecolor="none", markeredgewidth=0.9)
            bottom.plot(frequency, one.phase_predicted, "o", color=colour(1), markersize=3)
            for ax in (top, bottom):
                ax.axvspan(band[1], frequency[-1], color=INK, alpha=0.06, linewidth=0)
            top.set_title(one.name)
            bottom.set_xlabel("frequency (Hz)")
            bottom.set_yticks([-np.pi, 0, np.pi], ["-π", "0", "π"])
            bottom.set_xlim(0, frequency[-1])
        axes[0][0].set_ylabel("log amplitude")  # type: ignore[index]
        axes[1][0].set_ylabel("phase (rad)")  # type: ignore[index]
        handles, _ = axes[0][0].get_legend_handles_labels()  # type: ignore[index]
        figure.legend(handles=handles, loc="outside upper left", ncols=2, fontsize=9)
        yield figure


@contextmanager
def spectrum_errors(errors: Mapping[str, ArrayLike], phase_of_guessing: float, band: tuple[float, float]) -> Iterator[Figure]:
    """Mean error of amplitude and phase at each frequency over all held-out patches; dashed: a guessed phase."""
    with drawn(6.4, 2.9, ncols=2, sharex=True) as (figure, axes):
        for number, (name, values) in enumerate(errors.items()):
            ax, error = axes[number], np.asarray(values, dtype=float)  # type: ignore[index]
            ax.plot(_BIN_HZ * np.arange(len(error)), error, color=colour(number), linewidth=1.6)
            ax.axvspan(band[1], _BIN_HZ * (len(error) - 1), color=INK, alpha=0.06, linewidth=0)
            ax.set(xlabel="frequency (Hz)", ylabel=f"error of {name}", xlim=(0, len(error) - 1), ylim=(0, 1.2 * error.max()))
            if name == "phase":
                ax.axhline(phase_of_guessing, color=INK, linestyle="--", linewidth=0.9)
                ax.set_ylim(top=1.2 * max(phase_of_guessing, error.max()))
                ax.text(len(error) - 1, 1.04 * max(phase_of_guessing, error.max()), "guessing ", ha="right", fontsize=9)
        yield figure

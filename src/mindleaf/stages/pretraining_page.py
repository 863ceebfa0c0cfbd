"""The page of a pretraining RUN: figures of subjects it has not learned from, and the tables below them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from mindleaf.evaluation.sheets import Drawing, Page, Sheet
from mindleaf.interpret.spectra import code_usage, pretraining_curves, reconstructed_spectra, spectrum_errors
from mindleaf.interpret.style import svg
from mindleaf.objectives.codebook import CodebookObjective
from mindleaf.preprocessing.pipeline import MINDMIX
from mindleaf.stages.held_out import Measured

#: Expected phase error of a guess: of 1 - cos, and of the squared difference from the best constant angle.
_GUESSING = {"direction": 1.0, "l2_raw": math.pi**2 / 3}
#: Dots per inch of the PNG files.
_DPI = 200
_ROWS = {
    "perplexity": "perplexity of the codes",
    "usage": "share of the codes in use",
    "masked": "loss of naming hidden codes (nats)",
    "unigram": "entropy of these codes (nats): to be beaten",
    "masked_accuracy": "hidden codes named rightly",
    "masked_chance": "share of the most frequent code: to be beaten",
    "amplitude": "amplitude error",
    "amplitude_of_mean": "amplitude error of the mean spectrum: to be beaten",
    "amplitude_in_band": "amplitude error in the pass band",
    "amplitude_of_mean_in_band": "amplitude error of the mean spectrum in the pass band: to be beaten",
    "phase": "phase error",
    "phase_in_band": "phase error in the pass band",
    "phase_of_guessing": "phase error of guessing: to be beaten",
}


@dataclass(frozen=True)
class Look:
    """One phase of training as it ended: its objective, its log, and what was measured on held-out subjects by data set."""

    objective: CodebookObjective
    lines: Sequence[Mapping[str, Any]]
    measured: Mapping[str, Measured]

    def figures(self) -> dict[str, dict[str, float]]:
        """What was measured, by data set."""
        guessing = {"phase_of_guessing": _GUESSING[self.objective.phase]}
        found = {name: measured.figures() for name, measured in self.measured.items()}
        return {name: {**own, **(guessing if "phase" in own else {})} for name, own in found.items()}


def card_figures(looks: Sequence[Look]) -> dict[str, object]:
    """For the model card: the last training step, and the held-out subjects of all sets."""
    told: dict[str, object] = {}
    for look in looks:
        last = look.lines[-1] if look.lines else {}
        names = ("total", "masked_accuracy", "masked_chance", "usage")
        told |= {name: round(last[name], 4) for name in names if name in last}
        told |= {f"held-out {_ROWS[n]}": round(v, 4) for n, v in next(iter(look.figures().values()), {}).items()}
    return told


def write_page(out: Path, looks: Sequence[Look]) -> None:
    """Write ``report.html`` (with table.json and table.md) and the figures as PNG into the RUN."""
    drawings = []
    for name, caption, drawing in _drawings(looks):
        with drawing as figure:
            path = out / "figures" / f"{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            figure.savefig(path, dpi=_DPI, facecolor="white")
            drawings.append(Drawing(caption.partition(":")[0], svg(figure, name), caption.partition(": ")[2]))
    notes = ("Measured on subjects whose signals were never trained on, with the state after the last step.",)
    Page("MindMix EEG encoder, stage 1", [_sheet(look) for look in looks], notes, drawings).write(out)


def _drawings(looks: Sequence[Look]) -> Iterator[tuple[str, str, AbstractContextManager[Figure]]]:
    """File name, caption ("title: sentence") and drawing of each figure."""
    for look in looks:
        kind = {"both": "", "tokenizer": "tokenizer_", "masked": "naming_"}[look.objective.branches]
        if look.lines:
            yield (
                f"{kind}curves",
                "Training curves: faint lines are training batches, dots the held-out subjects, dotted what must be beaten.",
                pretraining_curves(look.lines),
            )
        measured = next(iter(look.measured.values()))
        if look.objective.branches == "masked":
            continue
        counts = {name: one.codes.numpy() for name, one in look.measured.items()}
        yield "codes", "Use of the codes: how many tokens of held-out subjects take each code.", code_usage(counts)
        band = MINDMIX.band or (0.0, MINDMIX.sfreq / 2)
        yield (
            "spectra",
            "Reconstructed spectra: patches of held-out subjects, taken from the middle of their batch whatever their error; "
            "grey lies outside the pass band.",
            reconstructed_spectra(measured.patches(), band),
        )
        yield (
            "errors",
            "Error at each frequency: mean over all held-out patches.",
            spectrum_errors(measured.error_per_frequency(), _GUESSING[look.objective.phase], band),
        )


def _sheet(look: Look) -> Sheet:
    figures = look.figures()
    known = next(iter(figures.values()))
    rows = tuple((words, *(f"{own[name]:.4g}" for own in figures.values())) for name, words in _ROWS.items() if name in known)
    title = {"both": "", "tokenizer": ": tokenizer", "masked": ": naming of hidden codes"}[look.objective.branches]
    return Sheet(f"Held-out subjects{title}", ("measure", *figures), rows)

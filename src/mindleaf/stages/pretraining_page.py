"""The page of a pretraining RUN: figures of subjects it has not learned from, and the tables below them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from mindleaf.evaluation.sheets import Drawing, Page, Sheet
from mindleaf.interpret.style import svg
from mindleaf.preprocessing.pipeline import Pipeline
from mindleaf.stages.held_out import HeldOut
from mindleaf.store.examples import Examples

#: Dots per inch of the PNG files.
_DPI = 200

#: File name, caption ("title: sentence") and drawing of a figure.
Captioned = tuple[str, str, AbstractContextManager[Figure]]


@dataclass(frozen=True)
class Look:
    """One phase of training as it ended: its objective, its log, and what was measured on held-out subjects by data set.

    ``title`` tells it from other phases of the same RUN.
    """

    objective: Any
    lines: Sequence[Mapping[str, Any]]
    measured: Mapping[str, Any]
    title: str = ""

    def figures(self) -> dict[str, dict[str, float]]:
        """What was measured and what must be beaten, by data set."""
        return {name: {**measured.figures(), **measured.beside()} for name, measured in self.measured.items()}


@dataclass(frozen=True)
class EncoderKind:
    """What belongs to one model of stage 1.

    title     of card and page                      pipeline   what the EEG goes through
    held_out  what is measured                      rows       each measure in words, in the order of the page
    logged    figures of the last training step that the card tells; those of them in ``progress`` stand beside the bar
    drawings  figures of one phase                  notes      sentences for card and page
    facts     what the card tells of the data
    """

    title: str
    pipeline: Pipeline
    held_out: type[HeldOut]
    rows: Mapping[str, str]
    logged: tuple[str, ...]
    progress: Mapping[str, str]
    drawings: Callable[[Look], Iterator[Captioned]]
    notes: tuple[str, ...] = ()
    facts: Callable[[Sequence[Examples]], dict[str, object]] = lambda parts: {}


def card_figures(kind: EncoderKind, looks: Sequence[Look]) -> dict[str, object]:
    """For the model card: the last training step, and the held-out subjects of all sets."""
    told: dict[str, object] = {}
    for look in looks:
        last = look.lines[-1] if look.lines else {}
        told |= {name: round(last[name], 4) for name in ("total", *kind.logged) if name in last}
        measured = next(iter(look.figures().values()), {})
        told |= {
            f"held-out {words}": round(measured[n], 4)
            for n, words in kind.rows.items()
            if math.isfinite(measured.get(n, math.nan))
        }
    return told


def write_page(out: Path, kind: EncoderKind, looks: Sequence[Look]) -> None:
    """Write ``report.html`` (with table.json and table.md) and the figures as PNG into the RUN."""
    drawings = []
    for look in looks:
        for name, caption, drawing in kind.drawings(look):
            with drawing as figure:
                path = out / "figures" / f"{name}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                figure.savefig(path, dpi=_DPI, facecolor="white")
                drawings.append(Drawing(caption.partition(":")[0], svg(figure, name), caption.partition(": ")[2]))
    notes = ("Measured on subjects whose signals were never trained on, with the state after the last step.", *kind.notes)
    Page(kind.title, [_sheet(kind, look) for look in looks], notes, drawings).write(out)


def _sheet(kind: EncoderKind, look: Look) -> Sheet:
    figures = look.figures()
    known = next(iter(figures.values()))
    rows = tuple((words, *(_number(own[name]) for own in figures.values())) for name, words in kind.rows.items() if name in known)
    return Sheet(f"Held-out subjects{look.title and f': {look.title}'}", ("measure", *figures), rows)


def _number(value: float) -> str:
    """Four digits; a dash for what cannot be said, such as an interval over one subject."""
    return f"{value:.4g}" if math.isfinite(value) else "–"

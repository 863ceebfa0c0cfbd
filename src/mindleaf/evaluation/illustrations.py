"""Illustrations: which figures a report shows, and the numbers behind each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mindleaf.evaluation.predict import Cell, SystemRun
from mindleaf.evaluation.statistics import PRIMARY
from mindleaf.interpret import figures
from mindleaf.interpret.topography import topography_figure
from mindleaf.metrics.scores import confusion, decisions
from mindleaf.montage import Montage

_MAX_CONFUSIONS = 4
_NAN = float("nan")


@dataclass(frozen=True)
class Illustration:
    """One drawing of the report: ``kind`` groups small drawings side by side."""

    kind: str
    title: str
    caption: str
    svg: str


def illustrations(content: dict[str, Any], runs: Sequence[SystemRun]) -> list[Illustration]:
    """All drawings the data supports, in the order of the report."""
    tested = [entry for entry in content["systems"] if entry["metrics"]]
    if not tested:
        return []
    asks = next(run.cells[0].task.asks for run in runs if run.cells)
    out = [*_scores(tested, PRIMARY[asks]), *_windows(tested, PRIMARY[asks]), *_curves(runs), *_confusions(runs)]
    for part in (_topography, _trf):
        out += [drawing for run in runs for drawing in part(run)]
    return out


def _scores(tested: list[dict], metric: str) -> list[Illustration]:
    window_s = min(entry["window_s"] for entry in tested)
    entries = sorted((e for e in tested if e["window_s"] == window_s), key=lambda e: -_value(e["metrics"][metric]["mean"]))
    bars = [_bar(entry, metric) for entry in entries]
    chance = float(np.mean([_value(e["metrics"][metric]["chance"]) for e in entries]))
    caption = (
        f"Windows of {window_s:g} s. Line: 95 % interval over {_units(entries)}; faint dots: folds; squares: linear floor. "
        "A line that touches the dashed one is not told from chance."
    )
    return [Illustration("wide", "Score against chance and floor", caption, figures.score_figure(bars, chance, metric, "scores"))]


def _bar(entry: dict, metric: str) -> figures.Bar:
    found = entry["metrics"][metric]
    low, high = (_value(x) for x in found["ci95"])
    values = tuple(_value(fold["metrics"].get(metric)) for fold in entry["folds"])
    return figures.Bar(
        entry["name"], _value(found["mean"]), low, high, entry["floor"], tuple(v for v in values if np.isfinite(v))
    )


def _windows(tested: list[dict], metric: str) -> list[Illustration]:
    lines: dict[str, list[tuple[float, float, float, float]]] = {}
    for entry in tested:
        found = entry["metrics"][metric]
        lines.setdefault(entry["name"], []).append(
            (entry["window_s"], _value(found["mean"]), _value(found["ci95"][0]), _value(found["ci95"][1]))
        )
    if len({entry["window_s"] for entry in tested}) < 2:
        return []
    chance = float(np.mean([_value(e["metrics"][metric]["chance"]) for e in tested]))
    caption = "Longer windows hold more evidence, so an honest decoder rises with length; a leak is high from the start."
    return [Illustration("wide", "Score against window length", caption, figures.window_figure(lines, chance, metric, "windows"))]


def _curves(runs: Sequence[SystemRun]) -> list[Illustration]:
    found = {run.name: run.cells[0].system.findings().get("curve") for run in runs if run.cells}
    curves = {name: curve for name, curve in found.items() if curve}
    if not curves:
        return []
    caption = (
        "First fold. Solid: training, dashed: validation, dotted: the loss of a guess, the dot: the state that was kept (at step -1 "
        "the one before training). A curve that stays at the dotted line has learnt nothing."
    )
    return [Illustration("wide", "Training", caption, figures.curve_figure(curves, "curves"))]


def _confusions(runs: Sequence[SystemRun]) -> list[Illustration]:
    out = []
    for number, run in enumerate(run for run in runs if run.cells):
        if number == _MAX_CONFUSIONS:
            break
        window_s = run.windows_s[0]
        matrix, names, what = _confusion(run.at(window_s))
        if len(names) > 1:
            drawing = figures.confusion_figure(np.round(matrix, 1), names, name=f"confusion-{number}")
            caption = f"{what} in windows of {window_s:g} s: shares of each row, counts below. The diagonal is right."
            out.append(Illustration("small", f"Confusions of {run.name}", caption, drawing))
    return out


def _confusion(cells: Sequence[Cell]) -> tuple[NDArray, list[str], str]:
    """Confusion matrix over classes; for candidates over the side (or talker) of the stream that was chosen."""
    if cells[0].task.asks == "labels":
        total = sum(confusion(cell.answers, decisions(cell.scores)) for cell in cells)
        return np.asarray(total), [str(name) for name in cells[0].test.classes], "Classes"
    for attribute in ("side", "talker"):
        names = sorted({str(v) for cell in cells for v in cell.test.rows[f"{attribute}_1"]} - {""})
        if 2 <= len(names) <= 6 and all(_distinct(cell, attribute) for cell in cells):
            return sum(_by_attribute(cell, attribute, names) for cell in cells), names, f"Attended {attribute}"  # type: ignore[return-value]
    return np.zeros((0, 0)), [], ""


def _distinct(cell: Cell, attribute: str) -> bool:
    first, second = (cell.test.rows[f"{attribute}_{k}"] for k in (1, 2))
    return bool((first != second).all())


def _by_attribute(cell: Cell, attribute: str, names: list[str]) -> NDArray:
    n = cell.scores.shape[1]
    place = {name: k for k, name in enumerate(names)}
    carried = np.stack([cell.test.rows[f"{attribute}_{k}"].map(place).to_numpy() for k in range(1, n + 1)], axis=1)
    shares = np.zeros((len(carried), len(names)))
    for k in range(n):
        shares[np.arange(len(carried)), carried[:, k]] += decisions(cell.scores)[:, k]
    return confusion(carried[np.arange(len(carried)), cell.answers], shares)


def _topography(run: SystemRun) -> list[Illustration]:
    found = _averaged(run, "topography", "values")
    if found is None:
        return []
    values, finding, cell = found
    montage = _montage(cell, list(finding["channel_names"]))
    drawing = topography_figure(montage, values, name=f"topography-{run.name}")
    caption = finding.get("caption", "Where on the head the decision draws its evidence, averaged over folds; nose up.")
    return [Illustration("small", f"Topography of {run.name}", caption, drawing)] if drawing else []


def _trf(run: SystemRun) -> list[Illustration]:
    found = _averaged(run, "trf", "weights")
    if found is None:
        return []
    weights, finding, _ = found
    drawing = figures.trf_figure(finding["lags_s"], weights, list(finding["channel_names"]), name=f"trf-{run.name}")
    caption = finding.get(
        "caption", "Weight of each electrode and lag, averaged over folds; the four strongest electrodes are named."
    )
    return [Illustration("wide", f"Temporal response of {run.name}", caption, drawing)]


def _averaged(run: SystemRun, name: str, key: str) -> tuple[NDArray, dict, Cell] | None:
    """Mean of a finding over the folds that have it on the same channels; None where no fold has."""
    found = [(cell.system.findings().get(name), cell) for cell in (run.at(run.windows_s[0]) if run.cells else [])]
    known = [(finding, cell) for finding, cell in found if finding]
    if not known:
        return None
    first, cell = known[0]
    same = [f for f, _ in known if tuple(f["channel_names"]) == tuple(first["channel_names"])]
    arrays = [np.asarray(f[key], dtype=float) for f in same]
    return np.mean([a for a in arrays if a.shape == arrays[0].shape], axis=0), first, cell


def _montage(cell: Cell, channel_names: list[str]) -> Montage:
    for recording in cell.train.store.recordings.values():
        if set(channel_names) <= set(recording.montage.names):
            return recording.montage.select(channel_names)
    return Montage.from_names(channel_names)[0]


def _units(entries: list[dict]) -> str:
    units = {metric["unit"] for entry in entries for metric in entry["metrics"].values()}
    return " or ".join(sorted(f"{unit}s" for unit in units))


def _value(number: float | None) -> float:
    return _NAN if number is None else float(number)

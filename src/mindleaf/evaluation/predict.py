"""Predict: fit a system inside each fold and score that fold's test windows, one cell per fold and window length."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mindleaf.errors import BadInput
from mindleaf.evaluation.calibration import ScoreKind
from mindleaf.evaluation.contract import Asks, System, Task
from mindleaf.evaluation.prepared_rows import PreparedRows
from mindleaf.evaluation.readings import WatchedExamples
from mindleaf.fold import Fold
from mindleaf.metrics.scores import decisions
from mindleaf.store.examples import Examples
from mindleaf.store.exposure import Exposure
from mindleaf.store.store import Store

ID_COLUMNS = ["dataset", "subject", "session", "run", "recording", "trial", "start", "stop"]


@dataclass(eq=False)
class Cell:
    """One fold at one window length: the fitted system, what it was fitted on, and its scores (n_test, K)."""

    system_name: str
    system: System
    task: Task
    fold: Fold
    window_s: float
    train: Examples
    validation: Examples
    test: Examples
    scores: NDArray[np.float64]

    @property
    def answers(self) -> NDArray[np.int64]:
        return right_answers(self.test, self.task)

    def predictions(self) -> pd.DataFrame:
        """One row per test window; ``predicted`` is -1 where options tie, ``correct`` then is the tie's share."""
        shares = decisions(self.scores)
        right = self.answers
        rows = self.test.rows.reset_index(drop=True)
        table = rows[ID_COLUMNS].copy()
        table.insert(0, "window_s", self.window_s)
        table.insert(0, "fold", self.fold.name)
        table.insert(0, "system", self.system_name)
        table["n_options"] = (~np.isnan(self.scores)).sum(axis=1)
        table["answer"] = right
        table["predicted"] = np.where(shares.max(axis=1) == 1, shares.argmax(axis=1), -1)
        table["correct"] = shares[np.arange(len(right)), right]
        for k in range(self.scores.shape[1]):
            table[f"score_{k + 1}"] = self.scores[:, k]
        return table


@dataclass(eq=False)
class SystemRun:
    """Everything one system did in one evaluation.

    missing    window length -> why there is nothing for it
    left_out   (window length, fold) -> why the system could not be fitted there
    share      of the training trials that it learned from (see ``Fold.share``)
    exposure   what the system had seen before this evaluation, None where there was no earlier training
    transductive   whether test windows were scaled by the whole recordings that they are part of
    score_kind     whether scores are logits or probabilities, "" where they speak of neither
    """

    name: str
    asks: Asks
    cells: list[Cell] = field(default_factory=list)
    n_parameters: int = 0
    weights: str = "none"
    seconds: float = 0.0
    status: str = "ok"
    why: str = ""
    floor: bool = False
    missing: dict[float, str] = field(default_factory=dict)
    left_out: dict[tuple[float, str], str] = field(default_factory=dict)
    share: float = 1.0
    exposure: Exposure | None = None
    transductive: bool = False
    score_kind: ScoreKind = ""

    @property
    def windows_s(self) -> list[float]:
        return sorted({cell.window_s for cell in self.cells})

    def at(self, window_s: float) -> list[Cell]:
        return [cell for cell in self.cells if cell.window_s == window_s]

    def predictions(self) -> pd.DataFrame:
        return pd.concat([cell.predictions() for cell in self.cells], ignore_index=True) if self.cells else pd.DataFrame()


def right_answers(examples: Examples, task: Task) -> NDArray[np.int64]:
    """Index of the right option of each window under the task."""
    return examples.answers if task.asks == "candidates" else examples.labels


def option_scores(system: System, examples: Examples, task: Task) -> NDArray[np.float64]:
    """Scores of the task's options, (n, K), NaN where a row has fewer than K.

    A system that predicts a class (side or talker) of a window with candidates gives each candidate the score of the
    class it carries; a candidate of a class unknown to the system, or scored NaN, gets -inf.
    """
    scores = np.asarray(system.predict(examples), dtype=float)
    if scores.shape[0] != len(examples):
        raise BadInput(
            f"{system.name}: wanted scores for {len(examples)} windows, got {scores.shape[0]}; predict() must keep every row."
        )
    if task.asks == "candidates" and system.asks == "labels":
        scores = _by_candidate(scores, examples, getattr(task, "target", "side"))
    # NaN is kept for options a row does not have; a system that cannot score an option ranks it last.
    scores = np.where(np.isnan(scores), -np.inf, scores)
    if task.asks == "candidates" and "n_candidates" in examples.rows:
        present = examples.rows["n_candidates"].to_numpy(dtype=int)
        scores = np.where(np.arange(scores.shape[1]) < np.where(present > 0, present, scores.shape[1])[:, None], scores, np.nan)
    return scores


def _by_candidate(scores: NDArray, examples: Examples, attribute: str) -> NDArray:
    position = {name: k for k, name in enumerate(examples.classes)}
    columns = []
    for k in range(1, examples.n_candidates + 1):
        number = examples.rows[f"{attribute}_{k}"].map(lambda name: position.get(name, -1)).to_numpy(dtype=int)
        columns.append(np.where(number >= 0, scores[np.arange(len(scores)), number], -np.inf))
    return np.stack(columns, axis=1)


def run_system(
    name: str,
    build: Callable[[], System],
    store: Store,
    test_store: Store | None,
    task: Task,
    folds: Sequence[Fold],
    windows_s: Sequence[float],
    seed: int,
    train_window_s: float | None = None,
    *,
    weights: str = "none",
    floor: bool = False,
    fitted: Callable[[Fold], System] | None = None,
    on_cell: Callable[[Cell], None] | None = None,
    prepared: PreparedRows | None = None,
) -> SystemRun:
    """Fit and test one system on every fold and window length.

    ``fitted`` gives a system that has been fitted on the fold's training data already (a fine-tuned RUN); otherwise
    ``build()`` is called and fitted once per fold at ``train_window_s`` where it scores windows of any length, else
    once per length. Where the task does not apply, the run has status "not applicable" and says why; where the system
    could be fitted in some folds only, "incomplete". Between two stores a system reads the channels that both have,
    unless its ``any_montage`` is True.
    """
    begun = time.monotonic()
    rows = prepared or PreparedRows(store, test_store, task, seed)
    first = build() if fitted is None else fitted(folds[0])
    run = SystemRun(name=name, asks=first.asks, n_parameters=first.n_parameters, weights=weights, floor=floor)
    run.score_kind = getattr(first, "score_kind", "")
    usable = _usable_lengths(run, rows, windows_s, getattr(first, "inputs", "eeg"))
    channels = rows.shared_channels if rows.two_stores and not getattr(first, "any_montage", False) else None
    if channels == ():
        run.status, run.why = "not applicable", "it needs equal channels, and the two stores have none in common"
    if not run.why:
        for fold in folds:
            run.cells += _fold_cells(run, build, fitted, rows, fold, usable, seed, train_window_s, on_cell, channels or ())
        _note_empty(run, usable, rows.refused)
        _note_left_out(run, len(folds))
        _note_cut_short(run)
    run.n_parameters = max((cell.system.n_parameters for cell in run.cells), default=run.n_parameters)
    run.seconds = time.monotonic() - begun
    return run


def _usable_lengths(run: SystemRun, rows: PreparedRows, windows_s: Sequence[float], inputs: str) -> list[float]:
    usable = []
    for window_s in windows_s:
        try:
            table = rows.table(rows.test_store, window_s)
        except BadInput as error:
            run.missing[window_s] = str(error)
            continue
        usable.append(window_s)
        if run.asks == "candidates" and rows.task.asks == "labels":
            run.status, run.why = "not applicable", "it scores candidate streams, and this task asks for a class"
        elif why := _unheard(table, run.asks, inputs) or _not_applicable(rows, table, window_s, run.asks):
            run.status, run.why = "not applicable", why
    if not usable:
        raise BadInput("; ".join(dict.fromkeys(run.missing.values())))
    return usable


def _unheard(table: pd.DataFrame, asks: Asks, inputs: str) -> str:
    """Why a system that scores classes and hears one sound beside or instead of EEG cannot; "" where it can."""
    if inputs == "eeg" or asks == "candidates" or (table["n_candidates"] == 1).all():
        return ""
    if (table["n_candidates"] > 1).any():
        return "it hears one sound a window, and several play here; the task emotion takes the one attended to"
    return "it hears the sound of a window, and no sound is recorded here"


def _not_applicable(rows: PreparedRows, table: pd.DataFrame, window_s: float, asks: Asks) -> str:
    """Why the task has nothing to ask of such a system, in the test store or in the training store."""
    why = rows.task.not_applicable(table, asks)
    if why or not rows.two_stores:
        return why
    unknown = rows.unknown_classes(window_s)
    if unknown and asks == "labels" and rows.task.asks == "candidates":
        return f"it cannot have learned {', '.join(unknown)}, which occurs in the test store only"
    return rows.task.not_applicable(rows.table(rows.store, window_s), asks)


def _fold_cells(
    run: SystemRun,
    build: Callable[[], System],
    fitted: Callable[[Fold], System] | None,
    rows: PreparedRows,
    fold: Fold,
    windows_s: Sequence[float],
    seed: int,
    train_window_s: float | None,
    on_cell: Callable[[Cell], None] | None,
    channels: tuple[str, ...],
) -> list[Cell]:
    cells: list[Cell] = []
    system: System | None = None
    for window_s in windows_s:
        test = rows.examples(fold, "test", window_s, run.asks, channels)
        if len(test) == 0:
            continue
        if system is None or not system.any_length:
            system = build() if fitted is None else fitted(fold)
            train_s = (train_window_s or windows_s[0]) if system.any_length else window_s
            train, validation = (rows.examples(fold, part, train_s, run.asks, channels) for part in ("train", "validation"))
            if fitted is None:
                if why := _unlearnable(train, run.asks, train_s) or _refused(system, train):
                    run.left_out[window_s, fold.name], system = why, None
                    continue
                system.fit(train, validation, seed)
        watched = WatchedExamples.of(test)
        cell = Cell(
            run.name, system, rows.task, fold, window_s, train, validation, test, option_scores(system, watched, rows.task)
        )
        run.transductive |= watched.transductive
        cells.append(cell)
        if on_cell is not None:
            on_cell(cell)
    return cells


def _unlearnable(train: Examples, asks: Asks, train_s: float) -> str:
    """What the training windows of a fold lack, "" where a system can be fitted."""
    if len(train) == 0:
        return f"no training window of {train_s:g} s has an answer"
    kinds = np.unique(train.labels)
    if asks == "labels" and len(kinds) == 1:
        return f"all training windows are of one class ({train.classes[kinds[0]]})"
    return ""


def _refused(system: System, train: Examples) -> str:
    """Why the system cannot take such windows or channels at all, "" where it can or does not say."""
    return getattr(system, "not_applicable", lambda _: "")(train)


def _note_left_out(run: SystemRun, n_folds: int) -> None:
    if not run.left_out:
        return
    (_, fold), why = next(iter(run.left_out.items()))
    n_left_out = len({name for _, name in run.left_out})
    alike = n_left_out == n_folds and len(set(run.left_out.values())) == 1
    run.why = why if alike else f"{n_left_out} of {n_folds} fold(s) left out, first {fold}: {why}"
    run.status = "incomplete" if run.cells else "not applicable"


def _note_cut_short(run: SystemRun) -> None:
    """A training that its time limit ended says so in the last line of its curve."""
    systems = {id(cell.system): cell.system for cell in run.cells}.values()
    curves = [curve for system in systems if (curve := system.findings().get("curve"))]
    steps = [len(curve) for curve in curves if curve[-1].get("cut_short")]
    if steps and run.status == "ok":
        run.status = "undertrained"
        run.why = f"the time limit ended training in {len(steps)} of {len(curves)} fit(s), after {min(steps)} steps or more"


def _note_empty(run: SystemRun, windows_s: Sequence[float], refused: Mapping[float, str]) -> None:
    for window_s in windows_s:
        if not run.at(window_s) and not any(length == window_s for length, _ in run.left_out):
            run.missing[window_s] = refused.get(window_s, f"no test span of this protocol holds a window of {window_s:g} s")
    if not run.cells:
        run.status, run.why = "not applicable", "; ".join(dict.fromkeys(run.missing.values()))

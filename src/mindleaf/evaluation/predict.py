"""Predict: fit a system inside each fold and score that fold's test windows, one cell per fold and window length."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mindleaf.errors import BadInput
from mindleaf.evaluation.contract import Asks, System, Task
from mindleaf.fold import Fold, Part
from mindleaf.metrics.scores import decisions
from mindleaf.store.examples import Examples
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
    """Everything one system did in one evaluation. ``missing`` maps a window length to why there is nothing for it."""

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

    @property
    def windows_s(self) -> list[float]:
        return sorted({cell.window_s for cell in self.cells})

    def at(self, window_s: float) -> list[Cell]:
        return [cell for cell in self.cells if cell.window_s == window_s]

    def predictions(self) -> pd.DataFrame:
        return pd.concat([cell.predictions() for cell in self.cells], ignore_index=True) if self.cells else pd.DataFrame()


class PreparedRows:
    """Window tables of both stores, cut and prepared once per length. ``cut(store, window_s)`` gives a window table."""

    def __init__(
        self,
        store: Store,
        test_store: Store | None,
        task: Task,
        seed: int,
        cut: Callable[[Store, float], pd.DataFrame] = Store.windows,
    ) -> None:
        self.store, self.test_store, self.task, self.seed, self.cut = store, test_store or store, task, seed, cut
        self._tables: dict[tuple[int, float], pd.DataFrame] = {}

    def table(self, store: Store, window_s: float) -> pd.DataFrame:
        key = (id(store), window_s)
        if key not in self._tables:
            table = self.task.prepare(self.cut(store, window_s), self.seed).reset_index(drop=True)
            self._tables[key] = table if store is self.store else self._renumbered(table, window_s)
        return self._tables[key]

    def _renumbered(self, table: pd.DataFrame, window_s: float) -> pd.DataFrame:
        """Class numbers of the test store's table in the order of the training store's classes; -1 for unknown ones."""
        there = self.task.classes(table)
        here = {name: k for k, name in enumerate(self.task.classes(self.table(self.store, window_s)))}
        number = [here.get(name, -1) for name in there]
        return table.assign(target=[number[k] if k >= 0 else -1 for k in table["target"]]) if "target" in table else table

    def examples(self, fold: Fold, part: Part, window_s: float, system_asks: Asks) -> Examples:
        """The fold's windows that have an answer for a system that asks ``system_asks``; may be empty."""
        store = self.test_store if part == "test" else self.store
        table = self.table(store, window_s)
        # The classes are named by the training store, so that class numbers mean the same on both sides.
        classes = self.task.classes(self.table(self.store, window_s))
        rows = table.iloc[fold.select(table, part)]
        answered = self.task.asks if part == "test" else system_asks
        column = "answer" if answered == "candidates" else "target"
        rows = rows[rows[column] >= 0] if column in rows else rows.iloc[:0]
        return Examples(store, rows.reset_index(drop=True), classes=classes)


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
    once per length. Where the task does not apply, the run has status "not applicable" and says why.
    """
    begun = time.monotonic()
    rows = prepared or PreparedRows(store, test_store, task, seed)
    first = build() if fitted is None else fitted(folds[0])
    run = SystemRun(name=name, asks=first.asks, n_parameters=first.n_parameters, weights=weights, floor=floor)
    usable = _usable_lengths(run, rows, windows_s)
    if not run.why:
        for fold in folds:
            run.cells += _fold_cells(run, build, fitted, rows, fold, usable, seed, train_window_s, on_cell)
        _note_empty(run, usable)
    run.n_parameters = max((cell.system.n_parameters for cell in run.cells), default=run.n_parameters)
    run.seconds = time.monotonic() - begun
    return run


def _usable_lengths(run: SystemRun, rows: PreparedRows, windows_s: Sequence[float]) -> list[float]:
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
        elif why := rows.task.not_applicable(table, run.asks):
            run.status, run.why = "not applicable", why
    if not usable:
        raise BadInput("; ".join(dict.fromkeys(run.missing.values())))
    return usable


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
) -> list[Cell]:
    cells: list[Cell] = []
    system: System | None = None
    for window_s in windows_s:
        test = rows.examples(fold, "test", window_s, run.asks)
        if len(test) == 0:
            continue
        if system is None or not system.any_length:
            system = build() if fitted is None else fitted(fold)
            train_s = (train_window_s or windows_s[0]) if system.any_length else window_s
            train, validation = (rows.examples(fold, part, train_s, run.asks) for part in ("train", "validation"))
            if fitted is None:
                if len(train) == 0:
                    raise BadInput(
                        f"fold {fold.name}: wanted training windows of {train_s:g} s with an answer, got none; ask for shorter "
                        "windows or another protocol."
                    )
                system.fit(train, validation, seed)
        cell = Cell(run.name, system, rows.task, fold, window_s, train, validation, test, option_scores(system, test, rows.task))
        cells.append(cell)
        if on_cell is not None:
            on_cell(cell)
    return cells


def _note_empty(run: SystemRun, windows_s: Sequence[float]) -> None:
    for window_s in windows_s:
        if not run.at(window_s):
            run.missing[window_s] = f"no test span of this protocol holds a window of {window_s:g} s"
    if not run.cells:
        run.status, run.why = "not applicable", "; ".join(dict.fromkeys(run.missing.values()))

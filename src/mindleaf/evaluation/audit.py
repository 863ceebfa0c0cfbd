"""Audit: every control on every system, ``quick`` (no refit) or ``full`` (with refits)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mindleaf.evaluation.attribution import aggregation, window_evidence
from mindleaf.evaluation.audio_controls import audio_shifted, order_swapped
from mindleaf.evaluation.contamination import pretraining_contamination
from mindleaf.evaluation.contract import System, Task
from mindleaf.evaluation.controls import answers_hidden, batch_size, control_score, eeg_permuted, eeg_replaced, thinned
from mindleaf.evaluation.duplicates import duplicate_recordings, duplicate_signals
from mindleaf.evaluation.identifiability import trial_identifiability, unit_identifiability
from mindleaf.evaluation.language_controls import instructions, is_told, random_answers
from mindleaf.evaluation.overlap import group_overlap
from mindleaf.evaluation.permutation import trial_permutation
from mindleaf.evaluation.predict import SystemRun
from mindleaf.evaluation.refits import fit_on_train_only, labels_permuted, untrained
from mindleaf.evaluation.shortcuts import Blind, shortcuts
from mindleaf.evaluation.verdict import AuditRow, skipped
from mindleaf.fold import Fold
from mindleaf.store.store import Store

Depth = Literal["quick", "full"]
#: Refits needed before a permutation test can reach p = .05.
N_REFITS = 19


def audit(
    runs: Sequence[SystemRun],
    folds: Sequence[Fold],
    store: Store,
    test_store: Store | None,
    task: Task,
    seed: int,
    depth: Depth = "quick",
    builds: Mapping[str, Callable[[], System]] | None = None,
    *,
    max_windows: int = 2000,
    n_refits: int = N_REFITS,
    refit_budget_s: float = float("inf"),
    on_row: Callable[[str, AuditRow], None] | None = None,
) -> dict[str, list[AuditRow]]:
    """Audit rows of every system that was tested, by name.

    ``builds`` gives an unfitted system per name and is needed for ``full``; a system without one has its refits skipped.
    Controls run at the shortest window length, where windows are many, on at most ``max_windows`` windows.
    """
    tested = [run for run in runs if run.cells]
    shared = split_rows(folds, store, test_store, min((w for run in tested for w in run.windows_s), default=2.0), seed, depth)
    out: dict[str, list[AuditRow]] = {}
    blind: dict[tuple, Blind] = {}
    for run in tested:
        rows = out.setdefault(run.name, [])
        # Systems of one kind are trained and tested on the same windows, and share one signal-blind model.
        key = (run.asks, *((id(cell.fold), cell.window_s) for cell in run.at(run.windows_s[0])))
        blind.setdefault(key, Blind(run.at(run.windows_s[0]), seed, max_windows))
        limits = _Limits(max_windows, n_refits, refit_budget_s)
        for row in _system_rows(run, blind[key], seed, depth, (builds or {}).get(run.name), limits):
            rows.append(row)
            if on_row is not None:
                on_row(run.name, row)
        rows += shared
    return out


def split_rows(
    folds: Sequence[Fold], store: Store, test_store: Store | None, window_s: float, seed: int, depth: Depth
) -> list[AuditRow]:
    """The controls that look at the data and the split only, the same for every system."""
    stores = [store] if test_store is None or test_store is store else [store, test_store]
    rows = [
        group_overlap(folds, store, test_store),
        duplicate_signals(stores, folds, duplicate_recordings(stores)),
    ]
    if depth == "full":
        rows.append(trial_identifiability(store, folds, window_s, seed))
    return rows


def failed(audits: Mapping[str, Sequence[AuditRow]]) -> list[tuple[str, AuditRow]]:
    """Every failed row with its system."""
    return [(name, row) for name, rows in audits.items() for row in rows if row.status == "fail"]


@dataclass(frozen=True)
class _Limits:
    max_windows: int
    n_refits: int
    refit_budget_s: float


def _system_rows(
    run: SystemRun,
    blind: Blind,
    seed: int,
    depth: Depth,
    build: Callable[[], System] | None,
    limits: _Limits,
) -> Iterator[AuditRow]:
    cells = run.at(run.windows_s[0])
    subject = thinned(cells, limits.max_windows, seed)
    rows = [
        eeg_permuted(subject),
        eeg_replaced(subject, "noise"),
        eeg_replaced(subject, "zero"),
        answers_hidden(subject),
        audio_shifted(subject),
        order_swapped(subject),
        batch_size(subject),
    ]
    yield from rows
    # A row that reads no EEG has no control without it, but it has its own score.
    own = control_score(subject, [np.arange(len(examples)) for examples in subject.examples], subject.scores)
    yield shortcuts(blind, subject, rows, own.real_beyond_luck)
    yield window_evidence(subject)
    yield aggregation(cells, subject)
    if is_told(cells[0].system):
        yield from instructions(subject)
    predictions = run.predictions()
    predictions = predictions[predictions["window_s"] == run.windows_s[0]].reset_index(drop=True)
    asks = cells[0].task.asks
    yield trial_permutation(predictions, asks, float(np.mean(1.0 / predictions["n_options"])), seed)
    yield pretraining_contamination(run.exposure, cells, run.weights)
    if depth != "full":
        return
    yield unit_identifiability("subject", blind, cells, rows, seed)
    yield unit_identifiability("session", blind, cells, rows, seed)
    if build is None:
        for control in ("labels_permuted", "untrained", "fit_on_train_only"):
            yield skipped(control, "see the audit's description", "this system came fitted and cannot be refitted here")
        return
    yield labels_permuted(cells[0], build, seed, limits.n_refits, limits.refit_budget_s)
    yield untrained(subject, build)
    yield fit_on_train_only(cells[0], build, seed)
    if is_told(cells[0].system):
        yield random_answers(subject, build)

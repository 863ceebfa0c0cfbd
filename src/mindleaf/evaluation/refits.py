"""Refits: controls that train again, on scrambled labels, not at all, or with the test material made unreadable."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mindleaf.evaluation.clusters import trial_ids
from mindleaf.evaluation.contract import System
from mindleaf.evaluation.controls import SAME, Subject, control_score, donor_rows, predicted, relative_difference
from mindleaf.evaluation.predict import Cell, option_scores
from mindleaf.evaluation.statistics import balanced_credit, claims_above_chance
from mindleaf.evaluation.verdict import AuditRow, must_be_at_chance, skipped
from mindleaf.metrics.scores import correctness
from mindleaf.preprocessing.pipeline import Pipeline
from mindleaf.store.examples import Examples
from mindleaf.store.places import Places
from mindleaf.store.store import Store
from mindleaf.store.view import View

_PERMUTED = "chance after training on exchanged labels"
_UNTRAINED = "chance"
_TRAIN_ONLY = "the same predictions"


def labels_permuted(
    cell: Cell, build: Callable[[], System], seed: int, n_refits: int = 19, budget_s: float = float("inf")
) -> AuditRow:
    """Refit on training trials whose labels (or EEG) were exchanged, and test on the untouched test windows of one fold.

    p = (1 + refits at least as good as the system) / (1 + refits). What a system still scores then comes from elsewhere
    than the labels. p > .05 is no pass. Where the fold's own interval lies above chance and the refits do so on average, too,
    the claim is contradicted (fail); elsewhere nothing can be said (skipped): a single lucky refit, say a spatial filter drawn
    at random that has the right sign, must not convict an honest system. Stops when ``budget_s`` is spent; fewer than 19 refits are ``skipped``.
    """
    begun, values = time.monotonic(), []
    if len(exchanged(cell.train, cell.system.asks, np.random.default_rng(seed))) == 0:
        return skipped("labels_permuted", _PERMUTED, "no training window has another one's EEG to be exchanged with")
    for draw in range(n_refits):
        if time.monotonic() - begun > budget_s:
            break
        system = build()
        rng = np.random.default_rng([seed, draw])
        system.fit(exchanged(cell.train, system.asks, rng), exchanged(cell.validation, system.asks, rng), seed + draw)
        values.append(_credit(cell, option_scores(system, cell.test, cell.task)))
    if len(values) < 19:
        return skipped("labels_permuted", _PERMUTED, f"{len(values)} refits done in the time allowed, 19 needed for p < .05")
    real, null = _credit(cell, cell.scores), np.array(values)
    p = (1 + int((null >= real).sum())) / (1 + len(null))
    chance = float(np.mean(1.0 / (~np.isnan(cell.scores)).sum(axis=1)))
    standard_error = null.std(ddof=1) / np.sqrt(len(null))
    spread = f"{null.mean():.3f} (sd {null.std(ddof=1):.3f}, {len(null)} refits of fold {cell.fold.name})"
    observed = f"{spread} against {real:.3f}, p = {p:.2g}"
    # 2.88: Student's t for 99 % with 18 degrees of freedom; the refits share one test set, whose own luck the spread includes.
    if null.mean() - 2.88 * standard_error > chance and null.mean() - null.std(ddof=1) > chance:
        return AuditRow(
            "labels_permuted",
            _PERMUTED,
            observed,
            "fail",
            "it scores above chance without having learnt the labels: the answer leaks",
        )
    claimed = p > 0.05 and claims_above_chance(cell.predictions(), cell.task.asks, seed)
    return _exchange_verdict(p, observed, claimed, bool(null.mean() - 2.88 * standard_error > chance))


def _exchange_verdict(p: float, observed: str, claimed: bool, refits_above: bool) -> AuditRow:
    """``claimed``: the fold's interval lies above chance; ``refits_above``: the mean of the refits does."""
    if p <= 0.05:
        return AuditRow("labels_permuted", _PERMUTED, observed, "pass", "with exchanged labels the score is lost")
    if claimed and refits_above:
        why = "the score lies above chance, yet training on exchanged labels does as well: it was not learnt from the labels"
        return AuditRow("labels_permuted", _PERMUTED, observed, "fail", why)
    why = "with exchanged labels it does as well now and then: this fold does not show that the labels were learnt"
    return AuditRow("labels_permuted", _PERMUTED, observed, "skipped", why)


def exchanged(examples: Examples, system_asks: str, rng: np.random.Generator) -> Examples:
    """The examples with what they teach taken away: labels of whole trials exchanged, or EEG paired with other audio.

    For a system that hears, the label of a window's EEG is the audio it belongs to. Merely flipping which stream counts as
    attended would leave it the brain's response to sound, from which an honest decoder still learns.
    """
    if len(examples) == 0:
        return examples
    if system_asks == "candidates":
        keep, donors = donor_rows(examples.rows, examples.rows, True, rng)
        if len(keep) == 0:
            keep, donors = donor_rows(examples.rows, examples.rows, True, rng, own_trial_too=True)
        return replace(examples.take(keep), eeg_rows=donors)
    rows, trials = examples.rows.copy(), trial_ids(examples.rows)
    first = np.unique(trials, return_index=True)[1]
    rows["target"] = rng.permutation(rows["target"].to_numpy()[first])[trials]
    return examples.with_rows(rows)


def untrained(subject: Subject, build: Callable[[], System]) -> AuditRow:
    """A system that offers ``untrained()`` (itself before the first step) must be at chance."""
    if not hasattr(build(), "untrained"):
        return skipped("untrained", _UNTRAINED, "this system is solved in one step: it has no untrained state")
    new = []
    for cell, examples in zip(subject.cells, subject.examples, strict=True):
        system = build().untrained()  # type: ignore[attr-defined]
        system.fit(cell.train, cell.validation, subject.seed)
        new.append(option_scores(system, examples, cell.task))
    score = control_score(subject, [np.arange(len(e)) for e in subject.examples], new)
    means = "random weights answer as well: the architecture or the decision rule leaks the answer"
    return must_be_at_chance("untrained", score, subject.seed, means, below_is_failure=False)


def fit_on_train_only(cell: Cell, build: Callable[[], System], seed: int) -> AuditRow:
    """Fit twice on the same training windows, the second time from a store in which everything outside them is noise.

    A fit that looks at test EEG (scaling, selection, whitening) or at test labels changes; an honest one cannot. Both
    fitted systems then predict the real test windows. A fit that does not repeat itself cannot be judged this way.
    """
    first, again, blind = build(), build(), build()
    first.fit(cell.train, cell.validation, seed)
    again.fit(cell.train, cell.validation, seed)
    plain = predicted(replace(cell, system=first), cell.test)
    repeat = relative_difference(plain, predicted(replace(cell, system=again), cell.test))
    if repeat >= SAME:
        return skipped("fit_on_train_only", _TRAIN_ONLY, f"two fits with one seed differ by {repeat:.1e}: fit is not repeatable")
    known = pd.concat([cell.fold.train, cell.fold.validation], ignore_index=True)
    store = TrainingOnlyStore(cell.train.store, known, seed)
    blind.fit(replace(cell.train, store=store), replace(cell.validation, store=store), seed)
    change = relative_difference(plain, predicted(replace(cell, system=blind), cell.test))
    observed = f"predictions change by {change:.1e}"
    if change < SAME:
        return AuditRow(
            "fit_on_train_only", _TRAIN_ONLY, observed, "pass", "nothing outside the training windows entered the fit"
        )
    return AuditRow(
        "fit_on_train_only",
        _TRAIN_ONLY,
        observed,
        "fail",
        "the fit uses data outside its training windows, so the test is not unseen",
    )


class TrainingOnlyStore(Store):
    """A store whose signals and labels outside the given training spans are noise."""

    def __init__(self, store: Store, known: pd.DataFrame, seed: int) -> None:
        super().__init__(store.path)
        self._known, self._seed = known, seed
        self._features = store._features
        self._source = store

    @property
    def index(self) -> pd.DataFrame:  # type: ignore[override]
        table = self._source.index.copy()
        trained = set(self._known[["recording", "trial"]].itertuples(index=False, name=None))
        hidden = np.array([key not in trained for key in table[["recording", "trial"]].itertuples(index=False, name=None)])
        for column in {"label", "attended"} & set(table.columns):
            table.loc[hidden, column] = np.random.default_rng(self._seed).permutation(table.loc[hidden, column].to_numpy())
        return table

    def signal(self, recording: str) -> NDArray[np.float32]:  # type: ignore[override]
        return _noise_outside(
            np.asarray(self._source.signal(recording)), self.recordings[recording].sfreq, self._known, recording, self._seed
        )

    def view(self, pipeline: Pipeline) -> View:
        return _TrainingOnlyView(self._source.view(pipeline), self._known, self._seed)


class _TrainingOnlyView(View):
    """The true view for training windows (their filters saw the true neighbours both times), noise for all others."""

    def __init__(self, view: View, known: pd.DataFrame, seed: int) -> None:
        super().__init__(view.store, view.pipeline)
        self._true, self._known, self._noise_seed = view, known, seed
        self._spans = {key: part[["start", "stop"]].to_numpy(dtype=float) for key, part in known.groupby(["recording", "trial"])}

    def signal(self, recording: str) -> NDArray[np.float32]:  # type: ignore[override]
        return _noise_outside(np.asarray(self._true.signal(recording)), self.sfreq, self._known, recording, self._noise_seed)

    def read(self, windows: pd.DataFrame | Places, channel_names: Sequence[str], context_s: float = 0.0) -> NDArray[np.float32]:
        places = windows if isinstance(windows, Places) else Places.of(windows)
        out = np.array(self._true.read(places, channel_names, context_s))
        rng = np.random.default_rng(self._noise_seed)
        columns = zip(places.recordings, places.trials, places.starts, places.stops, strict=True)
        for position, (recording, trial, start, stop) in enumerate(columns):
            spans = self._spans.get((recording, trial), np.empty((0, 2)))
            if not ((spans[:, 0] - 1e-6 <= start) & (stop <= spans[:, 1] + 1e-6)).any():
                out[position] = rng.standard_normal(out[position].shape, dtype=np.float32)
        return out


def _noise_outside(signal: NDArray, sfreq: float, known: pd.DataFrame, recording: str, seed: int) -> NDArray[np.float32]:
    out = 10.0 * np.random.default_rng(seed).standard_normal(signal.shape, dtype=np.float32)
    for start, stop in known.loc[known["recording"] == recording, ["start", "stop"]].to_numpy(dtype=float):
        begin, end = round(start * sfreq), round(stop * sfreq)
        out[begin:end] = signal[begin:end]
    return out


def _credit(cell: Cell, scores: NDArray) -> float:
    answers = cell.answers
    return float(balanced_credit(answers, correctness(answers, scores), cell.task.asks).mean())

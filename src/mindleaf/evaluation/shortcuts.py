"""Shortcuts: how far a model comes that never decodes the EEG, cross-validated in the very folds of the evaluation.

For each attribute of a window or candidate (``attributes``) the model counts, in the training part, how often each of its
values goes with each answer. Nothing is tuned. Where this beats chance in the test part, the data give the answer away.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mindleaf.evaluation.attributes import ATTRIBUTES, Attribute, Carrier
from mindleaf.evaluation.clusters import trial_ids
from mindleaf.evaluation.controls import Subject
from mindleaf.evaluation.permutation import candidate_null, label_null
from mindleaf.evaluation.predict import Cell
from mindleaf.evaluation.statistics import balanced_credit
from mindleaf.evaluation.trial_clock import ATTRIBUTE, ClockUse, clock_scores, clock_use
from mindleaf.evaluation.verdict import AuditRow, ControlScore
from mindleaf.metrics.scores import decisions
from mindleaf.store.examples import Examples

CONTROL = "shortcuts"
_EXPECTED = "chance, for every attribute"
_N_BINS = 8
_N_DRAWS = 4000
#: One-sided level of the whole row; it is divided by the number of attributes.
_ALPHA = 0.005
_HEARD_ATTRIBUTES = ("side", "talker")


@dataclass(frozen=True)
class BlindScore:
    """What one attribute alone scored: ``credit`` (n,) per test window, against ``limit``, what luck still reaches.

    ``tells``: whether luck seldom reaches the highest score that the trials allow; else the limit can never be passed.
    """

    name: str
    carrier: Carrier
    credit: NDArray[np.float64]
    limit: float
    tells: bool

    @property
    def mean(self) -> float:
        return float(self.credit.mean())

    @property
    def above(self) -> bool:
        return self.mean > self.limit + 1e-9


class Blind:
    """The signal-blind model on the folds of one system's cells; at most about ``max_windows`` windows on each side."""

    def __init__(self, cells: Sequence[Cell], seed: int, max_windows: int = 2000) -> None:
        self.seed, self.asks = seed, cells[0].task.asks
        # The folds of a cross-validation train on each other's test windows, so the whole is about one training and one test part.
        n_known = max(len(cell.train) + len(cell.test) for cell in cells)
        n_asked = sum(len(cell.test) for cell in cells)
        self.parts = [(_thinned(cell.train, max_windows / n_known), _thinned(cell.test, max_windows / n_asked)) for cell in cells]
        self.folds = [cell.fold.name for cell in cells]
        self._attended = {what: [_attended(train, what) for train, _ in self.parts] for what in _HEARD_ATTRIBUTES}
        self._texts = {what: [_texts(test, what) for _, test in self.parts] for what in _HEARD_ATTRIBUTES}

    @cached_property
    def rows(self) -> pd.DataFrame:
        named = [test.rows.assign(fold=fold) for (_, test), fold in zip(self.parts, self.folds, strict=True)]
        return pd.concat(named, ignore_index=True)

    @cached_property
    def answers(self) -> NDArray[np.int64]:
        return np.concatenate([test.answers if self.asks == "candidates" else test.labels for _, test in self.parts])

    @cached_property
    def scores(self) -> list[BlindScore]:
        """One entry per attribute that can tell anything here, best first."""
        guesses = list(self._guesses())
        out = [BlindScore(name, carrier, *self._judged(shares, _ALPHA / len(guesses))) for name, carrier, shares in guesses]
        return sorted(out, key=lambda score: score.limit - score.mean)

    def _guesses(self) -> Iterator[tuple[str, Carrier, NDArray]]:
        """(name, carrier, scores (n, option)) of each attribute whose scores are not all alike."""
        for attribute in ATTRIBUTES:
            if attribute.per_candidate and self.parts[0][1].n_candidates == 0:
                continue
            told = [self._told(fold, attribute, *values) for fold, values in enumerate(self._values(attribute))]
            yield from _if_telling(attribute.name, attribute.carrier, told)
        if self.asks == "labels":
            told = [
                (_nearest(train.rows, test.rows, train.labels)[:, None] == np.arange(len(test.classes))).astype(float)
                for train, test in self.parts
            ]
            yield from _if_telling("neighbours in time", "time", told)
            return
        yield from _if_telling(ATTRIBUTE, "clock", [clock_scores(train, test) for train, test in self.parts])
        for what in _HEARD_ATTRIBUTES:
            told = [
                (texts == _nearest(train.rows, test.rows, attended)[:, None]).astype(float)
                for (train, test), attended, texts in zip(self.parts, self._attended[what], self._texts[what], strict=True)
            ]
            yield from _if_telling(f"neighbours in time ({what})", "time", told)

    def _values(self, attribute: Attribute) -> list[tuple[NDArray, NDArray]]:
        """The attribute's values in the training and the test part of each fold, read once for each store and kind of table."""
        flat = [part for pair in self.parts for part in pair]
        read: list[NDArray] = [np.zeros(0)] * len(flat)
        kinds = [(id(part.store), *part.rows.columns) for part in flat]
        for kind in dict.fromkeys(kinds):
            places = [k for k, other in enumerate(kinds) if other == kind]
            together = pd.concat([flat[k].rows for k in places], ignore_index=True)
            values = attribute.read(replace(flat[places[0]], rows=together))
            ends = np.cumsum([len(flat[k]) for k in places])
            for k, values_of_part in zip(places, np.split(values, ends[:-1]), strict=True):
                read[k] = values_of_part
        return list(zip(read[::2], read[1::2], strict=True))

    def _told(self, fold: int, attribute: Attribute, known: NDArray, asked: NDArray) -> NDArray:
        """Scores of the test part's options by what the training part's values went with."""
        train, test = self.parts[fold]
        if self.asks == "labels":
            if attribute.per_candidate:
                # A window that asks for a class has what was played, if anything, as its first candidate.
                known, asked = known[:, 0], asked[:, 0]
            return log_odds(known, train.labels, asked, len(test.classes))
        if attribute.per_candidate:
            return _candidate_odds(known, train.answers, asked)
        out = np.zeros((len(test), test.n_candidates))
        for what in _HEARD_ATTRIBUTES:
            out += _by_attended(known, self._attended[what][fold], asked, self._texts[what][fold])
        return out

    def _judged(self, scores: NDArray, alpha: float) -> tuple[NDArray[np.float64], float, bool]:
        """Credit per window, the score that luck exceeds with probability ``alpha``, and whether it can be exceeded."""
        shares, trials, rng = decisions(scores), trial_ids(self.rows), np.random.default_rng(self.seed)
        credit = balanced_credit(self.answers, shares[np.arange(len(shares)), self.answers], self.asks)
        if self.asks == "labels":
            null, _ = label_null(self.rows["subject"].to_numpy(), shares, self.answers, trials, _N_DRAWS, rng)
        else:
            null, _ = candidate_null(shares, self.answers, trials, _N_DRAWS, rng)
        limit = float(np.quantile(null, 1 - alpha, method="higher"))
        return credit, limit, bool(null.max() > limit + 1e-9)


def shortcuts(blind: Blind, subject: Subject, others: Sequence[AuditRow], claims: bool) -> AuditRow:
    """Judge the blind model's scores for one system, in the light of its other controls ``others``.

    ``claims``: the system scores more than luck over windows would; one that does not has no score to explain.
    An attribute above chance fails the row, unless the system is shown not to rest on it: a system that hears and is at chance
    without EEG does not use the sounds alone; one that scores more than the EEG's strength does not live on it; one that is at
    chance with EEG of the same time in other trials does not read that time (where there is none, nobody can tell: skipped).
    """
    if not blind.scores:
        return AuditRow(CONTROL, _EXPECTED, "every attribute is constant", "pass", "no attribute that is looked at differs here")
    found = [score for score in blind.scores if score.above]
    listed = ", ".join(f"{s.name} {s.mean:.3f} (luck up to {s.limit:.3f})" for s in (found or blind.scores[:1]))
    if not found and not any(score.tells for score in blind.scores):
        return AuditRow(CONTROL, _EXPECTED, listed, "skipped", "there are too few trials to tell anything from luck")
    if not found:
        why = f"looked at one by one, none of these gets above luck: {', '.join(sorted(s.name for s in blind.scores))}"
        return AuditRow(CONTROL, _EXPECTED, f"highest of {len(blind.scores)}: {listed}", "pass", why)
    clock = clock_use(subject) if any(score.carrier == "clock" for score in found) else ClockUse("unused", "")
    listed += f"; {clock.seen}" if clock.seen else ""
    unused = _unused(blind, subject, others) | {"clock": clock.use == "unused"}
    suspected = [score for score in found if not unused[score.carrier]]
    names = ", ".join(score.name for score in suspected)
    if not suspected:
        why = "the data give the answer away by this, but other controls show that this system does not live on it"
        return AuditRow(CONTROL, _EXPECTED, listed, "pass", why)
    if not claims:
        why = f"the data give the answer away by {names}, but the system itself is at chance: nothing to attribute"
        return AuditRow(CONTROL, _EXPECTED, listed, "skipped", why)
    if clock.use == "unknown" and all(score.carrier == "clock" for score in suspected):
        why = f"the data give the answer away by {names}, and whether the system reads the time in the trial cannot be told"
        return AuditRow(CONTROL, _EXPECTED, listed, "skipped", why)
    why = f"whoever knows only this gets above chance: {names}; the score may rest on it instead of on the brain"
    return AuditRow(CONTROL, _EXPECTED, listed, "fail", why)


def _unused(blind: Blind, subject: Subject, others: Sequence[AuditRow]) -> dict[Carrier, bool]:
    """By carrier whether other controls show that the system does not use it."""
    status = {row.control: row.status for row in others}
    silent = subject.hears and status.get("eeg_zeroed") == "pass" and status.get("eeg_noise") == "pass"
    timed = timing_heard(others)
    level = timed or _beats_level(blind, subject.cells, subject.seed)
    return {"sound": silent, "time": timed, "person": timed, "level": level}


def timing_heard(others: Sequence[AuditRow]) -> bool:
    """Whether the system tells the true time of one voice from another time of it.

    Neither the person nor the time of the recording tells that; the time in the trial may, and is looked at by itself (``clock_use``).
    """
    return any(row.control == "audio_shifted" and row.status == "pass" for row in others)


def log_odds(known: NDArray, classes: NDArray, asked: NDArray, n_classes: int) -> NDArray[np.float64]:
    """Log of how much oftener each class went with a value than classes do on average, (n, class).

    ``known`` (m,) values with ``classes`` (m,); ``asked`` (n,). Numbers fall into bins of equal counts, names are taken as they
    are; a value never seen says nothing.
    """
    a, b = _binned(known, asked)
    counts = np.zeros((max(a.max(initial=0), b.max(initial=0)) + 1, n_classes))
    np.add.at(counts, (a[a >= 0], classes[a >= 0]), 1.0)
    seen = counts.sum(axis=1) > 0
    rates = np.log((counts + 0.5) / (counts.sum(axis=0) + 0.5 * len(counts)))
    return np.where((b >= 0)[:, None] & seen[b][:, None], rates[b], 0.0)


def _binned(known: NDArray, asked: NDArray) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    if known.dtype.kind == "f":
        edges = np.unique(np.quantile(known, np.linspace(0, 1, _N_BINS + 1)[1:-1])) if len(known) else np.zeros(0)
        return np.searchsorted(edges, known), np.searchsorted(edges, asked)
    names = {name: k for k, name in enumerate(dict.fromkeys(known.astype(str))) if name != ""}
    return np.array([names.get(x, -1) for x in known.astype(str)], int), np.array(
        [names.get(x, -1) for x in asked.astype(str)], int
    )


def _candidate_odds(known: NDArray, answers: NDArray, asked: NDArray) -> NDArray:
    """Scores of candidates by their own values; numbers are taken relative to the mean of the window's candidates."""
    if known.shape[1] == 0:
        return np.zeros(asked.shape)
    try:
        known, asked = ((x.astype(float) - x.astype(float).mean(axis=1, keepdims=True)) for x in (known, asked))
    except ValueError:
        known, asked = known.astype(str), asked.astype(str)
    attended = (np.arange(known.shape[1]) == answers[:, None]).astype(int)
    usable = answers >= 0
    told = log_odds(known[usable].ravel(), attended[usable].ravel(), asked.ravel(), 2)
    return (told[:, 1] - told[:, 0]).reshape(asked.shape)


def _by_attended(known: NDArray, attended: NDArray, asked: NDArray, texts: NDArray) -> NDArray[np.float64]:
    """Scores of candidates from an attribute of the window, by way of the side (or talker) that it makes likely."""
    classes = np.array(sorted(set(attended) - {""}))
    if len(classes) < 2:
        return np.zeros(texts.shape)
    usable = attended != ""
    told = log_odds(known[usable], np.searchsorted(classes, attended[usable]), asked, len(classes))
    carried = np.minimum(np.searchsorted(classes, texts), len(classes) - 1)
    return np.where(classes[carried] == texts, np.take_along_axis(told, carried, axis=1), 0.0)


def _if_telling(name: str, carrier: Carrier, told: Sequence[NDArray]) -> Iterator[tuple[str, Carrier, NDArray]]:
    width = max(part.shape[1] for part in told)
    scores = np.concatenate([np.pad(part, ((0, 0), (0, width - part.shape[1])), constant_values=np.nan) for part in told])
    if width and (np.nanmax(scores, axis=1) - np.nanmin(scores, axis=1)).max(initial=0.0) > 1e-9:
        yield name, carrier, scores


def _texts(examples: Examples, what: str) -> NDArray:
    return examples.rows[[f"{what}_{k}" for k in range(1, examples.n_candidates + 1)]].to_numpy(dtype=str)


def _attended(examples: Examples, what: str) -> NDArray:
    if len(examples) == 0 or examples.n_candidates == 0:
        return np.full(len(examples), "")
    return np.where(examples.answers >= 0, _texts(examples, what)[np.arange(len(examples)), examples.answers], "")


def _nearest(known: pd.DataFrame, asked: pd.DataFrame, values: NDArray) -> NDArray:
    """For each asked row the value of the known row of its recording that starts nearest in time; -1 or "" without one."""
    nothing = -1 if values.dtype.kind in "iu" else ""
    out = np.full(len(asked), nothing, dtype=values.dtype if len(values) else int)
    places = known.groupby(["dataset", "recording"]).indices
    for key, rows in asked.groupby(["dataset", "recording"]).indices.items():
        if key in places:
            there = known["start"].to_numpy(float)[places[key]]
            here = asked["start"].to_numpy(float)[rows]
            out[rows] = values[places[key]][np.abs(here[:, None] - there[None]).argmin(axis=1)]
    return out


def _beats_level(blind: Blind, cells: Sequence[Cell], seed: int) -> bool:
    """Whether the system scores more than the EEG's strength alone, by the 99 % interval of the difference over trials."""
    level = next((score for score in blind.scores if score.carrier == "level"), None)
    if level is None:
        return False
    keys = ["fold", "dataset", "recording", "trial", "start"]
    system = pd.concat([cell.predictions() for cell in cells], ignore_index=True)
    system["credit"] = balanced_credit(system["answer"].to_numpy(), system["correct"].to_numpy(), blind.asks)
    both = blind.rows.assign(blind=level.credit)[[*keys, "blind"]].merge(system[[*keys, "credit"]], on=keys)
    difference = (both["credit"] - both["blind"]).to_numpy()
    return (
        len(both) > 0 and ControlScore(difference, difference, difference, 0.0, trial_ids(both)).interval(difference, seed)[0] > 0
    )


def _thinned(examples: Examples, share: float) -> Examples:
    """About this share of the windows, the same ones whatever the fold: their attributes are then worked out once."""
    if share >= 1 or len(examples) == 0:
        return examples
    drawn = pd.util.hash_pandas_object(examples.rows[["recording", "trial", "start"]], index=False).to_numpy() / 2.0**64
    kept = np.flatnonzero(drawn < share)
    return examples.take(kept if len(kept) else [int(drawn.argmin())])

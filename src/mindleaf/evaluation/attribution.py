"""Attribution: how much of a score needs the window's EEG, and how much of a trial's score adding windows up makes.

After "What are we actually decoding?" (arXiv 2605.24524): structural shortcuts (``shortcuts``), evidence in single windows,
aggregation over windows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mindleaf.evaluation.controls import Subject
from mindleaf.evaluation.permutation import candidate_null, label_null
from mindleaf.evaluation.predict import Cell, right_answers
from mindleaf.evaluation.statistics import balanced_credit
from mindleaf.evaluation.verdict import AuditRow, skipped
from mindleaf.metrics.scores import decisions
from mindleaf.store.examples import Examples

_EVIDENCE = "above 0 where the system is above chance"
_ADDED_UP = "no more than windows of this score make when added up"
_MAX_WINDOWS, _N_DRAWS = 5000, 400
_UPPER = 0.995
_MIN_TRIALS = 4


def window_evidence(subject: Subject) -> AuditRow:
    """The part of the score per window that is lost without its EEG; must be above 0 where the system is above chance.

    Read after the controls that take the EEG away: the one that leaves most is what counts.
    """
    control = "window_evidence"
    scores = {name: score for name, score in subject.without_eeg.items() if len(score.real)}
    if not scores:
        return skipped(control, _EVIDENCE, "no control took the EEG away")
    name, score = max(scores.items(), key=lambda item: item[1].observed)
    above = float(score.real.mean()) - score.chance
    low, high = score.interval(score.real - score.control, subject.seed)
    lost = float((score.real - score.control).mean())
    observed = f"{above:+.3f} from chance, of which {lost:+.3f} [{low:+.3f}, {high:+.3f}] is lost without the EEG"
    if not score.real_beyond_luck:
        return AuditRow(control, _EVIDENCE, observed, "skipped", "the system itself is at chance: there is nothing to attribute")
    if low > 0:
        return AuditRow(control, _EVIDENCE, observed, "pass", "the score comes with the EEG of the window")
    if score.outlives(subject.seed):
        why = f"the score stays without the EEG ({name} {score.observed:.3f}): its source is the sound, the order or the split"
        return AuditRow(control, _EVIDENCE, observed, "fail", why)
    return AuditRow(control, _EVIDENCE, observed, "skipped", "too few independent trials to tell at 99 %")


def aggregation(cells: Sequence[Cell], subject: Subject) -> AuditRow:
    """Scores of single windows, of whole trials (scores of their windows added up), and of trials dealt anew.

    Dealt anew: windows that stand at the same place of trials with the same answer are exchanged between trials. What such
    trials score follows from single windows alone. Trials that score more hold something no window by itself accounts for:
    evidence placed by trial. The sum over windows with exchanged EEG must be at chance, too: a bias too small to be seen in
    single windows adds up.
    """
    control = "aggregation"
    added = _Added(cells, [(cell.test, cell.scores) for cell in cells], subject.seed)
    if added.n_trials < _MIN_TRIALS or len(added.aligned) < 2 * added.n_trials:
        return skipped(control, _ADDED_UP, "needs four trials of two windows or more")
    windows, whole = added.of_windows(), added.of_trials(added.aligned)
    dealt = np.array([added.of_trials(added.dealt(draw)) for draw in range(_N_DRAWS)])
    limit = float(np.quantile(dealt, _UPPER, method="higher"))
    observed = f"windows {windows:.3f}, trials {whole:.3f}, trials dealt anew {dealt.mean():.3f} (up to {limit:.3f})"
    if subject.exchanged:
        bias = _Added(cells, subject.exchanged, subject.seed)
        without, luck = bias.of_trials(bias.aligned), bias.luck()
        observed += f", without their EEG {without:.3f} (luck up to {luck:.3f})"
        if without > luck + 1e-9:
            why = "added up over a trial, windows with another trial's EEG still answer: a bias that no EEG explains"
            return AuditRow(control, _ADDED_UP, observed, "fail", why)
    if whole > max(limit, added.luck()) + 1e-9:
        why = "trials score more than their windows can make: single windows placed somewhere in each trial carry the answer"
        return AuditRow(control, _ADDED_UP, observed, "fail", why)
    made = dealt.mean() - windows
    why = f"adding windows up makes {made:+.3f} of the trials' score; trials hold nothing beyond their windows"
    return AuditRow(control, _ADDED_UP, observed, "pass", why)


class _Added:
    """Scores of windows, ``aligned`` (n, option) so that column 0 is the right answer, and how they add up over trials."""

    def __init__(self, cells: Sequence[Cell], parts: Sequence[tuple[Examples, NDArray]], seed: int) -> None:
        self.asks, self.seed = cells[0].task.asks, seed
        answers = [right_answers(examples, cell.task) for cell, (examples, _) in zip(cells, parts, strict=True)]
        rows = [
            examples.rows.assign(_fold=number, _answer=own)
            for number, ((examples, _), own) in enumerate(zip(parts, answers, strict=True))
        ]
        scores = [_aligned(examples, _usable(new), own, self.asks) for (examples, new), own in zip(parts, answers, strict=True)]
        width = max(score.shape[1] for score in scores)
        padded = [np.pad(s, ((0, 0), (0, width - s.shape[1])), constant_values=s.min(initial=0.0)) for s in scores]
        table, aligned = pd.concat(rows, ignore_index=True), np.concatenate(padded)
        # A trial that changes its label counts as one for each; a fold that tests a trial again has systems of its own.
        keys = ["_fold", "dataset", "recording", "trial"] + (["_answer"] if self.asks == "labels" else [])
        trials = table.groupby(keys, sort=False).ngroup().to_numpy()
        kept = trials <= trials[: _MAX_WINDOWS + 1][-1]
        self.table, self.aligned, self.trials = table[kept].reset_index(drop=True), aligned[kept], trials[kept]
        self.n_trials = int(self.trials.max()) + 1
        self.label = self.table["_answer"].to_numpy(int) if self.asks == "labels" else np.zeros(len(self.table), int)
        place = self.table.groupby(keys, sort=False).cumcount().to_numpy()
        self.stratum = np.unique(np.stack([self.table["_fold"], place, self.label], axis=1), axis=0, return_inverse=True)[
            1
        ].ravel()

    def dealt(self, draw: int) -> NDArray[np.float64]:
        """The windows, each exchanged with one at the same place of a trial with the same answer."""
        drawn = np.random.default_rng([self.seed, draw]).random(len(self.stratum))
        out = np.empty_like(self.aligned)
        out[np.lexsort((np.arange(len(drawn)), self.stratum))] = self.aligned[np.lexsort((drawn, self.stratum))]
        return out

    def of_windows(self) -> float:
        return self._score(self.aligned, self.label)

    def of_trials(self, aligned: NDArray) -> float:
        return self._score(self._sums(aligned), self._first(self.label))

    def luck(self) -> float:
        """What trials score whose answers are drawn anew, exceeded one time in 200."""
        shares, trials = decisions(self._sums(self.aligned)), np.arange(self.n_trials)
        rng = np.random.default_rng(self.seed)
        if self.asks == "candidates":
            null, _ = candidate_null(shares, np.zeros(self.n_trials, int), trials, 2000, rng)
        else:
            subjects = self._first(self.table["subject"].to_numpy())
            label = self._first(self.label)
            null, _ = label_null(subjects, _by_class(shares, label), label, trials, 2000, rng)
        return float(np.quantile(null, _UPPER, method="higher"))

    def _sums(self, aligned: NDArray) -> NDArray[np.float64]:
        columns = [np.bincount(self.trials, aligned[:, k], self.n_trials) for k in range(aligned.shape[1])]
        return np.stack(columns, axis=1)

    def _first(self, values: NDArray) -> NDArray:
        return values[np.unique(self.trials, return_index=True)[1]]

    def _score(self, aligned: NDArray, label: NDArray) -> float:
        correct = decisions(aligned)[:, 0]
        return float(balanced_credit(label, correct, self.asks).mean())


def _usable(scores: NDArray) -> NDArray[np.float64]:
    """Scores in units of their spread; options that were ranked last or are missing get the lowest score there is."""
    known = scores[np.isfinite(scores)]
    if not len(known):
        return np.zeros_like(scores)
    out = (np.where(np.isfinite(scores), scores, known.min()) - known.mean()) / max(float(known.std()), 1e-12)
    return np.asarray(out, dtype=float)


def _aligned(examples: Examples, scores: NDArray, answers: NDArray, asks: str) -> NDArray[np.float64]:
    """The right answer's score first, then the others': in the order of their sounds, or of their class numbers."""
    n, width = scores.shape
    order = np.tile(np.arange(width), (n, 1))
    if asks == "candidates" and n:
        names = examples.rows[[f"stimulus_{k}" for k in range(1, width + 1)]].to_numpy(dtype=str)
        order = np.argsort(names, axis=1, kind="stable")
    first = order == answers[:, None]
    others = order[~first].reshape(n, width - 1)
    return np.take_along_axis(scores, np.concatenate([answers[:, None], others], axis=1), axis=1)


def _by_class(shares: NDArray, label: NDArray) -> NDArray[np.float64]:
    """Decisions aligned to the right answer, back in the order of the classes."""
    out = np.empty_like(shares)
    for row, own in enumerate(label):
        out[row, own] = shares[row, 0]
        out[row, np.delete(np.arange(shares.shape[1]), own)] = shares[row, 1:]
    return out

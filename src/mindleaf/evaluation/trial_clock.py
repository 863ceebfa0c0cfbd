"""Trial clock: the sound that stands where its trial stands is the right one, for whoever reads the time in the trial from EEG."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mindleaf.evaluation.attributes import of_candidates, position_in_trial
from mindleaf.evaluation.controls import Subject, control_score, donor_rows, predicted
from mindleaf.store.examples import Examples

ATTRIBUTE = "position in the sound - position in the trial"


@dataclass(frozen=True)
class ClockUse:
    """Whether a system's choice follows the time in the trial, and what was seen, for the audit row."""

    use: Literal["used", "unused", "unknown"]
    seen: str


def clock_scores(train: Examples, test: Examples) -> NDArray[np.float64]:
    """Minus the seconds by which each candidate's lead misses the nearest lead of a right one in training, (n, candidate).

    The lead is the position in the sound less that in the trial. It is 0 where sound and trial begin together, and any known
    lead counts, so that sounds which begin late and stories which go on over trials are found, too. A rule, not a count:
    the training windows of a pool have one candidate each, from which no count learns.
    """
    own = train.answers >= 0 if train.n_candidates else np.zeros(len(train), bool)
    known = np.unique(_leads(train)[own, train.answers[own]]) if own.any() else np.zeros(0)
    known = known[~np.isnan(known)]
    if len(known) == 0:
        return np.zeros((len(test), test.n_candidates))
    leads = _leads(test)
    after = np.searchsorted(known, leads)
    below, above = known[np.maximum(after - 1, 0)], known[np.minimum(after, len(known) - 1)]
    return -np.minimum(np.abs(leads - below), np.abs(leads - above)).round(3)


def _leads(examples: Examples) -> NDArray[np.float64]:
    return (of_candidates("audio_start")(examples).astype(float) - position_in_trial(examples)[:, None]).round(3)


def clock_use(subject: Subject) -> ClockUse:
    """Each window gets the EEG of another trial, with another sound, from the same time in the trial.

    Only the clock is left then: a system above chance reads it, one that loses its score does not.
    """
    if not subject.hears or subject.reads_no_eeg:
        return ClockUse("unused", "it does not have both the EEG and the sound")
    everyone = pd.concat([cell.test.rows for cell in subject.cells], ignore_index=True)
    pool = subject.cells[0].test.with_rows(everyone)
    times = _times(pool)
    kept, new = [], []
    for number, (cell, examples) in enumerate(zip(subject.cells, subject.examples, strict=True)):
        keep, donors = _donors(examples, everyone, times, np.random.default_rng([subject.seed, number]))
        kept.append(keep)
        changed = replace(examples.take(keep), eeg_rows=donors)
        new.append(predicted(cell, changed) if len(keep) else np.empty((0, subject.scores[number].shape[1])))
    if sum(map(len, kept)) == 0:
        return ClockUse("unknown", "no other trial with another sound has EEG of the same time")
    score = control_score(subject, kept, new, eeg_destroyed=True)
    low, high = score.interval(score.control, subject.seed)
    seen = f"with EEG of the same time in other trials {score.observed:.3f} [{low:.3f}, {high:.3f}]"
    if score.beyond_chance(subject.seed) > 0:
        return ClockUse("used", seen)
    lost = score.interval(score.real - score.control, subject.seed)[0] > 0
    return ClockUse("unused" if lost else "unknown", seen)


def _times(examples: Examples) -> NDArray[np.float64]:
    """Position in the trial, in half windows: what counts as the same time."""
    return np.round(2 * position_in_trial(examples) / examples.window_s)


def _donors(
    examples: Examples, everyone: pd.DataFrame, times: NDArray, rng: np.random.Generator
) -> tuple[NDArray[np.intp], pd.DataFrame]:
    """Positions of the rows for which there is a donor, and the rows to read the EEG from."""
    own = _times(examples)
    kept, donors = [], []
    for time in np.unique(own):
        at = np.flatnonzero(own == time)
        same_time = everyone[times == time].reset_index(drop=True)
        found, rows = donor_rows(examples.rows.iloc[at], same_time, True, rng)
        kept.append(at[found])
        donors.append(rows)
    return np.concatenate(kept), pd.concat(donors, ignore_index=True)

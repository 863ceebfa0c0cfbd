"""EEG controls: change what stands behind the test windows, predict again, and see whether the answer noticed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mindleaf.evaluation.clusters import cluster_ids, trial_ids
from mindleaf.evaluation.permutation import label_null
from mindleaf.evaluation.predict import Cell, option_scores, right_answers
from mindleaf.evaluation.statistics import balanced_credit
from mindleaf.evaluation.verdict import AuditRow, ControlScore, must_be_at_chance, skipped
from mindleaf.metrics.scores import correctness, decisions
from mindleaf.store.examples import Examples
from mindleaf.store.table import CANDIDATE_COLUMNS

#: Scores may differ by this share of their spread and still count as the same.
SAME = 1e-4
#: Eight units in the last place of float32, as a share of the largest score: what another order of additions may change.
_ROUNDING = 8 * float(np.finfo(np.float32).eps)
_PLACES = {
    "dataset", "subject", "session", "run", "recording", "trial", "start", "stop", "window", "trial_stop", "n_candidates",
}  # fmt: skip
#: Number of the group of windows that share their candidates, where a task makes such groups.
POOL = "pool"
_WINDOW = ["dataset", "recording", "trial", "start"]
_NO_EEG = "this row hears the sound and reads no EEG: it is itself the control of the rows that do"
_SOUND_ANSWERS = "the audio alone (or the design) gives the answer; no EEG was needed"
_OTHER_EEG = {"eeg_permuted": "EEG of another trial", "eeg_noise": "noise for EEG"}
_LEAK = "the right answers come without this EEG: from the audio, the order, the split, the answers themselves or another leak"


@dataclass(frozen=True, eq=False)
class Subject:
    """What one control looks at: cells of one system at one window length, thinned to a bounded number of windows."""

    cells: Sequence[Cell]
    examples: Sequence[Examples]
    scores: Sequence[NDArray]
    seed: int
    #: What controls that take the EEG away found: their scores, and for the exchanged EEG also rows and scores of each cell.
    without_eeg: dict[str, ControlScore] = field(default_factory=dict)
    exchanged: list[tuple[Examples, NDArray]] = field(default_factory=list)

    @property
    def hears(self) -> bool:
        return self.cells[0].task.asks == "candidates" and self.cells[0].system.asks == "candidates"

    @property
    def reads_no_eeg(self) -> bool:
        return getattr(self.cells[0].system, "inputs", "eeg") == "audio"

    @property
    def has_candidates(self) -> bool:
        return self.cells[0].task.asks == "candidates"


def thinned(cells: Sequence[Cell], max_windows: int, seed: int) -> Subject:
    """Keep at most ``max_windows`` test windows, spread evenly over each fold, with the scores they got."""
    share = min(1.0, max_windows / sum(len(cell.test) for cell in cells))
    examples, scores = [], []
    for cell in cells:
        n = len(cell.test)
        keep = np.unique(np.linspace(0, n - 1, max(1, round(n * share))).astype(int))
        examples.append(cell.test.take(keep))
        scores.append(cell.scores[keep])
    return Subject(cells, examples, scores, seed)


def control_score(
    subject: Subject, kept: Sequence[NDArray], new_scores: Sequence[NDArray], eeg_destroyed: bool = False
) -> ControlScore:
    """Credit under a control on rows ``kept`` of each cell, beside the evaluation's own credit on the same rows.

    Without its EEG a subject has nothing that ties its trials together, so ``eeg_destroyed`` makes trials the clusters.
    """
    parts: list[tuple[Any, ...]] = [
        (examples.take(keep), right_answers(examples, cell.task)[keep], scores[keep], new)
        for cell, examples, scores, keep, new in zip(
            subject.cells, subject.examples, subject.scores, kept, new_scores, strict=True
        )
        if len(keep)
    ]
    table = pd.concat([examples.rows for examples, *_ in parts], ignore_index=True)
    clusters = trial_ids(table) if eeg_destroyed else cluster_ids(table)[0]
    chance = float(np.mean(np.concatenate([1.0 / (~np.isnan(scores)).sum(axis=1) for _, _, scores, _ in parts])))
    if subject.hears or not (classes := _class_shares(subject, parts)):
        control, real = (np.concatenate([correctness(part[1], part[k]) for part in parts]) for k in (3, 2))
        return ControlScore(control, real, control, chance, clusters)
    targets, control_shares, real_shares = classes
    drawn = np.arange(len(targets))
    correct, real = control_shares[drawn, targets], real_shares[drawn, targets]
    null, _ = label_null(
        table["subject"].to_numpy(), control_shares, targets, trial_ids(table), 1000, np.random.default_rng(subject.seed)
    )
    control = balanced_credit(targets, correct, "labels")
    if not subject.has_candidates:
        chance = 1.0 / len(np.unique(targets))
    return ControlScore(control, balanced_credit(targets, real, "labels"), correct, chance, clusters, null)


def _class_shares(subject: Subject, parts: Sequence[tuple]) -> tuple[NDArray, NDArray, NDArray] | None:
    """Classes of the windows and the decisions' shares of each class, control and real; None where there are no classes.

    A classifier that chose between streams is looked at as the classifier it is: by the class its stream carries.
    """
    if not subject.has_candidates:
        control, real = (np.concatenate([decisions(p[k]) for p in parts]) for k in (3, 2))
        return np.concatenate([p[1] for p in parts]), control, real
    attribute = getattr(subject.cells[0].task, "target", "side")
    place = {name: k for k, name in enumerate(parts[0][0].classes)}
    targets = np.concatenate([examples.labels for examples, *_ in parts])
    if not place or (targets < 0).any():
        return None
    out = []
    for k in (3, 2):
        shares = []
        for part in parts:
            carried = np.stack(
                [part[0].rows[f"{attribute}_{c + 1}"].map(place).to_numpy() for c in range(part[k].shape[1])], axis=1
            )
            shares.append((decisions(part[k])[:, :, None] * (carried[:, :, None] == np.arange(len(place)))).sum(axis=1))
        out.append(np.concatenate(shares))
    return targets, out[0], out[1]


def eeg_replaced(subject: Subject, how: Literal["noise", "zero"]) -> AuditRow:
    """``how`` "noise" or "zero": the system must be at chance, or it does not need the EEG.

    Zeros come last: what they show is held against the controls that put other EEG in its place (``_only_silenced``).
    """
    name = {"noise": "eeg_noise", "zero": "eeg_zeroed"}[how]
    if subject.reads_no_eeg:
        return skipped(name, "chance", _NO_EEG)
    means = _LEAK if how == "noise" else _SOUND_ANSWERS
    new = [
        predicted(cell, replace(examples, replace_eeg=how))
        for cell, examples in zip(subject.cells, subject.examples, strict=True)
    ]
    score = control_score(subject, [np.arange(len(e)) for e in subject.examples], new, eeg_destroyed=True)
    subject.without_eeg[name] = score
    row = must_be_at_chance(name, score, subject.seed, means, below_is_failure=subject.hears)
    return _only_silenced(row, subject) if how == "zero" and row.status != "fail" else row


def _only_silenced(row: AuditRow, subject: Subject) -> AuditRow:
    """The row of zeros for a system that hears: a failure where the score outlives other EEG.

    Zeros are like nothing a network was trained on. It may then give one answer over and over, whatever it hears, and be at chance
    for that reason alone; that the score stays with EEG that does not belong to the window shows that the sound makes it.
    """
    reads_sound = subject.hears or getattr(subject.cells[0].system, "inputs", "eeg") == "both"
    left = {name: subject.without_eeg[name] for name in _OTHER_EEG if name in subject.without_eeg}
    left = {name: score for name, score in left.items() if score.outlives(subject.seed)}
    if not reads_sound or not left:
        return row
    name, score = max(left.items(), key=lambda item: item[1].observed)
    observed = f"{row.observed}; {score.observed:.3f} with {_OTHER_EEG[name]}, {score.real.mean():.3f} with its own"
    return replace(row, observed=observed, status="fail", why=f"{_SOUND_ANSWERS}: zeros merely silence the system")


def eeg_permuted(subject: Subject) -> AuditRow:
    """Each window gets the EEG of another trial (of its pool, where it has one): the system must be at chance."""
    if subject.reads_no_eeg:
        return skipped("eeg_permuted", "chance", _NO_EEG)
    kept, new = [], []
    for number, (cell, examples) in enumerate(zip(subject.cells, subject.examples, strict=True)):
        pool = pd.concat([e.rows for e in subject.examples], ignore_index=True)
        rng = np.random.default_rng([subject.seed, number])
        if subject.hears and POOL in examples.rows:
            keep, donors = pool_donors(examples.rows, cell.test.rows, rng)
        else:
            same_fold = examples.rows if _varied(examples.rows) else pool
            keep, donors = donor_rows(examples.rows, same_fold, subject.hears, rng)
        if len(keep) == 0 and subject.hears:
            keep, donors = donor_rows(examples.rows, pool, True, np.random.default_rng([subject.seed, number]))
        kept.append(keep)
        permuted = replace(examples.take(keep), eeg_rows=donors)
        new.append(predicted(cell, permuted) if len(keep) else np.empty((0, subject.scores[number].shape[1])))
    if sum(map(len, kept)) == 0:
        return skipped("eeg_permuted", "chance", "there is only one trial, so no other trial's EEG to put in its place")
    score = control_score(subject, kept, new, eeg_destroyed=True)
    subject.without_eeg["eeg_permuted"] = score
    subject.exchanged.extend((e.take(keep), scores) for e, keep, scores in zip(subject.examples, kept, new, strict=True))
    return must_be_at_chance("eeg_permuted", score, subject.seed, _LEAK, below_is_failure=subject.hears)


def pool_donors(rows: pd.DataFrame, everyone: pd.DataFrame, rng: np.random.Generator) -> tuple[NDArray[np.intp], pd.DataFrame]:
    """For each row a row of its pool to read the EEG from; returns the positions that found one, and the donors.

    Windows of a pool have the same K candidates, and the donor heard one of them. A share of 1 / K keeps its own EEG, so
    that whoever decodes perfectly is right with chance, whoever needs no EEG more often.
    """
    members = {number: group.index.to_numpy() for number, group in everyone.reset_index(drop=True).groupby(POOL)}
    place = {tuple(key): k for k, key in enumerate(everyone[_WINDOW].itertuples(index=False, name=None))}
    kept, donors = [], []
    for position, (number, key) in enumerate(zip(rows[POOL], rows[_WINDOW].itertuples(index=False, name=None), strict=True)):
        own = place[key]
        others = members[number][members[number] != own]
        if len(others):
            kept.append(position)
            donors.append(own if rng.random() < 1.0 / rows["n_candidates"].iloc[position] else rng.choice(others))
    return np.array(kept, dtype=np.intp), everyone.iloc[donors].reset_index(drop=True)


def donor_rows(
    rows: pd.DataFrame, pool: pd.DataFrame, hears: bool, rng: np.random.Generator, own_trial_too: bool = False
) -> tuple[NDArray[np.intp], pd.DataFrame]:
    """For each row a row of ``pool`` to read the EEG from; returns the positions that found one, and the donors.

    For a classifier the donor is drawn regardless of trial: its class is then independent of the answer. (Excluding a
    window's own trial would, with one trial per class, hand it the wrong class every time.) For a system that hears, the donor is
    another trial whose listener did not hear the same audio at the same time.
    """
    if not hears:
        return np.arange(len(rows)), pool.iloc[rng.integers(len(pool), size=len(rows))].reset_index(drop=True)
    trials = _trial_keys(pool)
    heard = [_audio_spans(row) for row in pool.to_dict("records")]
    kept, donors = [], []
    for position, (key, row) in enumerate(zip(_trial_keys(rows), rows.to_dict("records"), strict=True)):
        own = _audio_spans(row)
        for candidate in rng.permutation(len(pool))[:50]:
            if (own_trial_too or trials[candidate] != key) and not _same_audio(own, heard[candidate], row["stop"] - row["start"]):
                kept.append(position)
                donors.append(candidate)
                break
    return np.array(kept, dtype=np.intp), pool.iloc[donors].reset_index(drop=True)


def answers_hidden(subject: Subject) -> AuditRow:
    """Scramble the answer columns of the test windows: scores must not move, or the system reads what it should predict."""
    largest, name = 0.0, "answers_hidden"
    for number, (cell, examples, scores) in enumerate(zip(subject.cells, subject.examples, subject.scores, strict=True)):
        rows, rng = examples.rows.copy(), np.random.default_rng([subject.seed, number])
        for column in _answer_columns(rows):
            values = rows[column].to_numpy()
            numbered = column in ("answer", "target", "attended")
            low = 1 if column == "attended" else 0
            rows[column] = _others(values, low, scores.shape[1], rng) if numbered else rng.permutation(values)
        largest = max(largest, relative_difference(scores, predicted(cell, examples.with_rows(rows))))
    return _same_scores(name, largest, "the answers leak into the prediction: predict() uses the very answer it is asked for")


def batch_size(subject: Subject, n_windows: int = 40) -> AuditRow:
    """A window's score must not depend on which windows are predicted beside it."""
    largest = 0.0
    for cell, examples, scores in list(zip(subject.cells, subject.examples, subject.scores, strict=True))[:3]:
        positions = np.unique(np.linspace(0, len(examples) - 1, min(n_windows, len(examples))).astype(int))
        chunks = [positions[:1], *np.array_split(positions[1:], max(1, len(positions) // 7))]
        parts = [predicted(cell, examples.take(chunk)) for chunk in chunks if len(chunk)]
        alone = np.concatenate(parts)
        if not _only_rounded(scores[positions], alone):
            largest = max(largest, relative_difference(scores[positions], alone))
    return _same_scores(
        "batch_size", largest, "a window's score depends on the windows beside it: the test set is used as a whole"
    )


def predicted(cell: Cell, examples: Examples) -> NDArray[np.float64]:
    return option_scores(cell.system, examples, cell.task)


def relative_difference(first: NDArray, second: NDArray) -> float:
    """Largest difference between two score matrices, in units of the first one's spread."""
    both = np.isfinite(first) & np.isfinite(second)
    if not both.any():
        return 0.0
    spread = max(float(np.std(first[both])), 1e-6 * max(1.0, float(np.abs(first[both]).max())), 1e-12)
    return float(np.abs(first[both] - second[both]).max()) / spread


def _only_rounded(first: NDArray, second: NDArray) -> bool:
    """Whether scores differ by what float32 rounds away, and decide alike: scores of a system at chance may all be nearly the same."""
    both = np.isfinite(first) & np.isfinite(second)
    if not both.any():
        return True
    largest, bound = np.abs(first[both] - second[both]).max(), _ROUNDING * np.abs(first[both]).max()
    return bool(largest <= bound and (decisions(first) == decisions(second)).all())


def _same_scores(name: str, largest: float, means: str) -> AuditRow:
    expected, observed = (
        f"no difference above {SAME:g} of the scores' spread",
        f"a difference of {largest:.1e}" if largest else "none",
    )
    if largest < SAME:
        return AuditRow(name, expected, observed, "pass", "the scores stay the same, as they should")
    return AuditRow(name, expected, observed, "fail", means)


def _others(values: NDArray, low: int, n_options: int, rng: np.random.Generator) -> NDArray:
    """Every value replaced by a different one in low..low + n_options - 1."""
    return (values - low + rng.integers(1, max(2, n_options), size=len(values))) % max(2, n_options) + low


def _answer_columns(rows: pd.DataFrame) -> list[str]:
    """Every column that may tell the answer: all but those that say where a window stands and what its candidates are."""
    about_candidates = tuple(f"{name}_" for name in CANDIDATE_COLUMNS)
    return [name for name in rows.columns if name not in _PLACES and not name.startswith(about_candidates)]


def _varied(rows: pd.DataFrame) -> bool:
    return rows[["recording", "trial"]].drop_duplicates().shape[0] > 1


def _trial_keys(rows: pd.DataFrame) -> list[tuple]:
    return list(rows[["dataset", "recording", "trial"]].itertuples(index=False, name=None))


def _audio_spans(row: dict) -> list[tuple[str, float]]:
    count = sum(name.startswith("stimulus_") for name in row)
    return [(row[f"stimulus_{k}"], row[f"audio_start_{k}"]) for k in range(1, count + 1) if row[f"stimulus_{k}"]]


def _same_audio(first: list[tuple[str, float]], second: list[tuple[str, float]], window_s: float) -> bool:
    return any(a == b and abs(s - t) < 2 * window_s for a, s in first for b, t in second)

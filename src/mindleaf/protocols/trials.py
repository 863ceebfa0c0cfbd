"""Splits by whole trials: inside each subject, or over all subjects together."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import ClassVar

import pandas as pd
from pydantic import Field

from mindleaf.fold import Fold
from mindleaf.protocols.grouping import TRIAL, deal, labels_of, names_of, strata_of
from mindleaf.protocols.protocol import Protocol, Unable


class WithinSubject(Protocol):
    """Inside each subject, whole trials: with five folds 70 % training, 10 % validation, 20 % test.

    Each fold is one subject's k-th split ("sub-01/0"). Subjects with fewer trials than folds are left out with a warning.
    Refused where each class is one trial or one recording of its own: then the recording gives the class away.
    """

    name: ClassVar[str] = "within_subject"
    group: ClassVar[str] = "trial"
    n_folds: int = Field(5, ge=2)

    def cut(self, table: pd.DataFrame, seed: int) -> Iterator[Fold]:
        subjects = names_of(table, ["subject"])
        tables = {subject: table[subjects == subject].reset_index(drop=True) for subject in sorted(subjects.unique())}
        refused = {subject: refusal for subject, own in tables.items() if (refusal := self._refusal(subject, own))}
        if len(refused) == len(tables):
            raise max(refused.values(), key=lambda refusal: refusal.n_folds)
        if refused:
            warnings.warn(f"{self.name}: left out {', '.join(refused)}: {next(iter(refused.values()))}", stacklevel=3)
        for number, (subject, own) in enumerate(tables.items()):
            if subject not in refused:
                yield from self._of_subject(subject, own, (seed, number))

    def _of_subject(self, subject: str, table: pd.DataFrame, seed: tuple[int, int]) -> Iterator[Fold]:
        trials = names_of(table, TRIAL)
        fold_of = deal(strata_of(table, self.stratify), self.n_folds, seed)
        for k in range(self.n_folds):
            yield self.fold_of_groups(f"{subject}/{k}", table, trials, trials[fold_of == k], (*seed, k))

    def _refusal(self, subject: str, table: pd.DataFrame) -> Unable | None:
        labels = labels_of(table, self.stratify)
        if labels.nunique() > 1:
            if labels.value_counts().max() == 1:
                return Unable(f"wanted classes with several trials in each subject, but each class is one trial of {subject}.")
            if refusal := given_away(subject, table, labels):
                return refusal
        if len(table) < self.n_folds:
            most = len(table) if len(table) > 1 else 0
            return Unable(f"wanted at least {self.n_folds} trials of each subject, got {len(table)} of {subject}.", n_folds=most)
        return None


def given_away(subject: str, table: pd.DataFrame, classes: pd.Series) -> Unable | None:
    """The refusal of a subject's trials where each class is one recording of its own: the recording gives the class away."""
    if classes.nunique() < 2:
        return None
    classes_per_recording = classes.groupby(table["recording"]).nunique()
    recordings_per_class = table["recording"].groupby(classes).nunique()
    if classes_per_recording.max() == 1 and recordings_per_class.max() == 1:
        return Unable(f"wanted classes that share recordings, but each class is one recording of {subject}.")
    return None


class BetweenTrial(Protocol):
    """Whole trials of all subjects together; a subject may occur in every part, a trial in one only."""

    name: ClassVar[str] = "between_trial"
    group: ClassVar[str] = "trial"
    n_folds: int = Field(5, ge=2)

    def cut(self, table: pd.DataFrame, seed: int) -> Iterator[Fold]:
        if len(table) < self.n_folds:
            most = len(table) if len(table) > 1 else 0
            raise Unable(f"wanted at least {self.n_folds} trials for {self.n_folds} folds, got {len(table)}.", n_folds=most)
        trials = names_of(table, TRIAL)
        fold_of = deal(strata_of(table, self.stratify), self.n_folds, (seed,), spread=names_of(table, ["subject"]))
        for k in range(self.n_folds):
            yield self.fold_of_groups(str(k), table, trials, trials[fold_of == k], (seed, k))

"""Splits by whole subjects, and by whole sessions inside a subject."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import ClassVar

import pandas as pd
from pydantic import Field

from mindleaf.fold import Fold
from mindleaf.protocols.grouping import balance, names_of
from mindleaf.protocols.protocol import Protocol, Unable


class LeaveOneSubjectOut(Protocol):
    """Each subject is the test part once; validation is some of the other subjects."""

    name: ClassVar[str] = "leave_one_subject_out"
    group: ClassVar[str] = "subject"

    def cut(self, table: pd.DataFrame, seed: int) -> Iterator[Fold]:
        subjects = names_of(table, ["subject"])
        names = sorted(subjects.unique())
        if len(names) < 2:
            raise Unable(f"wanted at least two subjects, got one ({names[0]}).")
        for k, name in enumerate(names):
            yield self.fold_of_groups(name, table, subjects, [name], (seed, k))


class CrossSubject(Protocol):
    """``n_folds`` folds of whole subjects, balanced by trials in the order of scikit-learn's GroupKFold.

    The seed decides only which training subjects validate.
    """

    name: ClassVar[str] = "cross_subject"
    group: ClassVar[str] = "subject"
    n_folds: int = Field(7, ge=2)

    def cut(self, table: pd.DataFrame, seed: int) -> Iterator[Fold]:
        subjects = names_of(table, ["subject"])
        n_subjects = subjects.nunique()
        if n_subjects < self.n_folds:
            most = n_subjects if n_subjects > 1 else 0
            raise Unable(f"wanted at least {self.n_folds} subjects for {self.n_folds} folds, got {n_subjects}.", n_folds=most)
        fold_of = balance(subjects, self.n_folds)
        for k in range(self.n_folds):
            yield self.fold_of_groups(str(k), table, subjects, subjects[fold_of == k].unique(), (seed, k))


class CrossSession(Protocol):
    """Inside each subject, each session is the test part once. Subjects with one session are left out with a warning."""

    name: ClassVar[str] = "cross_session"
    group: ClassVar[str] = "session"

    def cut(self, table: pd.DataFrame, seed: int) -> Iterator[Fold]:
        if "session" not in table:
            raise Unable("wanted several sessions of a subject, got a table without sessions.")
        subjects, sessions = names_of(table, ["subject"]), names_of(table, ["subject", "session"])
        n_sessions = sessions.groupby(subjects).nunique()
        if n_sessions.max() < 2:
            raise Unable("wanted several sessions of a subject, got one session of each.")
        if n_sessions.min() < 2:
            single = ", ".join(n_sessions.index[n_sessions < 2])
            warnings.warn(f"{self.name}: left out {single}: one session only.", stacklevel=3)
        for number, subject in enumerate(n_sessions.index):
            rows = (subjects == subject).to_numpy()
            own, own_sessions = table[rows].reset_index(drop=True), sessions[rows].reset_index(drop=True)
            if n_sessions[subject] > 1:
                for k, name in enumerate(sorted(own_sessions.unique())):
                    yield self.fold_of_groups(name, own, own_sessions, [name], (seed, number, k))

"""Splits that hold out the listener and the sound at once: strangers hearing something new."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
import pandas as pd
from pydantic import Field

from mindleaf.fold import Fold, spans
from mindleaf.protocols.grouping import balance, connected, draw, names_of, strata_of
from mindleaf.protocols.protocol import Protocol, Unable
from mindleaf.protocols.stimuli import presented_stimuli


class CrossSubjectAndStimulus(Protocol):
    """Subjects and groups of stimuli are both dealt into ``n_folds``; fold k tests its subjects on its stimuli.

    Training holds the other subjects with the other stimuli; what shares only one of the two with the test part is left
    out. Stimuli that were ever presented together form a group. Validation is some of the training subjects' stimuli, so
    it shares subjects with training and neither subjects nor stimuli with the test part.
    """

    name: ClassVar[str] = "cross_subject_and_stimulus"
    group: ClassVar[str] = "subject, stimulus"
    n_folds: int = Field(2, ge=2)

    def cut(self, table: pd.DataFrame, seed: int) -> Iterator[Fold]:
        stimuli, subjects = presented_stimuli(table), names_of(table, ["subject"])
        component = connected(stimuli)
        sounds = pd.Series([f"{number:06d}" for number in component])
        most = min(sounds.nunique(), subjects.nunique())
        if most < self.n_folds:
            raise Unable(
                f"wanted at least {self.n_folds} subjects and {self.n_folds} separate groups of stimuli, got "
                f"{subjects.nunique()} and {sounds.nunique()}.",
                n_folds=most if most > 1 else 0,
            )
        of_subject, of_sound = balance(subjects, self.n_folds), balance(sounds, self.n_folds)
        both = [((of_subject == k) & (of_sound == k), (of_subject != k) & (of_sound != k)) for k in range(self.n_folds)]
        if not all(test.any() and rest.any() for test, rest in both):
            raise Unable("wanted subjects that heard each other's stimuli, got some who share none with the others.")
        for k, (test, rest) in enumerate(both):
            yield self._fold(str(k), table, subjects, sounds, test, rest, (seed, k))

    def _fold(
        self, name: str, table: pd.DataFrame, subjects: pd.Series, sounds: pd.Series,
        test: np.ndarray, rest: np.ndarray, seed: tuple[int, int],
    ) -> Fold:  # fmt: skip
        strata = strata_of(table, self.stratify)[rest].groupby(sounds[rest]).first()
        chosen = draw(strata, self.n_validation(sounds.nunique(), len(strata)), seed)
        validation = rest & sounds.isin(chosen).to_numpy()
        train, watched, tested = (spans(table, np.flatnonzero(part)) for part in (rest & ~validation, validation, test))
        return Fold(name, train, watched, tested, self.group, tuple(sorted(subjects[test].unique())), self.mark)

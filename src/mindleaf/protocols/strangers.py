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

#: Random deals that are tried where subjects did not all hear the same.
_DEALS = 20


class CrossSubjectAndStimulus(Protocol):
    """Subjects and groups of stimuli are both dealt into ``n_folds`` at random; fold k tests its subjects on its stimuli.

    Dealt in the order of names, every second subject would share a fold, and designs that alternate what is attended from
    subject to subject and from sound to sound would give each fold one half of the design. Training holds the other subjects with the other stimuli; what shares only one of the two with the test part is left
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
        deals = (self._dealt(subjects, sounds, (seed, attempt)) for attempt in range(_DEALS))
        usable = (deal for deal in deals if all(test.any() and rest.any() for test, rest in deal))
        if (deal := next(usable, None)) is None:
            raise Unable("wanted subjects that heard each other's stimuli, got some who share none with the others.")
        for k, (test, rest) in enumerate(deal):
            yield self._fold(str(k), table, subjects, sounds, test, rest, (seed, k))

    def _dealt(self, subjects: pd.Series, sounds: pd.Series, seed: tuple[int, int]) -> list[tuple[np.ndarray, np.ndarray]]:
        """Which rows each fold tests and which it may learn from; folds have about the same number of subjects and sounds."""
        rng = np.random.default_rng(seed)
        of_subject, of_sound = (balance(_renamed(groups, rng), self.n_folds) for groups in (subjects, sounds))
        return [((of_subject == k) & (of_sound == k), (of_subject != k) & (of_sound != k)) for k in range(self.n_folds)]

    def _fold(
        self, name: str, table: pd.DataFrame, subjects: pd.Series, sounds: pd.Series,
        test: np.ndarray, rest: np.ndarray, seed: tuple[int, int],
    ) -> Fold:  # fmt: skip
        strata = strata_of(table, self.stratify)[rest].groupby(sounds[rest]).first()
        chosen = draw(strata, self.n_validation(sounds.nunique(), len(strata)), seed)
        validation = rest & sounds.isin(chosen).to_numpy()
        train, watched, tested = (spans(table, np.flatnonzero(part)) for part in (rest & ~validation, validation, test))
        return Fold(name, train, watched, tested, self.group, tuple(sorted(subjects[test].unique())), self.mark)


def _renamed(groups: pd.Series, rng: np.random.Generator) -> pd.Series:
    """The groups under names in random order: where groups are equally large, ``balance`` goes by the name."""
    names = sorted(groups.unique())
    return groups.map(dict(zip(names, [f"{number:06d}" for number in rng.permutation(len(names))], strict=True)))

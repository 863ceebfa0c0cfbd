"""Splits by what was presented: no sound of the test part occurs in training."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
import pandas as pd
from pydantic import Field

from mindleaf.fold import Fold, spans
from mindleaf.protocols.grouping import balance, connected, stimuli_of
from mindleaf.protocols.protocol import Protocol, Unable


class LeaveOneStimulusOut(Protocol):
    """Stimuli that were ever presented together form a group, over all subjects; each group is the test part once.

    ``n_folds`` merges the groups into that many folds of about equal numbers of trials; None keeps one fold per group.
    """

    name: ClassVar[str] = "leave_one_stimulus_out"
    group: ClassVar[str] = "stimulus"
    n_folds: int | None = Field(None, ge=2)

    def cut(self, table: pd.DataFrame, seed: int) -> Iterator[Fold]:
        stimuli = presented_stimuli(table)
        component = connected(stimuli)
        n_groups = int(component.max()) + 1
        if n_groups < 2:
            raise Unable("wanted stimuli that were never presented together, but trials link all of them.")
        n_folds = self.n_folds or n_groups
        if n_groups < n_folds:
            raise Unable(f"wanted at least {n_folds} separate groups of stimuli, got {n_groups}.", n_folds=n_groups)
        groups = pd.Series([f"{number:06d}" for number in component])
        fold_of = component if self.n_folds is None else balance(groups, n_folds)
        for k in range(n_folds):
            rows = np.flatnonzero(fold_of == k)
            heard = frozenset().union(*(stimuli[row] for row in rows))
            yield self.fold_of_groups(str(k), table, groups, groups[rows].unique(), (seed, k), groups_test=heard)


class LeaveOnePairOut(Protocol):
    """All trials that present one set of stimuli together are the test part; neither of them occurs in training.

    Trials that share one stimulus with the test pair are left out. Validation takes whole pairs and drops the training
    trials that share a stimulus with them, as long as half of the training trials remain.
    """

    name: ClassVar[str] = "leave_one_pair_out"
    group: ClassVar[str] = "pair"

    def cut(self, table: pd.DataFrame, seed: int) -> Iterator[Fold]:
        stimuli = presented_stimuli(table)
        pairs = sorted({pair for pair in stimuli if len(pair) > 1}, key=sorted)
        if len(pairs) < 2:
            raise Unable(f"wanted at least two pairs of stimuli presented together, got {len(pairs)}.")
        separable = [pair for pair in pairs if any(not presented & pair for presented in stimuli)]
        if not separable:
            raise Unable("wanted a pair of stimuli that leaves training trials without either of them, got none.")
        for k, pair in enumerate(separable):
            yield self._fold(k, pair, table, stimuli, seed)

    def _fold(self, k: int, pair: frozenset[str], table: pd.DataFrame, stimuli: list[frozenset[str]], seed: int) -> Fold:
        test = [row for row, presented in enumerate(stimuli) if presented == pair]
        rest = [row for row, presented in enumerate(stimuli) if not presented & pair]
        validation, train = self._validation(rest, stimuli, np.random.default_rng((seed, k)))
        name, heard = " + ".join(sorted(pair)), tuple(sorted(pair))
        return Fold(name, spans(table, train), spans(table, validation), spans(table, test), self.group, heard, self.mark)

    def _validation(
        self, rows: list[int], stimuli: list[frozenset[str]], rng: np.random.Generator
    ) -> tuple[list[int], list[int]]:
        pairs = sorted({stimuli[row] for row in rows}, key=sorted)
        n_wanted = self.n_validation(len(pairs), len(pairs))
        validation: list[int] = []
        train = list(rows)
        for number in rng.permutation(len(pairs)):
            if n_wanted == 0:
                break
            left = [row for row in train if not stimuli[row] & pairs[number]]
            own = [row for row in train if stimuli[row] == pairs[number]]
            if own and len(left) >= max(1, len(rows) / 2):
                validation, train, n_wanted = validation + own, left, n_wanted - 1
        return validation, train


def presented_stimuli(table: pd.DataFrame) -> list[frozenset[str]]:
    """The stimuli of each trial, by name; raises Unable where a trial has none."""
    stimuli = stimuli_of(table)
    silent = [row for row, presented in enumerate(stimuli) if not presented]
    if silent:
        trial = table["trial"].iloc[silent[0]]
        raise Unable(f"wanted a stimulus in every trial, got none in {len(silent)} of {len(table)} (first: trial {trial!r}).")
    return stimuli

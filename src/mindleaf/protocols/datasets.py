"""Splits between data sets: trained on one, tested on another of which nothing was fitted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mindleaf.errors import BadInput
from mindleaf.fold import Fold, spans
from mindleaf.protocols.grouping import TRIAL, draw, names_of, strata_of
from mindleaf.protocols.protocol import MIN_GROUPS_FOR_VALIDATION, Protocol, Unable

#: Column of a table made from two stores: True for the trials of the test store.
HELD_OUT = "held_out"


def with_test_trials(train: pd.DataFrame, test: pd.DataFrame) -> pd.DataFrame:
    """The trial tables of two stores in one, with the column ``held_out``; BadInput where both hold a recording."""
    shared = train.merge(test, on=["dataset", "recording"])
    if len(shared):
        raise BadInput(
            f"--test-store wants other recordings than --store, both hold {shared['recording'].iloc[0]!r} of data set "
            f"{shared['dataset'].iloc[0]!r}; give the store of another data set, or name the recordings apart and prepare one again."
        )
    return pd.concat([train.assign(**{HELD_OUT: False}), test.assign(**{HELD_OUT: True})], ignore_index=True)


class CrossDataset(Protocol):
    """Whole data sets: the trials of a second store (``held_out``) are the test part, or each data set of the table once.

    Validation is whole subjects of the training data, or whole trials where these are fewer than three subjects.
    """

    name: ClassVar[str] = "cross_dataset"
    group: ClassVar[str] = "dataset"
    takes_test_store: ClassVar[bool] = True

    def cut(self, table: pd.DataFrame, seed: int) -> Iterator[Fold]:
        datasets = table["dataset"].astype(str)
        if HELD_OUT in table:
            yield self._fold(table, table[HELD_OUT].to_numpy(bool), (seed,))
            return
        names = sorted(datasets.unique())
        if len(names) < 2:
            raise Unable(f"wanted two data sets, got one ({names[0]}); give the second one with --test-store.")
        for k, name in enumerate(names):
            yield self._fold(table, (datasets == name).to_numpy(), (seed, k))

    def _fold(self, table: pd.DataFrame, held_out: NDArray[np.bool_], seed: Sequence[int]) -> Fold:
        known = table[~held_out].reset_index(drop=True)
        groups = names_of(known, ["subject"])
        if groups.nunique() < MIN_GROUPS_FOR_VALIDATION:
            groups = names_of(known, TRIAL)
        strata = strata_of(known, self.stratify).groupby(groups).first()
        watched = groups.isin(draw(strata, self.n_validation(len(strata), len(strata)), seed)).to_numpy()
        tested = tuple(sorted(table["dataset"][held_out].astype(str).unique()))
        return Fold(
            name=" + ".join(tested), train=spans(known, np.flatnonzero(~watched)), validation=spans(known, np.flatnonzero(watched)),
            test=spans(table, np.flatnonzero(held_out)), group=self.group, groups_test=tested, mark=self.mark,
        )  # fmt: skip

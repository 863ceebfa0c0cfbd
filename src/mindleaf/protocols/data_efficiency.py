"""How much data is needed: the folds of another protocol with shares of their training trials."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import field_validator

from mindleaf.errors import BadInput
from mindleaf.fold import SPAN_COLUMNS, Fold
from mindleaf.protocols.grouping import names_of, strata_of
from mindleaf.protocols.protocol import Protocol, Unable, named_protocols


class DataEfficiency(Protocol):
    """Each fold of another protocol once for every share of its training part; the test part stays the same.

    A smaller share is part of every larger one. Shares consist of whole trials (of whole windows or blocks where the other
    protocol cuts trials), classes in proportion, subjects in turn, each class at least once where the share has a trial
    for each. Validation shrinks with training, because some systems learn from it. The full share is the fold itself.

    of         the protocol whose folds are thinned
    shares     of the training part, each above 0 and at most 1
    settings   "path=value" of the other protocol (on the command line --set protocol.path=value)
    """

    name: ClassVar[str] = "data_efficiency"
    group: ClassVar[str] = "trial"
    of: str = "between_trial"
    shares: tuple[float, ...] = (0.25, 0.5, 0.75, 1.0)
    settings: tuple[str, ...] = ()

    @field_validator("shares")
    @classmethod
    def _possible(cls, shares: tuple[float, ...]) -> tuple[float, ...]:
        if not shares or not all(0 < share <= 1 for share in shares):
            raise ValueError("shares must lie above 0 and at most at 1")
        return tuple(sorted(set(shares)))

    @property
    def other(self) -> Protocol:
        """The protocol whose folds are thinned; BadInput where there is none of that name."""
        known = {name: kind for name, kind in named_protocols().items() if name != self.name}
        if self.of not in known:
            raise BadInput(f"{self.name}: of={self.of!r} is no protocol to take shares of; there are: {', '.join(known)}.")
        plain = known[self.of]().with_settings(self.settings)
        return plain.model_copy(update={"val_fraction": self.val_fraction, "stratify": self.stratify})

    @property
    def takes_test_store(self) -> bool:  # type: ignore[override]
        return self.other.takes_test_store

    def cut(self, table: pd.DataFrame, seed: int) -> Iterator[Fold]:
        try:
            whole = list(self.other.cut(table, seed))
        except Unable as error:
            raise Unable(f"wanted shares of {self.of}, which {error} Name another one with protocol.of.") from None
        fewest, wanted = min(len(fold.train) for fold in whole), int(np.ceil(1 / self.shares[0] - 1e-9))
        if fewest < wanted:
            raise Unable(
                f"wanted at least {wanted} training trials in each fold of {self.of} for a share of {self.shares[0]:.0%}, got {fewest}."
            )
        for share in self.shares:
            for k, fold in enumerate(whole):
                yield fold if share == 1 else self._thinned(fold, share, table, (seed, k))

    def _thinned(self, fold: Fold, share: float, table: pd.DataFrame, seed: Sequence[int]) -> Fold:
        train, validation = (
            _taken(part, share, table, self.stratify, (*seed, number))
            for number, part in enumerate((fold.train, fold.validation))
        )
        return replace(fold, name=f"{share:.0%}/{fold.name}", train=train, validation=validation, share=share)


def _taken(part: pd.DataFrame, share: float, table: pd.DataFrame, stratify: str, seed: Sequence[int]) -> pd.DataFrame:
    """The share of a part's spans, in their own order; at least one where there is any."""
    if part.empty:
        return part
    described = part.merge(table.drop(columns=["start", "stop"]), on=SPAN_COLUMNS[:3], how="left")
    n = max(1, int(share * len(part) + 0.5))
    return part.iloc[np.sort(_order(described, stratify, seed)[:n])].reset_index(drop=True)


def _order(rows: pd.DataFrame, stratify: str, seed: Sequence[int]) -> NDArray[np.intp]:
    """Positions of the rows such that every beginning is a fair sample: one of each class first, then in proportion."""
    rng = np.random.default_rng(seed)
    strata, subjects = strata_of(rows, stratify).to_numpy(), names_of(rows, ["subject"])
    place = np.empty(len(rows))
    for stratum in sorted(set(strata)):
        members = rng.permutation(np.flatnonzero(strata == stratum))
        own = subjects.iloc[members].reset_index(drop=True)
        turn = own.map({name: k for k, name in enumerate(rng.permutation(sorted(own.unique())))})
        # Each subject gives its first trial before any gives its second.
        members = members[np.lexsort((turn, own.groupby(own).cumcount()))]
        place[members] = (np.arange(len(members)) + rng.uniform()) / len(members)
        place[members[0]] = -rng.uniform()
    return np.argsort(place, kind="stable")

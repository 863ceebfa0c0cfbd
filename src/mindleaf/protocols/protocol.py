"""Protocol: from the table of trials to folds, or a refusal that names the protocols which can."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar

import numpy as np
import pandas as pd
from pydantic import Field

from mindleaf.config import Config
from mindleaf.errors import BadInput
from mindleaf.fold import Fold, Mark, spans
from mindleaf.protocols.grouping import checked_index, draw, strata_of

#: With fewer groups than this outside the test part there is no validation part: training keeps them all.
MIN_GROUPS_FOR_VALIDATION = 3


class Unable(BadInput):
    """The data cannot serve a protocol. ``n_folds``: the number of folds it could serve instead, 0 for none."""

    def __init__(self, reason: str, n_folds: int = 0) -> None:
        super().__init__(reason)
        self.n_folds = n_folds


class Protocol(Config, ABC):
    """Base of the splits: reads the trial table, never the signal.

    only           keep just the folds with these numbers (a demonstration needs one); empty: all
    val_fraction   share of all groups that goes from training to validation, at least one group. Validation is empty
                   where this is 0 or where fewer than three groups remain beside the test part.
    stratify       column whose values are spread evenly where the groups allow it; where it does not vary the attended
                   side takes its place
    """

    name: ClassVar[str] = ""
    group: ClassVar[str] = ""
    mark: ClassVar[Mark] = ""
    #: Whether the test part may lie in a second store.
    takes_test_store: ClassVar[bool] = False

    only: tuple[int, ...] = ()
    val_fraction: float = Field(default=0.1, ge=0, lt=1)
    stratify: str = "label"

    def folds(self, index: pd.DataFrame, seed: int = 0) -> list[Fold]:
        """The folds of a trial table (one row per trial); the same table and seed give the same folds.

        Raises BadInput where the data cannot serve this protocol, naming those that can.
        """
        table = checked_index(index)
        if self.stratify != "label" and self.stratify not in table:
            raise BadInput(f"{self.name}: no column {self.stratify!r} to stratify by; columns are: {', '.join(table.columns)}.")
        try:
            folds = list(self.cut(table, seed))
        except Unable as error:
            able = ", ".join(able_protocols(index)) or "none; more trials are needed"
            raise BadInput(f"{self.name}: {error} Protocols that can: {able}.") from None
        wrong = [number for number in self.only if not 0 <= number < len(folds)]
        if wrong:
            raise BadInput(f"{self.name}: only={wrong[0]} is no fold; there are {len(folds)}, counted from 0.")
        return [folds[number] for number in self.only] if self.only else folds

    @abstractmethod
    def cut(self, table: pd.DataFrame, seed: int) -> Iterator[Fold]:
        """The folds of a checked table, one after the other; raises Unable before the first where there are none."""

    def fold_of_groups(
        self,
        name: str,
        table: pd.DataFrame,
        groups: pd.Series,
        test: Iterable[str],
        seed: Sequence[int],
        groups_test: Iterable[str] | None = None,
    ) -> Fold:
        """The fold in which the groups ``test`` are the test part and some of the others validation; groups stay whole.

        ``groups_test``: what the fold calls its test groups, where that is not their name.
        """
        test = set(test)
        strata = strata_of(table, self.stratify).groupby(groups).first()
        rest = strata[~strata.index.isin(test)]
        validation = set(draw(rest, self.n_validation(len(strata), len(rest)), seed))
        part = np.where(groups.isin(test), "test", np.where(groups.isin(validation), "validation", "train"))
        return Fold(
            name=name,
            train=spans(table, np.flatnonzero(part == "train")),
            validation=spans(table, np.flatnonzero(part == "validation")),
            test=spans(table, np.flatnonzero(part == "test")),
            group=self.group,
            groups_test=tuple(sorted(test if groups_test is None else groups_test)),
            mark=self.mark,
        )

    def n_validation(self, n_groups: int, n_rest: int) -> int:
        """How many of the ``n_rest`` groups outside the test part go to validation."""
        if self.val_fraction == 0 or n_rest < MIN_GROUPS_FOR_VALIDATION:
            return 0
        return min(max(1, round(self.val_fraction * n_groups)), n_rest - 1)


def able_protocols(index: pd.DataFrame) -> list[str]:
    """Names of the protocols that can serve the data, with the number of folds or the mark where it matters."""
    table = checked_index(index)
    able = []
    for protocol in named_protocols().values():
        remark = _serves(protocol, table)
        if remark is not None:
            remarks = [word for word in (remark, protocol.mark) if word]
            able.append(protocol.name + (f" ({', '.join(remarks)})" if remarks else ""))
    return able


def _serves(protocol: type[Protocol], table: pd.DataFrame) -> str | None:
    """None where the protocol cannot serve the table, else the setting it needs ("" for none)."""
    settings: dict[str, int] = {}
    for _ in range(2):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                next(protocol.checked(settings).cut(table, seed=0))
            return ", ".join(f"{name}={value}" for name, value in settings.items())
        except Unable as error:
            if error.n_folds < 2:
                return None
            settings = {"n_folds": error.n_folds}
    return None


def named_protocols() -> dict[str, type[Protocol]]:
    """Every protocol with a name, one's own included."""
    found, waiting = {}, list(Protocol.__subclasses__())
    while waiting:
        protocol = waiting.pop(0)
        waiting.extend(protocol.__subclasses__())
        if protocol.name:
            found[protocol.name] = protocol
    return found

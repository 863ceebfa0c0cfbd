"""PreparedRows: the windows of a store as a task asks about them, and the part of them that a fold gives to a system."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import pandas as pd

from mindleaf.errors import BadInput
from mindleaf.evaluation.contract import Asks, Task
from mindleaf.fold import Fold, Part
from mindleaf.store.examples import Examples
from mindleaf.store.store import Store


class PreparedRows:
    """Window tables of both stores, cut and prepared once per length. ``cut(store, window_s)`` gives a window table."""

    def __init__(
        self,
        store: Store,
        test_store: Store | None,
        task: Task,
        seed: int,
        cut: Callable[[Store, float], pd.DataFrame] = Store.windows,
    ) -> None:
        self.store, self.test_store, self.task, self.seed, self.cut = store, test_store or store, task, seed, cut
        self._tables: dict[tuple[int, float], pd.DataFrame] = {}
        #: Why a test part could not be prepared by itself, by window length.
        self.refused: dict[float, str] = {}

    def table(self, store: Store, window_s: float) -> pd.DataFrame:
        key = (id(store), window_s)
        if key not in self._tables:
            table = self.task.prepare(self.cut(store, window_s), self.seed).reset_index(drop=True)
            self._tables[key] = table if store is self.store else self._renumbered(table, window_s)
        return self._tables[key]

    def _renumbered(self, table: pd.DataFrame, window_s: float) -> pd.DataFrame:
        """Class numbers of the test store's table in the order of the training store's classes; -1 for unknown ones."""
        there, known = self.task.classes(table), self.task.classes(self.table(self.store, window_s))
        if self.task.asks == "labels" and not set(there) & set(known):
            raise BadInput(
                f"the test store's classes ({', '.join(there)}) are none of the training store's ({', '.join(known)}); name them alike."
            )
        here = {name: k for k, name in enumerate(known)}
        number = [here.get(name, -1) for name in there]
        return table.assign(target=[number[k] if k >= 0 else -1 for k in table["target"]]) if "target" in table else table

    @property
    def two_stores(self) -> bool:
        return self.test_store is not self.store

    @cached_property
    def shared_channels(self) -> tuple[str, ...]:
        """Channels that every recording of both stores has, in the training store's order."""
        here, there = (Examples(store, pd.DataFrame()).channel_names for store in (self.store, self.test_store))
        return tuple(name for name in here if name in set(there))

    def unknown_classes(self, window_s: float) -> tuple[str, ...]:
        """Classes of the test store that the training store does not have."""
        if not self.two_stores:
            return ()
        known, there = (self.task.classes(self.table(store, window_s)) for store in (self.store, self.test_store))
        return tuple(name for name in there if name not in known)

    def examples(self, fold: Fold, part: Part, window_s: float, system_asks: Asks, channels: tuple[str, ...] = ()) -> Examples:
        """The fold's windows that have an answer for a system that asks ``system_asks``; may be empty.

        ``channels``: the only ones to read; empty for all of the store's.
        """
        store = self.test_store if part == "test" else self.store
        # The classes are named by the training store, so that class numbers mean the same on both sides.
        classes = self.task.classes(self.table(self.store, window_s))
        rows = self._part(store, fold, part, window_s)
        answered = self.task.asks if part == "test" else system_asks
        column = "answer" if answered == "candidates" else "target"
        rows = rows[rows[column] >= 0] if column in rows else rows.iloc[:0]
        return Examples(store, rows.reset_index(drop=True), classes=classes, channels=channels)

    def _part(self, store: Store, fold: Fold, part: Part, window_s: float) -> pd.DataFrame:
        """Prepared rows of one part of a fold; prepared by itself where windows beside each other bring the wrong sounds."""
        if not self.task.within_part:
            table = self.table(store, window_s)
            return table.iloc[fold.select(table, part)]
        windows = with_kinds(self.cut(store, window_s), store)
        chosen = windows.iloc[fold.select(windows, part)].reset_index(drop=True)
        try:
            if len(chosen):
                return self.task.prepare(chosen, self.seed) if part == "test" else self.task.learned(chosen, self.seed)
        except BadInput as refusal:
            if part == "test":
                self.refused[window_s] = f"the test part of fold {fold.name} cannot serve {refusal}"
        return chosen.iloc[:0]


def with_kinds(windows: pd.DataFrame, store: Store) -> pd.DataFrame:
    """The windows with the auditory type of each candidate as ``kind_k``."""
    kinds = {name: stimulus.auditory_type for name, stimulus in store.stimuli.items()}
    numbered = [str(column).removeprefix("stimulus_") for column in windows if str(column).startswith("stimulus_")]
    return windows.assign(**{f"kind_{k}": windows[f"stimulus_{k}"].map(kinds).fillna("") for k in numbered})

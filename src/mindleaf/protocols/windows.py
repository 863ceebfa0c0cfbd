"""Splits inside trials, for comparison with the literature and for data with one trial. Their folds carry a mark."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from itertools import groupby
from typing import ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from mindleaf.fold import PARTS, SPAN_COLUMNS, Fold, Mark, Part, spans
from mindleaf.protocols.grouping import deal, draw, names_of, strata_of
from mindleaf.protocols.protocol import Protocol, Unable

_TOLERANCE_S = 1e-6


class RandomWindows(Protocol):
    """Single windows shuffled before the split: neighbours from one trial train and test, so the score is LEAKY.

    window_s   length of the windows, cut one after the other from the start of each trial
    scope      "subject": one split of each subject's windows ("sub-01/0"); "pooled": all windows together
    interval   seconds of the trial from which windows are cut, None for all of it
    """

    name: ClassVar[str] = "random_windows"
    group: ClassVar[str] = "window"
    mark: ClassVar[Mark] = "LEAKY"
    window_s: float = Field(2.0, gt=0)
    scope: Literal["subject", "pooled"] = "subject"
    n_folds: int = Field(5, ge=2)
    interval: tuple[float, float] | None = None

    def cut(self, table: pd.DataFrame, seed: int) -> Iterator[Fold]:
        windows = self._windows(table)
        if windows.empty:
            raise Unable(f"wanted trials of at least {self.window_s:g} s, got none that long.")
        subjects = names_of(windows, ["subject"]) if self.scope == "subject" else pd.Series("", index=windows.index)
        counts = subjects.value_counts().sort_index()
        short = [subject or "all subjects" for subject in counts.index[counts < self.n_folds]]
        if len(short) == len(counts):
            raise Unable(f"wanted at least {self.n_folds} windows of {self.window_s:g} s, got fewer from {', '.join(short)}.")
        if short:
            warnings.warn(f"{self.name}: left out {', '.join(short)}: fewer than {self.n_folds} windows.", stacklevel=3)
        for number, subject in enumerate(counts.index):
            if counts[subject] >= self.n_folds:
                own = windows[subjects == subject].reset_index(drop=True)
                yield from self._of_scope(f"{subject}/" if subject else "", own, (seed, number))

    def _of_scope(self, prefix: str, windows: pd.DataFrame, seed: tuple[int, int]) -> Iterator[Fold]:
        strata = strata_of(windows, self.stratify)
        fold_of = deal(strata, self.n_folds, seed)
        subjects = names_of(windows, ["subject"])
        for k in range(self.n_folds):
            rest = strata[fold_of != k]
            chosen = windows.index.isin(draw(rest, self.n_validation(len(strata), len(rest)), (*seed, k)))
            rows = {"test": fold_of == k, "validation": chosen, "train": (fold_of != k) & ~chosen}
            train, validation, test = (spans(windows, np.flatnonzero(rows[part])) for part in PARTS)
            heard = tuple(sorted(subjects[fold_of == k].unique()))
            yield Fold(f"{prefix}{k}", train, validation, test, self.group, heard, self.mark)

    def _windows(self, table: pd.DataFrame) -> pd.DataFrame:
        first, last = self.interval or (0.0, np.inf)
        length = np.minimum(table["stop"] - table["start"], last) - first
        counts = np.maximum(np.floor((length + _TOLERANCE_S) / self.window_s), 0).astype(int)
        windows = table.loc[table.index.repeat(counts)].reset_index(drop=True)
        number = np.concatenate([np.arange(count) for count in counts]) if len(counts) else np.zeros(0)
        windows["start"] = windows["start"] + first + number * self.window_s
        windows["stop"] = windows["start"] + self.window_s
        return windows


class Blocked(Protocol):
    """Each trial cut into contiguous blocks; the k-th block of every trial is the test part of fold k. WITHIN-TRIAL.

    Training and validation keep ``gap_s`` away from the test block, and training from validation, on both sides, so that
    neither filters nor lags reach across. Trials whose blocks would be no longer than two gaps are left out with a warning.
    """

    name: ClassVar[str] = "blocked"
    group: ClassVar[str] = "block"
    mark: ClassVar[Mark] = "WITHIN-TRIAL"
    n_folds: int = Field(5, ge=2)
    gap_s: float = Field(1.0, ge=0)

    def cut(self, table: pd.DataFrame, seed: int) -> Iterator[Fold]:
        lengths = table["stop"] - table["start"]
        long_enough = lengths / self.n_folds > 2 * self.gap_s + _TOLERANCE_S
        if not long_enough.any():
            most = int(lengths.max() / (2 * self.gap_s + 2 * _TOLERANCE_S)) if self.gap_s else 0
            raise Unable(
                f"wanted trials longer than {2 * self.gap_s * self.n_folds:g} s for {self.n_folds} blocks with gaps of "
                f"{self.gap_s:g} s, got at most {lengths.max():g} s.",
                n_folds=min(most, self.n_folds),
            )
        if not long_enough.all():
            warnings.warn(f"{self.name}: left out {(~long_enough).sum()} trials too short for its blocks.", stacklevel=3)
        kept = table[long_enough].reset_index(drop=True)
        for k in range(self.n_folds):
            yield self._fold(k, kept, seed)

    def _fold(self, k: int, table: pd.DataFrame, seed: int) -> Fold:
        others = np.delete(np.arange(self.n_folds), k)
        n_validation = self.n_validation(self.n_folds, len(others))
        validation = np.random.default_rng((seed, k)).permutation(others)[:n_validation]
        parts_of_blocks: list[Part] = ["train"] * self.n_folds
        parts_of_blocks[k] = "test"
        for block in validation:
            parts_of_blocks[block] = "validation"
        rows: dict[Part, list[tuple]] = {part: [] for part in PARTS}
        for dataset, recording, trial, begin, end in table[SPAN_COLUMNS].to_numpy():
            edges = np.linspace(begin, end, self.n_folds + 1)
            for part, start, stop in _separated(parts_of_blocks, edges, self.gap_s):
                rows[part].append((dataset, recording, trial, start, stop))
        train, watched, test = (pd.DataFrame(rows[part], columns=SPAN_COLUMNS) for part in PARTS)
        return Fold(str(k), train, watched, test, self.group, (f"block {k}",), self.mark)


def _separated(parts: list[Part], edges: NDArray[np.floating], gap_s: float) -> list[tuple[Part, float, float]]:
    """Runs of blocks of one part; of two neighbours the one of lower rank (train < validation < test) gives up the gap."""
    rank = {"train": 0, "validation": 1, "test": 2}
    runs = []
    first = 0
    for part, members in groupby(parts):
        last = first + len(list(members))
        before = parts[first - 1] if first > 0 else part
        after = parts[last] if last < len(parts) else part
        start = edges[first] + (gap_s if rank[before] > rank[part] else 0.0)
        stop = edges[last] - (gap_s if rank[after] > rank[part] else 0.0)
        runs.append((part, float(start), float(stop)))
        first = last
    return runs

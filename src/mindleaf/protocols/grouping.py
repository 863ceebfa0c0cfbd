"""Groups of trials: whom they belong to, what they present, and how groups are dealt into folds."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mindleaf.errors import BadInput
from mindleaf.fold import SPAN_COLUMNS

TRIAL = ["recording", "trial"]


def checked_index(index: pd.DataFrame) -> pd.DataFrame:
    """The trial table sorted by trial, so that folds do not depend on the order of its rows.

    Raises BadInput where it is empty, lacks a column that splits read, or holds a trial twice.
    """
    missing = [column for column in [*SPAN_COLUMNS, "subject"] if column not in index]
    if missing:
        raise BadInput(f"trial table: wanted columns {', '.join(missing)}, got {', '.join(index.columns)}; prepare it again.")
    if index.empty:
        raise BadInput("trial table: wanted trials, got none; check that the recordings have trials with labels or stimuli.")
    repeated = index[index.duplicated(SPAN_COLUMNS[:3])]
    if len(repeated):
        raise BadInput(
            f"trial table: trial {repeated['trial'].iloc[0]!r} of recording {repeated['recording'].iloc[0]!r} came twice; "
            "give every trial of a recording its own id."
        )
    return index.sort_values(SPAN_COLUMNS[:3], kind="stable").reset_index(drop=True)


def names_of(table: pd.DataFrame, columns: Sequence[str]) -> pd.Series:
    """One name per row from the given columns ("sub-01/ses-2"), with the dataset in front where there are several."""
    columns = ["dataset", *columns] if table["dataset"].nunique() > 1 else list(columns)
    parts = table[columns].fillna("").astype(str)
    names = pd.Series(["/".join(row) for row in parts.itertuples(index=False)], index=table.index)
    if names.nunique() != len(parts.drop_duplicates()):
        raise BadInput(f"trial table: different {' and '.join(columns)} read the same once joined by '/'; rename one of them.")
    return names


def strata_of(table: pd.DataFrame, column: str = "label") -> pd.Series:
    """What a split should balance, one string per row: the label where it varies, else the attended side, else its number."""
    if column in table and labels_of(table, column).nunique() > 1:
        return labels_of(table, column)
    if "attended" not in table:
        return pd.Series("", index=table.index)
    attended = table["attended"].fillna(0).astype(int)
    side = pd.Series("", index=table.index)
    for number in sorted(set(attended) - {0}):
        if f"side_{number}" in table:
            side = side.mask(attended == number, table[f"side_{number}"].fillna("").astype(str))
    return side if side.nunique() > 1 else attended.astype(str)


def labels_of(table: pd.DataFrame, column: str) -> pd.Series:
    """The label column as strings, "" where there is none."""
    return table[column].fillna("").astype(str) if column in table else pd.Series("", index=table.index)


def stimuli_of(table: pd.DataFrame) -> list[frozenset[str]]:
    """The stimuli presented in each trial, named with the dataset where there are several."""
    columns = [str(column) for column in table if re.fullmatch(r"stimulus_\d+", str(column))]
    prefix = table["dataset"].astype(str) + ":" if table["dataset"].nunique() > 1 else pd.Series("", index=table.index)
    rows = table[columns].fillna("").astype(str).to_numpy()
    return [frozenset(front + name for name in row if name) for front, row in zip(prefix, rows, strict=True)]


def connected(sets: Sequence[frozenset[str]]) -> NDArray[np.intp]:
    """Number of the connected component of each set; two sets that share a member are connected. Numbered from 0."""
    parent: dict[str, str] = {}

    def root(member: str) -> str:
        parent.setdefault(member, member)
        while parent[member] != member:
            parent[member] = parent[parent[member]]
            member = parent[member]
        return member

    for members in sets:
        first, *others = sorted(members)
        for other in others:
            parent[root(other)] = root(first)
    roots = [root(min(members)) for members in sets]
    numbers = {name: number for number, name in enumerate(dict.fromkeys(roots))}
    return np.array([numbers[name] for name in roots], dtype=np.intp)


def deal(strata: pd.Series, n_folds: int, seed: Sequence[int], spread: pd.Series | None = None) -> NDArray[np.intp]:
    """Fold number of each row, shape (n,): like cards, one stratum after the other, so that every fold gets its share.

    Inside a stratum the rows are shuffled; rows with the same ``spread`` stay neighbours and so land in different folds.
    """
    rng = np.random.default_rng(seed)
    spread = pd.Series(0, index=strata.index) if spread is None else spread
    order = []
    for stratum in sorted(strata.unique()):
        rows = rng.permutation(np.flatnonzero((strata == stratum).to_numpy()))
        turn = {value: number for number, value in enumerate(rng.permutation(sorted(spread.unique())))}
        order.extend(sorted(rows, key=lambda row: turn[spread.iloc[row]]))
    folds = np.empty(len(strata), dtype=np.intp)
    folds[order] = np.arange(len(order)) % n_folds
    return folds


def balance(groups: pd.Series, n_folds: int) -> NDArray[np.intp]:
    """Fold number of each row: the largest group first, each to the fold with the fewest rows, as scikit-learn's GroupKFold."""
    names, members = np.unique(groups.to_numpy(dtype=str), return_inverse=True)
    counts = np.bincount(members)
    sizes = np.zeros(n_folds, dtype=np.intp)
    fold_of = np.zeros(len(names), dtype=np.intp)
    for group in np.argsort(counts)[::-1]:
        fold_of[group] = np.argmin(sizes)
        sizes[fold_of[group]] += counts[group]
    return fold_of[members]


def draw(strata: pd.Series, n: int, seed: Sequence[int]) -> list:
    """``n`` labels of the index of ``strata`` at random, each stratum in proportion to its size."""
    rng = np.random.default_rng(seed)
    place = pd.Series(0.0, index=strata.index)
    for stratum in sorted(strata.unique()):
        members = strata.index[strata == stratum]
        place[members] = (rng.permutation(len(members)) + rng.uniform()) / len(members)
    return list(place.sort_values(kind="stable").index[:n])

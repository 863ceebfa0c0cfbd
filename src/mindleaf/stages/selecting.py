"""Which windows a training verb may use: --exclude and --split."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from mindleaf.errors import BadInput
from mindleaf.fold import Fold, Part
from mindleaf.protocols import read_folds, read_split_facts
from mindleaf.store.store import Store
from mindleaf.store.table import n_candidate_columns


def excluded(rows: pd.DataFrame, exclude: Sequence[str]) -> pd.DataFrame:
    """Rows without the excluded ones; each wish reads ``column=value,value`` ("subject=11,12", "stimulus=part1").

    Raises BadInput for an unknown column or a value that occurs nowhere.
    """
    for wish in exclude:
        column, sign, text = wish.partition("=")
        values = {value.strip() for value in text.split(",") if value.strip()}
        columns = [f"stimulus_{k}" for k in range(1, n_candidate_columns(rows) + 1)] if column == "stimulus" else [column]
        if not sign or not values or not set(columns) <= set(rows.columns) or not columns:
            raise BadInput(
                f"--exclude wants column=value,value with a column of the table, got {wish!r}; columns: {', '.join(rows.columns)}."
            )
        hit = np.logical_or.reduce([rows[c].astype(str).isin(values) for c in columns])
        if not hit.any():
            raise BadInput(
                f"--exclude {wish}: no window has such a {column}; values here: {', '.join(map(str, rows[columns[0]].unique()[:8]))}."
            )
        rows = rows[~hit].reset_index(drop=True)
    return rows


def refuse_other_store(split: Path, store: Store) -> None:
    """BadInput where a split file was made with another store. A file that does not say with which is taken at its word."""
    if read_split_facts(split).get("store", store.content_sha256) != store.content_sha256:
        raise BadInput(f"--split {split} was made with another store than {store.path}; give that one, or write the split again.")


def one_fold(split: Path, store: Store) -> Fold:
    """The fold of a split file; BadInput unless it holds exactly one, made with this store."""
    refuse_other_store(split, store)
    folds = read_folds(split)
    if len(folds) != 1:
        raise BadInput(
            f"--split {split}: wanted a file with one fold, found {len(folds)}; write one with --set protocol.only=[0]."
        )
    return folds[0]


def folds_by_store(splits: Sequence[Path], stores: Sequence[Store]) -> list[Fold | None]:
    """The fold of each store, by the store that a split file was made with; None for a store without one: it is not split.

    A file that does not say its store is taken for every store. Raises BadInput for a file of none of these stores.
    """
    found: list[Fold | None] = [None] * len(stores)
    for split in splits:
        told = read_split_facts(split).get("store")
        places = [k for k, store in enumerate(stores) if told in (None, store.content_sha256)]
        if not places:
            refuse_other_store(split, stores[0])
        for place in places:
            if found[place] is not None:
                raise BadInput(f"--split {split} is the second one of {stores[place].path}; give one for each store.")
            found[place] = one_fold(split, stores[place])
    return found


def part_of(rows: pd.DataFrame, fold: Fold | None, part: Part) -> pd.DataFrame:
    """The rows of one part of a fold; without a fold, all rows are training rows."""
    if fold is None:
        return rows if part == "train" else rows.iloc[:0]
    return rows.iloc[fold.select(rows, part)].reset_index(drop=True)

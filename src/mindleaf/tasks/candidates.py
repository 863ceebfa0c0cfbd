"""Candidates in a window table: the columns stimulus_k, side_k, talker_k, audio_start_k, and their order."""

from __future__ import annotations

import hashlib
import re

import numpy as np
import pandas as pd
from numpy.typing import NDArray

#: What is known of each candidate; candidate k (from 1) has the columns stimulus_k, side_k, ...
CANDIDATE_FIELDS = ("stimulus", "side", "talker", "audio_start")
_CANDIDATE_COLUMN = re.compile(r"(?P<field>[a-z_]+)_(?P<number>[1-9][0-9]*)")


def candidate_numbers(windows: pd.DataFrame) -> list[int]:
    """Numbers k for which the table has a column stimulus_k."""
    matches = [_CANDIDATE_COLUMN.fullmatch(str(column)) for column in windows]
    return sorted(int(match["number"]) for match in matches if match and match["field"] == "stimulus")


def candidate_fields(windows: pd.DataFrame) -> list[str]:
    """Every field that the table holds per candidate, those of ``CANDIDATE_FIELDS`` and any other with all numbers."""
    numbers = candidate_numbers(windows)
    matches = [match for column in windows if (match := _CANDIDATE_COLUMN.fullmatch(str(column)))]
    names = dict.fromkeys(match["field"] for match in matches)
    return [name for name in names if all(f"{name}_{number}" in windows for number in numbers)]


def texts(windows: pd.DataFrame, field: str) -> NDArray[np.str_]:
    """A candidate field as strings, shape (n, K), "" where unknown."""
    columns = [f"{field}_{number}" for number in candidate_numbers(windows)]
    known = windows.reindex(columns=columns)
    return known.astype(object).where(known.notna(), "").astype(str).to_numpy(dtype=str).reshape(len(windows), len(columns))


def of_attended(windows: pd.DataFrame, field: str) -> list[str]:
    """The field of each row's attended candidate, "" where none is attended or it is unknown."""
    values = texts(windows, field)
    attended = windows["attended"].fillna(0).astype(int)
    return [str(row[number - 1]) if number > 0 else "" for row, number in zip(values, attended, strict=True)]


def shuffled(windows: pd.DataFrame, n_candidates: int, seed: int) -> pd.DataFrame:
    """Reorder each row's candidates and set ``attended`` and ``answer`` to match.

    The order of a row depends on the seed and on which window it is, not on the other rows: a part of the table is
    ordered as the whole.
    """
    order = candidate_order(windows, n_candidates, seed)
    rows = np.arange(len(windows))[:, None]
    out = windows.copy()
    for field in candidate_fields(windows):
        columns = [f"{field}_{number}" for number in range(1, n_candidates + 1)]
        values = windows[columns].to_numpy()[rows, order]
        for position, column in enumerate(columns):
            out[column] = pd.Series(values[:, position], index=windows.index).astype(windows[column].dtype)
    attended = windows["attended"].to_numpy(dtype=int) - 1
    out["answer"] = (order == attended[:, None]).argmax(axis=1)
    out["attended"] = out["answer"] + 1
    return out


def candidate_order(windows: pd.DataFrame, n_candidates: int, seed: int) -> NDArray[np.intp]:
    """For each row a permutation of its candidates, shape (n, K): position p holds old candidate order[:, p] (from 0)."""
    keys = windows[["dataset", "recording", "trial", "start"]].itertuples(index=False)
    drawn = [
        [_number(f"{seed}|{dataset}|{recording}|{trial}|{start:.4f}|{k}") for k in range(n_candidates)]
        for dataset, recording, trial, start in keys
    ]
    return np.argsort(np.array(drawn, dtype=np.uint64).reshape(len(windows), n_candidates), axis=1)


def _number(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")

"""Attention: which of the streams playing at once does the listener attend to?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from mindleaf.errors import BadInput
from mindleaf.tasks.candidates import candidate_fields, candidate_numbers, of_attended, shuffled, texts
from mindleaf.tasks.task import Asks, Task

ATTRIBUTES = ("side", "talker")


@dataclass(frozen=True)
class Attention(Task):
    """Candidates are the streams of the trial, in an order drawn for each window.

    A system that hears scores each candidate. One that does not predicts the ``target`` of the attended stream ("side" or
    "talker"), and the candidate that carries it is its answer.
    """

    name: ClassVar[str] = "attention"
    asks: ClassVar[Asks] = "candidates"

    def __post_init__(self) -> None:
        if self.column:
            raise BadInput(f"attention takes no column, got {self.column!r}; say attention, and --target side or talker.")
        if self.target not in ATTRIBUTES:
            raise BadInput(f"attention: target must be one of {', '.join(ATTRIBUTES)}, got {self.target!r}.")

    def cannot(self, windows: pd.DataFrame) -> str:
        chosen = _with_choice(windows)
        if chosen.empty:
            return "wanted windows with at least two streams of which one is attended, got none."
        counts = sorted(chosen["n_candidates"].astype(int).unique())
        if len(counts) > 1:
            return f"wanted one number of streams, got windows with {' and '.join(map(str, counts))}; keep one kind of trial."
        return ""

    def posed(self, windows: pd.DataFrame, seed: int) -> pd.DataFrame:
        chosen = _with_choice(windows)
        n_candidates = int(chosen["n_candidates"].iloc[0])
        beyond = [f"{field}_{k}" for field in candidate_fields(chosen) for k in candidate_numbers(chosen) if k > n_candidates]
        rows = shuffled(chosen.drop(columns=beyond), n_candidates, seed)
        number = {value: row for row, value in enumerate(self.classes(windows))}
        rows["target"] = [number.get(value, -1) for value in of_attended(rows, self.target)]
        return rows

    def classes(self, windows: pd.DataFrame) -> tuple[str, ...]:
        """The sides (or talkers) that occur, sorted; none where they are not recorded."""
        return tuple(sorted(set(texts(_with_choice(windows), self.target).ravel().tolist()) - {""}))

    def chance(self, rows: pd.DataFrame) -> float:
        return float((1.0 / rows["n_candidates"]).mean())

    def constant_attribute(self, rows: pd.DataFrame) -> list[str]:
        """Attributes of the attended stream that never change: whoever knows them needs no EEG.

        "talker" here means that training must draw its mismatches from the same talker.
        """
        found = []
        for attribute in ("talker", "side", "stimulus"):
            values = set(of_attended(rows, attribute))
            if len(values) == 1 and "" not in values:
                found.append(attribute)
        return found

    def not_applicable(self, rows: pd.DataFrame, system_asks: Asks) -> str:
        if system_asks == "candidates":
            return ""
        attended = of_attended(rows, self.target)
        if "" in attended:
            return f"the {self.target} of the attended stream is not recorded"
        if len(set(attended)) == 1:
            return f"the attended {self.target} is {attended[0]!r} in every window, so EEG alone has nothing to tell apart"
        streams = np.sort(texts(rows, self.target)[:, : int(rows["n_candidates"].iloc[0])], axis=1)
        if (streams[:, 1:] == streams[:, :-1]).any():
            return f"streams of one window share their {self.target}, so it does not say which one is attended"
        return ""


def _with_choice(windows: pd.DataFrame) -> pd.DataFrame:
    """The rows with two or more candidates, one of them attended."""
    if not {"n_candidates", "attended"} <= set(windows) or not candidate_numbers(windows):
        return windows.iloc[:0].assign(n_candidates=0, attended=0)
    return windows[(windows["n_candidates"].fillna(0) >= 2) & (windows["attended"].fillna(0) >= 1)]

"""Fold: training, validation and test spans that are disjoint by the group it declares, or it does not exist."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mindleaf.errors import BadInput

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = ("train", "validation", "test")
#: Splits that are not disjoint by trial carry this mark into every table and report.
Mark = Literal["", "LEAKY", "WITHIN-TRIAL"]
SPAN_COLUMNS = ["dataset", "recording", "trial", "start", "stop"]
_TOLERANCE_S = 1e-6


@dataclass(frozen=True)
class Fold:
    """One split. Each part is a table of spans: columns dataset, recording, trial, start, stop (seconds of the recording).

    A window belongs to a part when it lies wholly inside one of the part's spans of its trial. ``group`` names the
    column(s) by which parts are disjoint ("trial", "subject", "stimulus" ...); ``groups_test`` lists the test groups.
    ``share``: how much of the split's training trials ``train`` holds, 1 for all of them.
    Raises BadInput when two parts share time of a trial, or, unless ``mark`` says so, share a trial.
    """

    name: str
    train: pd.DataFrame
    validation: pd.DataFrame
    test: pd.DataFrame
    group: str
    groups_test: tuple[str, ...]
    mark: Mark = ""
    share: float = 1.0

    def __post_init__(self) -> None:
        if self.train.empty or self.test.empty:
            raise BadInput(f"fold {self.name}: wanted training and test data, got {len(self.train)} and {len(self.test)} spans.")
        for first, second in combinations(PARTS, 2):
            _refuse_overlap(self.name, first, getattr(self, first), second, getattr(self, second), bool(self.mark))

    def select(self, windows: pd.DataFrame, part: Part) -> NDArray[np.intp]:
        """Positions of the rows of ``windows`` (columns dataset, recording, trial, start, stop) that belong to ``part``."""
        spans = {uid: rows[["start", "stop"]].to_numpy() for uid, rows in getattr(self, part).groupby(SPAN_COLUMNS[:3])}
        inside = [
            bool(((spans[uid][:, 0] <= start + _TOLERANCE_S) & (stop - _TOLERANCE_S <= spans[uid][:, 1])).any())
            if (uid := (dataset, recording, trial)) in spans
            else False
            for dataset, recording, trial, start, stop in windows[SPAN_COLUMNS].itertuples(index=False)
        ]
        return np.flatnonzero(np.array(inside, dtype=bool))

    def to_json(self) -> dict:
        return {
            "name": self.name,
            "group": self.group,
            "groups_test": list(self.groups_test),
            "mark": self.mark,
            **({"share": self.share} if self.share < 1 else {}),
            **{part: getattr(self, part)[SPAN_COLUMNS].to_dict(orient="records") for part in PARTS},
        }

    @classmethod
    def from_json(cls, values: dict) -> Fold:
        frames = {part: pd.DataFrame(values[part], columns=SPAN_COLUMNS) for part in PARTS}
        return cls(
            name=values["name"], group=values["group"], groups_test=tuple(values["groups_test"]), mark=values["mark"],
            share=values.get("share", 1.0), **frames,
        )  # fmt: skip


def spans(table: pd.DataFrame, positions: Iterable[int] | NDArray[np.intp]) -> pd.DataFrame:
    """The span columns of the given rows of a trial or window table."""
    return table.iloc[list(positions)][SPAN_COLUMNS].reset_index(drop=True)


def _refuse_overlap(name: str, first: str, a: pd.DataFrame, second: str, b: pd.DataFrame, may_share_trials: bool) -> None:
    if a.empty or b.empty:
        return
    pairs = a.merge(b, on=SPAN_COLUMNS[:3], suffixes=("_a", "_b"))
    if pairs.empty:
        return
    if not may_share_trials:
        raise BadInput(
            f"fold {name}: {first} and {second} share trial {pairs['trial'].iloc[0]!r} of recording "
            f"{pairs['recording'].iloc[0]!r}; a split must keep trials whole (or carry the mark LEAKY or WITHIN-TRIAL)."
        )
    shared = np.minimum(pairs["stop_a"], pairs["stop_b"]) - np.maximum(pairs["start_a"], pairs["start_b"])
    if (shared > _TOLERANCE_S).any():
        raise BadInput(f"fold {name}: {first} and {second} share {shared.max():.3f} s of the same signal; cut them apart.")

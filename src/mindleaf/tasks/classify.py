"""Classify: which label does this window carry?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from mindleaf.tasks.task import Asks, Task, label_columns


@dataclass(frozen=True)
class Classify(Task):
    """Classes are the values of one label column ("label" unless named: ``classify:emotion``), sorted.

    Windows without a label are left out.
    """

    name: ClassVar[str] = "classify"
    asks: ClassVar[Asks] = "labels"

    def cannot(self, windows: pd.DataFrame) -> str:
        column = self.column or "label"
        if column not in windows or column not in label_columns(windows):
            there = [name for name in label_columns(windows) if name in windows]
            return f"no label column {column!r}; label columns are: {', '.join(there) or 'none'}."
        classes = self.classes(windows)
        if len(classes) < 2:
            seen = repr(classes[0]) if classes else "none"
            return f"wanted at least two classes in column {column!r}, got {seen}."
        return ""

    def posed(self, windows: pd.DataFrame, seed: int) -> pd.DataFrame:
        labels = self._labels(windows)
        rows = windows[labels != ""].copy()
        number = {value: row for row, value in enumerate(self.classes(windows))}
        rows["target"] = labels[labels != ""].map(number).astype(int)
        rows["answer"] = -1
        return rows

    def classes(self, windows: pd.DataFrame) -> tuple[str, ...]:
        return tuple(sorted(set(self._labels(windows)) - {""}))

    def chance(self, rows: pd.DataFrame) -> float:
        return 1.0 / len(np.unique(rows["target"]))

    def not_applicable(self, rows: pd.DataFrame, system_asks: Asks) -> str:
        return "" if system_asks == "labels" else "the question is for a label; this system can only score sounds"

    @classmethod
    def variants(cls, windows: pd.DataFrame) -> list[Classify]:
        return [cls(), *(cls(column) for column in label_columns(windows) if column != "label")]

    def _labels(self, windows: pd.DataFrame) -> pd.Series:
        column = self.column or "label"
        values = windows[column] if column in windows else pd.Series("", index=windows.index)
        return values.astype(object).where(values.notna(), "").astype(str)

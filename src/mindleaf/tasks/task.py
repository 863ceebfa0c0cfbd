"""Task: what is asked of a window - which candidate, or which label."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal, Self

import pandas as pd

from mindleaf.errors import BadInput

Asks = Literal["candidates", "labels"]

#: Columns of a window table that say where a window comes from, never what it shows.
WINDOW_COLUMNS = frozenset(
    {"dataset", "subject", "session", "run", "recording", "trial", "start", "stop", "trial_stop", "window"}
    | {"attended", "n_candidates", "answer", "target"}
)


@dataclass(frozen=True)
class Task(ABC):
    """Base of the tasks.

    ``target`` names the attribute by which a system that hears nothing answers: "side" or "talker" of the attended stream.
    ``within_part``: what a window is asked depends on the windows beside it, so each part of a fold is prepared by itself.
    """

    name: ClassVar[str] = ""
    asks: ClassVar[Asks] = "labels"
    within_part: ClassVar[bool] = False

    column: str = ""
    target: str = "side"

    def prepare(self, windows: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
        """The rows that the task can ask about, with ``answer`` (candidate, from 0) and ``target`` (class, from 0).

        -1 stands where there is none. Raises BadInput where the data cannot serve the task, naming those that can.
        """
        reason = self.cannot(windows)
        if reason:
            able = ", ".join(able_tasks(windows)) or "none"
            raise BadInput(f"{self.title}: {reason} Tasks that can: {able}.")
        return self.posed(windows, seed).reset_index(drop=True)

    def learned(self, windows: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
        """What a system is fitted on, of the windows of a training part: as ``prepare`` unless a task says otherwise."""
        return self.prepare(windows, seed)

    @property
    def title(self) -> str:
        """The name by which ``build_task`` builds this task."""
        return f"{self.name}:{self.column}" if self.column else self.name

    @abstractmethod
    def cannot(self, windows: pd.DataFrame) -> str:
        """Why the windows cannot serve the task, "" where they can."""

    @abstractmethod
    def posed(self, windows: pd.DataFrame, seed: int) -> pd.DataFrame:
        """The prepared rows of windows that can serve."""

    @abstractmethod
    def classes(self, windows: pd.DataFrame) -> tuple[str, ...]:
        """What the numbers in ``target`` mean."""

    @abstractmethod
    def chance(self, rows: pd.DataFrame) -> float:
        """Balanced accuracy (or accuracy over candidates) of guessing on prepared rows."""

    @abstractmethod
    def not_applicable(self, rows: pd.DataFrame, system_asks: Asks) -> str:
        """Why a system that scores candidates or labels has nothing to learn from prepared rows, "" where it has."""

    @classmethod
    def variants(cls, windows: pd.DataFrame) -> list[Self]:
        """The forms of this task that one could ask of the windows."""
        return [cls()]

    def constant_attribute(self, rows: pd.DataFrame) -> list[str]:
        """Attributes that give the answer away because the attended stream always has the same one; none by default."""
        return []


def able_tasks(windows: pd.DataFrame) -> list[str]:
    """Titles of the tasks that the windows can serve."""
    tasks = [task for kind in _concrete() for task in kind.variants(windows)]
    return [task.title for task in tasks if not task.cannot(windows)]


def _concrete() -> list[type[Task]]:
    """Every task with a name, one's own included."""
    found, waiting = [], list(Task.__subclasses__())
    while waiting:
        kind = waiting.pop(0)
        waiting.extend(kind.__subclasses__())
        if kind.name:
            found.append(kind)
    return found


def label_columns(windows: pd.DataFrame) -> list[str]:
    """Columns that may hold labels: "label" first, then every other column that is neither place nor candidate."""
    candidate = ("stimulus_", "side_", "talker_", "audio_start_")
    others = [str(c) for c in windows if c not in WINDOW_COLUMNS | {"label"} and not str(c).startswith(candidate)]
    return ["label", *others]

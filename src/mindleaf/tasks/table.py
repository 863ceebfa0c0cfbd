"""The table of tasks and how a task is named: ``attention``, ``match_mismatch``, ``classify`` or ``classify:COLUMN``."""

from __future__ import annotations

from mindleaf.errors import BadInput
from mindleaf.tasks.attention import Attention
from mindleaf.tasks.classify import Classify
from mindleaf.tasks.match_mismatch import MatchMismatch
from mindleaf.tasks.task import Task

TASKS: dict[str, type[Task]] = {"attention": Attention, "match_mismatch": MatchMismatch, "classify": Classify}


def build_task(title: str, target: str = "side") -> Task:
    """The task of that name; raises BadInput listing those there are."""
    name, _, column = title.partition(":")
    if name not in TASKS:
        raise BadInput(f"task {title!r} is not known; there are: {', '.join(TASKS)} (classify also as classify:COLUMN).")
    return TASKS[name](column=column, target=target)

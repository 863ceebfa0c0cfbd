"""The table of tasks and how a task is named: ``attention``, ``classify:COLUMN``, ``retrieval_pool:K`` ..."""

from __future__ import annotations

from mindleaf.errors import BadInput
from mindleaf.tasks.attention import Attention
from mindleaf.tasks.classify import Classify
from mindleaf.tasks.emotion import Emotion
from mindleaf.tasks.match_mismatch import MatchMismatch
from mindleaf.tasks.retrieval import RetrievalDuo, RetrievalPool, RetrievalTrio
from mindleaf.tasks.task import Task

TASKS: dict[str, type[Task]] = {
    "attention": Attention,
    "match_mismatch": MatchMismatch,
    "retrieval_duo": RetrievalDuo,
    "retrieval_trio": RetrievalTrio,
    "retrieval_pool": RetrievalPool,
    "classify": Classify,
    "emotion": Emotion,
}
#: How they are named where a task has variants, for people.
NAMED = "attention, match_mismatch, retrieval_duo, retrieval_trio, retrieval_pool[:K], classify[:COLUMN], emotion[:COLUMN]"


def build_task(title: str, target: str = "side") -> Task:
    """The task of that name; raises BadInput listing those there are."""
    name, _, column = title.partition(":")
    if name not in TASKS:
        raise BadInput(f"task {title!r} is not known; there are: {NAMED}.")
    return TASKS[name](column=column, target=target)

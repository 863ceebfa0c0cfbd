"""Door 5: what is asked of a window."""

from mindleaf.tasks.attention import Attention
from mindleaf.tasks.classify import Classify
from mindleaf.tasks.emotion import Emotion
from mindleaf.tasks.match_mismatch import MatchMismatch
from mindleaf.tasks.retrieval import RetrievalDuo, RetrievalPool, RetrievalTrio
from mindleaf.tasks.table import TASKS, build_task
from mindleaf.tasks.task import Task, able_tasks

__all__ = [
    "TASKS",
    "Attention",
    "Classify",
    "Emotion",
    "MatchMismatch",
    "RetrievalDuo",
    "RetrievalPool",
    "RetrievalTrio",
    "Task",
    "able_tasks",
    "build_task",
]

"""Stage 2 of LEAF: the answer to an instruction must lie at the text of the window's label."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar, Literal

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from pydantic import field_validator
from torch import Tensor, nn

from mindleaf.batch import Batch
from mindleaf.config import Config
from mindleaf.errors import BadInput
from mindleaf.objectives.losses import Losses

#: Shares of windows that are told nothing, the task, or the task and its labels, in the published training.
AS_PUBLISHED = (0.01, 0.18, 0.81)


class InstructionObjective(Config):
    """Wants a ``models.language.LanguageModel`` and batches of one task with ``task`` and ``labels``.

    levels      shares of the instruction levels 0, 1 and 2; which one a window gets, and which phrase, are functions of the
                seed and the window id alone
    class_weights   of each task, empty for equal ones; they do not count where ``negatives`` is "all"
    negatives   "task": the other labels of the window's task; "all": the labels of all tasks, each text once, as published
    """

    levels: tuple[float, float, float] = (1 / 3, 1 / 3, 1 / 3)
    negatives: Literal["task", "all"] = "task"
    label_smoothing: float = 0.0
    adds_up: ClassVar[bool] = True
    class_weights: tuple[tuple[float, ...], ...] = ()

    @field_validator("levels")
    @classmethod
    def _shares(cls, levels: tuple[float, float, float]) -> tuple[float, float, float]:
        if min(levels) < 0 or abs(sum(levels) - 1) > 1e-6:
            raise ValueError(f"levels wants three shares that add up to 1, got {levels}")
        return levels

    def __call__(self, model: nn.Module, batch: Batch, seed: int) -> Losses:
        if batch.labels is None or batch.task is None:
            raise BadInput("instruction tuning wants batches with a task and labels, got one without; prepare them with a task.")
        language: Any = model
        task = int(batch.task[0])
        answers, right = self._answers(language, task, batch.labels)
        logits = language(replace(batch, instruction=self.told(language, batch, seed)), answers).float()
        weights = self.class_weights[task] if self.negatives == "task" and self.class_weights else ()
        balance = logits.new_tensor(weights) if weights else None
        loss = F.cross_entropy(logits, right, weight=balance, label_smoothing=self.label_smoothing, reduction="none").mean()
        with torch.no_grad():
            facts = {"accuracy": (logits.argmax(dim=1) == right).float().mean(), "scale": language.scale.detach()}
        return Losses(loss, {"instruction": loss}, facts)

    def told(self, language: Any, batch: Batch, seed: int) -> Float[Tensor, "batch text"]:
        """The instruction of each window."""
        assert batch.task is not None
        ids = range(len(batch)) if batch.window_ids is None else batch.window_ids.tolist()
        rows = []
        for number, task in zip(ids, batch.task.tolist(), strict=True):
            draw = np.random.default_rng([seed, number])
            level = int(draw.choice(3, p=self.levels))
            rows.append(language.instruction(task, level, int(draw.integers(1 << 16))))
        return torch.stack(rows)

    def _answers(self, language: Any, task: int, labels: Tensor) -> tuple[Float[Tensor, "label text"], Tensor]:
        if self.negatives == "task":
            return language.answers(task), labels
        everything = torch.cat([language.answers(number) for number in range(len(language.tasks))])
        distinct, where = everything.unique(dim=0, return_inverse=True)
        first = sum(len(other.texts) for other in language.tasks[:task])
        return distinct, where[first + labels]

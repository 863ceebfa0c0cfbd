"""Stage 3 for EEG-only tasks: cross-entropy over classes."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from mindleaf.batch import Batch
from mindleaf.config import Config
from mindleaf.errors import BadInput
from mindleaf.objectives.losses import Losses


class ClassificationObjective(Config):
    """Wants a model that gives (batch, class) logits. ``class_weights``: one per class, empty for equal weights."""

    label_smoothing: float = 0.0
    class_weights: tuple[float, ...] = ()

    def __call__(self, model: nn.Module, batch: Batch, seed: int) -> Losses:
        if batch.labels is None:
            raise BadInput("classification wants a batch with labels, got one without; prepare the windows with a task.")
        logits = model(batch).float()
        if self.class_weights and len(self.class_weights) != logits.shape[1]:
            raise BadInput(f"wanted {logits.shape[1]} class weights, got {len(self.class_weights)}; give one per class.")
        weights = logits.new_tensor(self.class_weights) if self.class_weights else None
        loss = F.cross_entropy(logits, batch.labels, weight=weights, label_smoothing=self.label_smoothing)
        with torch.no_grad():
            facts = {"accuracy": (logits.argmax(dim=1) == batch.labels).float().mean()}
        return Losses(loss, {"cross_entropy": loss}, facts)

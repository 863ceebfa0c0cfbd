"""Stage 2: among the sounds of a batch, find the one that was heard (InfoNCE, EEG to audio; MindMix, Eq. 10)."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor, nn

from mindleaf.batch import Batch
from mindleaf.config import Config
from mindleaf.errors import BadInput
from mindleaf.objectives.losses import Losses


class ContrastiveObjective(Config):
    """Wants a model with ``contrast(batch, unattended)`` and ``frame_rate``; stream 0 of the batch is what was heard.

    Windows that overlap in the same stimulus are not negatives of each other. ``unattended_weight`` > 0 adds a
    second term: the heard stream against the other streams of its own window (needs more than one stream);
    ``in_batch_weight`` 0 leaves that one alone. Facts: chance_loss (ln of the candidates a window had, what a
    model without any relation scores), top1 and its chance; the same for the unattended term.
    """

    in_batch_weight: float = 1.0
    unattended_weight: float = 0.0

    def __call__(self, model: nn.Module, batch: Batch, seed: int) -> Losses:
        if batch.audio is None or (self.unattended_weight > 0 and batch.audio.shape[1] < 2):
            raise BadInput("contrastive training wants audio (two streams for unattended negatives), got a batch without it.")
        aligned: Any = model
        contrast = aligned.contrast(batch, unattended=self.unattended_weight > 0)
        window_s = batch.audio.shape[-1] / aligned.frame_rate
        logits = contrast.pairs.float().masked_fill(same_sound(batch, window_s), -torch.inf)
        parts, facts = {}, _facts(logits, "")
        target = torch.arange(len(batch), device=logits.device)
        if self.in_batch_weight > 0:
            parts["in_batch"] = self.in_batch_weight * F.cross_entropy(logits, target)
        if contrast.unattended is not None:
            own = rearrange(contrast.pairs.diagonal(), "b -> b 1")
            choice = torch.cat((own, contrast.unattended), dim=1).float()
            parts["unattended"] = self.unattended_weight * F.cross_entropy(choice, torch.zeros_like(target))
            facts |= _facts(choice, "attended_", truth=torch.zeros_like(target))
        return Losses(torch.stack(list(parts.values())).sum(), parts, facts)


def same_sound(batch: Batch, window_s: float) -> Bool[Tensor, "batch batch"]:
    """True for pairs of different windows whose heard streams overlap in the same stimulus."""
    n = len(batch)
    if batch.audio_id is None or batch.audio_start is None:
        return torch.zeros(n, n, dtype=torch.bool, device=batch.eeg.device)
    ids, starts = batch.audio_id[:, 0], batch.audio_start[:, 0]
    equal = rearrange(ids, "n -> n 1") == ids
    near = (rearrange(starts, "n -> n 1") - starts).abs() < window_s - 1e-6
    return equal & near & ~torch.eye(n, dtype=torch.bool, device=ids.device)


@torch.no_grad()
def _facts(logits: Float[Tensor, "batch option"], prefix: str, truth: Tensor | None = None) -> dict[str, Tensor]:
    truth = torch.arange(len(logits), device=logits.device) if truth is None else truth
    n_options = torch.isfinite(logits).sum(dim=1).float()
    return {
        f"{prefix}top1": (logits.argmax(dim=1) == truth).float().mean(),
        f"{prefix}chance_top1": (1.0 / n_options).mean(),
        f"{prefix}chance_loss": n_options.log().mean(),
    }

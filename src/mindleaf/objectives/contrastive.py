"""Stage 2: among the sounds of a batch, find the one that was heard (InfoNCE, EEG to audio; MindMix, Eq. 10)."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from mindleaf.batch import Batch
from mindleaf.config import Config
from mindleaf.errors import BadInput
from mindleaf.layers import ranks
from mindleaf.objectives.losses import Losses

#: What windows bring to the place where they meet, by name; windows first.
Embedded = dict[str, Tensor]


class ContrastiveObjective(Config):
    """Wants a model with ``sides(batch)``, ``contrast(batch, unattended, sides)`` and ``frame_rate``; stream 0 of the batch is what was heard.

    Windows that overlap in the same stimulus are not negatives of each other. ``unattended_weight`` > 0 adds a
    second term: the heard stream against the other streams of its own window (needs more than one stream);
    ``in_batch_weight`` 0 leaves that one alone. Facts: chance_loss (ln of the candidates a window had, what a
    model without any relation scores), top1 and its chance; the same for the unattended term.
    """

    in_batch_weight: float = 1.0
    unattended_weight: float = 0.0

    def __call__(self, model: nn.Module, batch: Batch, seed: int) -> Losses:
        return self.compare(model, batch, self.embed(model, batch, seed), seed)

    def embed(self, model: nn.Module, batch: Batch, seed: int) -> Embedded:
        """The part that works on each window by itself, so that a large batch can be embedded piece by piece."""
        if batch.audio is None or (self.unattended_weight > 0 and batch.audio.shape[1] < 2):
            raise BadInput("contrastive training wants audio (two streams for unattended negatives), got a batch without it.")
        return model.sides(batch)  # type: ignore[operator]

    def compare(self, model: nn.Module, batch: Batch, embedded: Embedded, seed: int) -> Losses:
        """The part in which the windows meet: those of this process are to find their sound among everyone's."""
        aligned: Any = model
        assert batch.audio is not None
        contrast = aligned.contrast(batch, unattended=self.unattended_weight > 0, sides=embedded)
        window_s = batch.audio.shape[-1] / aligned.frame_rate
        logits = contrast.pairs.float().masked_fill(same_sound(batch, window_s), -torch.inf)
        target = own_places(len(batch), logits.device)
        parts, facts = {}, _facts(logits, "", truth=target)
        if self.in_batch_weight > 0:
            parts["in_batch"] = self.in_batch_weight * F.cross_entropy(logits, target)
        if contrast.unattended is not None:
            own = contrast.pairs.gather(1, rearrange(target, "b -> b 1"))
            choice = torch.cat((own, contrast.unattended), dim=1).float()
            first = torch.zeros_like(target)
            parts["unattended"] = self.unattended_weight * F.cross_entropy(choice, first)
            facts |= _facts(choice, "attended_", truth=first)
        return Losses(torch.stack(list(parts.values())).sum(), parts, facts)


def own_places(n: int, device: torch.device) -> Int[Tensor, " batch"]:
    """Where this process's ``n`` windows stand among everyone's."""
    return torch.arange(n, device=device) + ranks.first_window()


def other_windows(n: int, n_everyone: int, device: torch.device) -> Bool[Tensor, "batch everyone"]:
    """False where a window of this process meets itself."""
    return rearrange(own_places(n, device), "n -> n 1") != torch.arange(n_everyone, device=device)


def same_sound(batch: Batch, window_s: float) -> Bool[Tensor, "batch everyone"]:
    """True for pairs of different windows whose heard streams overlap in the same stimulus; columns: everyone's windows."""
    if batch.audio_id is None or batch.audio_start is None:
        return torch.zeros(1, 1, dtype=torch.bool, device=batch.eeg.device)
    ids, starts = batch.audio_id[:, 0], batch.audio_start[:, 0]
    all_ids, all_starts = ranks.of_all(ids), ranks.of_all(starts)
    equal = rearrange(ids, "n -> n 1") == all_ids
    near = (rearrange(starts, "n -> n 1") - all_starts).abs() < window_s - 1e-6
    return equal & near & other_windows(len(batch), len(all_ids), ids.device)


@torch.no_grad()
def _facts(logits: Float[Tensor, "batch option"], prefix: str, truth: Int[Tensor, " batch"]) -> dict[str, Tensor]:
    n_options = torch.isfinite(logits).sum(dim=1).float()
    return {
        f"{prefix}top1": (logits.argmax(dim=1) == truth).float().mean(),
        f"{prefix}chance_top1": (1.0 / n_options).mean(),
        f"{prefix}chance_loss": n_options.log().mean(),
    }

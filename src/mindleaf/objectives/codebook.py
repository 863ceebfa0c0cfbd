"""Stage 1: name the codes of hidden patches, reconstruct the spectrum, keep the codebook close (MindMix, Eq. 2 and 3)."""

from __future__ import annotations

from typing import Any, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from mindleaf.batch import Batch
from mindleaf.config import Config
from mindleaf.layers.masking import hidden_tokens
from mindleaf.layers.quantizer import perplexity, usage
from mindleaf.layers.spectrum import angle_distance, fourier_targets
from mindleaf.objectives.losses import Losses


class CodebookObjective(Config):
    """Wants a model called as ``model(batch, hidden)`` with the outputs of ``models.pretraining.Pretrained``.

    Mask ratio and weights are not in the paper. ``phase`` must be the model's: "direction" is 1 - cos of the angle
    between, "l2_raw" the squared difference of raw angles (Eq. 3), which jumps at pi. The mask is a function of the
    seed and the window ids alone. Parts: masked (L_M), amplitude and phase (L_S), codebook (L_Q).
    """

    mask_ratio: float = 0.5
    masked_weight: float = 1.0
    spectrum_weight: float = 1.0
    codebook_weight: float = 1.0
    phase: Literal["direction", "l2_raw"] = "direction"

    def __call__(self, model: nn.Module, batch: Batch, seed: int) -> Losses:
        pretraining: Any = model
        present = pretraining.present(batch)
        window_ids = torch.arange(len(batch)) if batch.window_ids is None else batch.window_ids
        hidden = hidden_tokens(window_ids, present, self.mask_ratio, seed)
        said = model(batch, hidden)
        codes = said.ids[hidden]
        amplitude, phase = self._spectrum(said)
        parts = {
            "masked": self.masked_weight * F.cross_entropy(said.logits.float(), codes),
            "amplitude": self.spectrum_weight * amplitude,
            "phase": self.spectrum_weight * phase,
            "codebook": self.codebook_weight * said.commitment,
        }
        total = torch.stack(list(parts.values())).sum()
        return Losses(total, parts, _codebook_facts(said.logits, codes, said.ids[said.present]))

    def _spectrum(self, said: Any) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        amplitude, phase = fourier_targets(said.patches)
        if self.phase == "direction":
            distance = angle_distance(said.direction.float(), phase)
        else:
            distance = (said.direction.float().squeeze(-1) - phase).square()
        error = (said.amplitude.float() - amplitude).square()
        return _mean_over(error, said.present), _mean_over(distance, said.present)


def _mean_over(
    values: Float[Tensor, "batch channel patch frequency"], present: Bool[Tensor, "batch channel patch"]
) -> Float[Tensor, ""]:
    return (values.mean(dim=-1) * present).sum() / present.sum().clamp_min(1)


@torch.no_grad()
def _codebook_facts(logits: Tensor, codes: Tensor, ids: Tensor) -> dict[str, Tensor]:
    n_codes = logits.shape[1]
    share = torch.bincount(codes, minlength=n_codes).float() / max(1, len(codes))
    return {
        "masked_accuracy": (logits.argmax(dim=1) == codes).float().mean(),
        # The accuracy of always naming the most frequent code: what the masked accuracy must beat.
        "masked_chance": share.max(),
        "perplexity": perplexity(ids, n_codes),
        "usage": usage(ids, n_codes),
    }

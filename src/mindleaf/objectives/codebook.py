"""Stage 1: name the codes of hidden patches, reconstruct the spectrum, keep the codebook close (MindMix, Eq. 2 and 3)."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from mindleaf.batch import Batch
from mindleaf.config import Config
from mindleaf.layers.masking import hidden_tokens
from mindleaf.layers.quantizer import code_counts, perplexity, usage
from mindleaf.layers.spectrum import angle_distance, fourier_targets
from mindleaf.objectives.losses import Losses, mean_over_windows

_PerFrequency = Float[Tensor, "batch channel patch frequency"]


class CodebookObjective(Config):
    """Wants a model called as ``model(batch, hidden, spectrum)`` with the outputs of ``models.pretraining.Pretrained``.

    Mask ratio and weights are not in the paper. ``phase`` must be the model's: "direction" is 1 - cos of the angle
    between, "l2_raw" the squared difference of raw angles (Eq. 3), which jumps at pi. The mask is a function of the
    seed and the window ids alone. ``bins``: first and last frequency (Hz) whose errors count, all where None; beyond the
    pass band of the signal there is little but what the cut edges of a patch spread over all frequencies. Parts: masked (L_M), amplitude and phase (L_S), codebook (L_Q). ``branches`` leaves
    some of them out: "tokenizer" has no L_M, "masked" nothing else.
    """

    mask_ratio: float = 0.5
    masked_weight: float = 1.0
    spectrum_weight: float = 1.0
    codebook_weight: float = 1.0
    phase: Literal["direction", "l2_raw"] = "direction"
    bins: tuple[int, int] | None = None
    adds_up: ClassVar[bool] = True
    branches: Literal["both", "tokenizer", "masked"] = "both"

    def __call__(self, model: nn.Module, batch: Batch, seed: int) -> Losses:
        said, hidden = self.ask(model, batch, seed)
        parts: dict[str, Float[Tensor, ""]] = {}
        facts = _usage_facts(said)
        if said.logits is not None:
            codes = said.ids[hidden]
            errors = torch.zeros(hidden.shape, device=hidden.device)
            errors[hidden] = F.cross_entropy(said.logits.float(), codes, reduction="none")
            parts["masked"] = self.masked_weight * mean_over_windows(errors, hidden)
            facts = _naming_facts(said.logits, codes) | facts
        if said.amplitude is not None:
            for name, error in zip(("amplitude", "phase"), self.spectrum_errors(said), strict=True):
                counted = error if self.bins is None else error[..., self.bins[0] : self.bins[1] + 1]
                parts[name] = self.spectrum_weight * mean_over_windows(counted.mean(dim=-1), said.present)
            parts["codebook"] = self.codebook_weight * mean_over_windows(said.commitment, said.present)
        return Losses(torch.stack(list(parts.values())).sum(), parts, facts)

    def ask(self, model: nn.Module, batch: Batch, seed: int) -> tuple[Any, Bool[Tensor, "batch channel patch"]]:
        """What the model says of a batch, and which tokens were hidden from it (none without the masked branch)."""
        pretraining: Any = model
        present = pretraining.present(batch)
        if self.branches == "tokenizer":
            return model(batch, None), torch.zeros_like(present)
        window_ids = torch.arange(len(batch)) if batch.window_ids is None else batch.window_ids
        hidden = hidden_tokens(window_ids, present, self.mask_ratio, seed)
        return model(batch, hidden, self.branches == "both"), hidden

    def spectrum_errors(self, said: Any) -> tuple[_PerFrequency, _PerFrequency]:
        """Error of amplitude and of phase, for each token and frequency, unweighted."""
        amplitude, phase = fourier_targets(said.patches)
        if self.phase == "direction":
            distance = angle_distance(said.direction.float(), phase)
        else:
            distance = (said.direction.float().squeeze(-1) - phase).square()
        return (said.amplitude.float() - amplitude).square(), distance


@torch.no_grad()
def _naming_facts(logits: Float[Tensor, "hidden code"], codes: Int[Tensor, " hidden"]) -> dict[str, Tensor]:
    n_codes = logits.shape[1]
    counts = code_counts(codes, n_codes)
    return {
        "masked_accuracy": (logits.argmax(dim=1) == codes).float().mean(),
        # The accuracy of always naming the most frequent code: what the masked accuracy must beat.
        "masked_chance": counts.max() / counts.sum().clamp_min(1),
        # What the masked loss must beat, in nats. A batch has too few tokens to show all codes: too low by a little.
        "unigram": perplexity(codes, n_codes).log(),
    }


@torch.no_grad()
def _usage_facts(said: Any) -> dict[str, Tensor]:
    ids, n_codes = said.ids[said.present], said.n_codes
    return {"perplexity": perplexity(ids, n_codes), "usage": usage(ids, n_codes)}

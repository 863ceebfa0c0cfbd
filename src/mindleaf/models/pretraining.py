"""Stage 1: the encoder with the two heads that teach it (MindMix, section 3.2 and Figure 2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from einops import rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from mindleaf.batch import Batch
from mindleaf.config import Config
from mindleaf.encoders.mindmix import PATCH_SAMPLES, MindMixConfig, MindMixEncoder, presence
from mindleaf.layers.transformer import Transformer
from mindleaf.models.facts import ModelFacts


@dataclass(eq=False)
class Pretrained:
    """What the two branches say about a batch.

    patches    the signal's patches                    present   which tokens exist
    ids        code of each token (-1 where absent)    logits    code logits of the hidden tokens, in mask order
    amplitude, direction   predicted spectrum of every patch; phase as a direction (cos, sin) or, in the raw form, an angle
    commitment             loss of the codebook
    """

    patches: Float[Tensor, "batch channel patch sample"]
    present: Bool[Tensor, "batch channel patch"]
    ids: Int[Tensor, "batch channel patch"]
    logits: Float[Tensor, "hidden code"]
    amplitude: Float[Tensor, "batch channel patch frequency"]
    direction: Float[Tensor, "batch channel patch frequency phase"]
    commitment: Float[Tensor, ""]


class PretrainingModel(nn.Module):
    """Hidden tokens are replaced by one learned vector before the transformer, which must name their codes; a small
    transformer on the unhidden codes must give the spectrum of each patch.

    Patches and codebook learn from the spectrum alone: naming codes is easiest when there is only one, and a gradient
    from there into the tokens makes it so within a few steps.
    """

    def __init__(self, encoder: MindMixEncoder, *, spectral_depth: int, heads: int, hidden: int, phase_width: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.hidden_token = nn.Parameter(torch.randn(encoder.width) * 0.02)
        self.code_head = nn.Linear(encoder.width, encoder.n_codes)
        self.spectral = Transformer(encoder.width, spectral_depth, heads, hidden, drop_path=0.0)
        self.n_frequencies = PATCH_SAMPLES // 2 + 1
        self.amplitude_head = nn.Linear(encoder.width, self.n_frequencies)
        self.phase_head = nn.Linear(encoder.width, self.n_frequencies * phase_width)
        nn.init.trunc_normal_(self.code_head.weight, std=0.02)

    def present(self, batch: Batch) -> Bool[Tensor, "batch channel patch"]:
        """Which tokens of the batch exist; the objective hides some of these."""
        return presence(batch, self.encoder.cut(batch).shape[2])

    def forward(self, batch: Batch, hidden: Bool[Tensor, "batch channel patch"]) -> Pretrained:
        encoder = self.encoder
        patches = encoder.cut(batch)
        present = presence(batch, patches.shape[2])
        tokens = encoder.patching(patches)
        coded = encoder.code(tokens, present)
        seen = (tokens if encoder.vq_input == "bypass" else coded.values).detach()
        visible = torch.where(hidden.unsqueeze(-1), self.hidden_token.to(seen.dtype), seen)
        context, mask = encoder.contextualise(visible, batch, present)
        spectral = self.spectral(rearrange(encoder.place(coded.values, batch), "b c p w -> b (c p) w"), mask)
        spectral = rearrange(spectral, "b (c p) w -> b c p w", p=patches.shape[2])
        phase = rearrange(self.phase_head(spectral), "b c p (f d) -> b c p f d", f=self.n_frequencies)
        logits = self.code_head(context[rearrange(hidden, "b c p -> b (c p)")])
        return Pretrained(patches, present, coded.ids, logits, self.amplitude_head(spectral), phase, coded.loss)


class PretrainingConfig(Config):
    """The depth of the spectral transformer is not in the paper; three layers. ``phase``: "direction" learns the angle as a
    point on the circle, "l2_raw" regresses the raw angle as Eq. 3 is printed."""

    encoder: MindMixConfig = MindMixConfig()
    spectral_depth: int = 3
    phase: Literal["direction", "l2_raw"] = "direction"

    @classmethod
    def preset(cls, name: str) -> PretrainingConfig:
        return cls(encoder=MindMixConfig.preset(name), spectral_depth=1 if name == "tiny" else 3)

    def build(self, facts: ModelFacts) -> PretrainingModel:
        return PretrainingModel(
            self.encoder.build(facts.n_electrodes),
            spectral_depth=self.spectral_depth,
            heads=self.encoder.heads,
            hidden=self.encoder.hidden,
            phase_width=2 if self.phase == "direction" else 1,
        )

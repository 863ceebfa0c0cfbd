"""Stage 1: the encoder with the two heads that teach it (MindMix, section 3.2 and Figure 2)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Self

import torch
import torch.nn.functional as F
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
    """What the two branches say about a batch; what belongs to a branch that was not asked is None.

    patches    the signal's patches                    present   which tokens exist
    ids        code of each token (-1 where absent)    logits    code logits of the hidden tokens, in mask order
    amplitude, direction   predicted spectrum of every patch; phase as a direction (cos, sin) or, in the raw form, an angle
    commitment             codebook loss of each token    n_codes   size of the codebook
    """

    patches: Float[Tensor, "batch channel patch sample"]
    present: Bool[Tensor, "batch channel patch"]
    ids: Int[Tensor, "batch channel patch"]
    commitment: Float[Tensor, "batch channel patch"]
    n_codes: int
    logits: Float[Tensor, "hidden code"] | None = None
    amplitude: Float[Tensor, "batch channel patch frequency"] | None = None
    direction: Float[Tensor, "batch channel patch frequency phase"] | None = None


class CodeHead(nn.Module):
    """Logits of the codes: the cosine between a direction read from the context and each code, and how common the code is.

    The output embedding is the tokenizer's codebook itself (tied, as in Press and Wolf 2017), without a gradient into it:
    a code that moves takes its logit along, codes that are close get close logits, and a hidden token that is like its
    neighbour is named by pointing where the neighbour's code lies.
    """

    def __init__(self, width: int, n_codes: int, code_width: int) -> None:
        super().__init__()
        self.direction = nn.Linear(width, code_width)
        self.common = nn.Parameter(torch.zeros(n_codes))
        self.log_scale = nn.Parameter(torch.tensor(math.log(10.0)))

    def forward(
        self, context: Float[Tensor, "hidden width"], codes: Float[Tensor, "code narrow"]
    ) -> Float[Tensor, "hidden code"]:
        cosine = F.normalize(self.direction(context), dim=-1) @ codes.to(context.dtype).T
        return self.log_scale.exp() * (cosine + self.common)


class PretrainingModel(nn.Module):
    """Hidden tokens are replaced by one learned vector before the transformer, which must name their codes; a small
    transformer on the unhidden codes must give the spectrum of each patch.

    Patches and codebook learn from the spectrum alone: naming codes is easiest when there is only one, and a gradient
    from there into the tokens makes it so within a few steps. With ``freeze_tokenizer`` they learn no more at all: the
    second of two phases, in which the transformer names the codes of a finished codebook.
    """

    def __init__(self, encoder: MindMixEncoder, *, spectral_depth: int, heads: int, hidden: int, phase_width: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.hidden_token = nn.Parameter(torch.randn(encoder.width) * 0.02)
        self.code_head = CodeHead(encoder.width, encoder.n_codes, encoder.code_width)
        self.spectral = Transformer(encoder.width, spectral_depth, heads, hidden, drop_path=0.0)
        self.n_frequencies = PATCH_SAMPLES // 2 + 1
        self.amplitude_head = nn.Linear(encoder.width, self.n_frequencies)
        self.phase_head = nn.Linear(encoder.width, self.n_frequencies * phase_width)
        self.tokenizer_is_frozen = False

    def freeze_tokenizer(self) -> None:
        """Fix which code each patch gets: no gradient to patches, codebook and spectral branch, no moving averages."""
        for part in (
            self.encoder.patching, self.encoder.quantizer, self.spectral, self.amplitude_head, self.phase_head,
        ):  # fmt: skip
            part.requires_grad_(False)
        self.tokenizer_is_frozen = True
        self.train(self.training)

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        if self.tokenizer_is_frozen:
            self.encoder.quantizer.eval()
        return self

    def present(self, batch: Batch) -> Bool[Tensor, "batch channel patch"]:
        """Which tokens of the batch exist; the objective hides some of these."""
        return presence(batch, self.encoder.cut(batch).shape[2])

    def forward(self, batch: Batch, hidden: Bool[Tensor, "batch channel patch"] | None, spectrum: bool = True) -> Pretrained:
        """``hidden``: tokens whose codes are to be named, None to skip that branch; ``spectrum``: whether to run the other."""
        encoder = self.encoder
        patches = encoder.cut(batch)
        present = presence(batch, patches.shape[2])
        tokens = encoder.patching(patches)
        coded = encoder.code(tokens, present)
        said = Pretrained(patches, present, coded.ids, coded.loss, encoder.n_codes)
        if hidden is not None:
            seen = (tokens if encoder.vq_input == "bypass" else coded.values).detach()
            visible = torch.where(hidden.unsqueeze(-1), self.hidden_token.to(seen.dtype), seen)
            context, _ = encoder.contextualise(visible, batch, present)
            said.logits = self.code_head(context[rearrange(hidden, "b c p -> b (c p)")], encoder.quantizer.codes)
        if spectrum:
            said.amplitude, said.direction = self._spectrum(encoder.place(coded.values, batch), present)
        return said

    def _spectrum(
        self, placed: Float[Tensor, "batch channel patch width"], present: Bool[Tensor, "batch channel patch"]
    ) -> tuple[Float[Tensor, "batch channel patch frequency"], Float[Tensor, "batch channel patch frequency phase"]]:
        n_patches = placed.shape[2]
        context = self.spectral(rearrange(placed, "b c p w -> b (c p) w"), rearrange(present, "b c p -> b (c p)"))
        context = rearrange(context, "b (c p) w -> b c p w", p=n_patches)
        phase = rearrange(self.phase_head(context), "b c p (f d) -> b c p f d", f=self.n_frequencies)
        return self.amplitude_head(context), phase


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

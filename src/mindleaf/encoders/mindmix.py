"""The MindMix EEG encoder: one-second patches of single channels, written in codes, placed on the head, put in context."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

import torch
from einops import rearrange
from jaxtyping import Bool, Float, Int
from pydantic import model_validator
from torch import Tensor, nn

from mindleaf.batch import Batch
from mindleaf.config import Config
from mindleaf.errors import BadInput
from mindleaf.layers.patching import PatchEmbedding, cut_patches
from mindleaf.layers.positions import PatchNumberEmbedding, SpatialEmbedding
from mindleaf.layers.quantizer import Quantizer
from mindleaf.layers.transformer import Transformer

#: Samples of a patch: one second at 200 Hz.
PATCH_SAMPLES = 200

VqInput = Literal["straight_through", "bypass"]


@dataclass(frozen=True)
class CodedTokens:
    """Tokens written in codes.

    values  the codes' vectors, gradients straight through to the tokens; no position added yet; zeros where absent
    ids     code of each token, -1 where no token is present
    loss    commitment loss of each token, zero outside training and where absent
    """

    values: Float[Tensor, "batch channel patch width"]
    ids: Int[Tensor, "batch channel patch"]
    loss: Float[Tensor, "batch channel patch"]


class MindMixEncoder(nn.Module):
    """CNN(patch) -> codebook -> + patch number + electrode (Eq. 1) -> transformer. Any number of channels in any order.

    ``vq_input``: "straight_through" feeds the transformer with codes as in the paper, "bypass" with the tokens before
    quantisation (the codebook still gives the targets of pretraining).
    """

    def __init__(
        self,
        n_electrodes: int,
        *,
        width: int = 200,
        depth: int = 12,
        heads: int = 10,
        hidden: int = 800,
        n_codes: int = 8192,
        code_width: int = 32,
        drop_path: float = 0.1,
        max_patches: int = 32,
        vq_input: VqInput = "straight_through",
    ) -> None:
        super().__init__()
        self.width, self.n_codes, self.code_width = width, n_codes, code_width
        self.max_patches, self.vq_input = max_patches, vq_input
        self.patching = PatchEmbedding(width, PATCH_SAMPLES)
        self.quantizer = Quantizer(width, n_codes, code_width)
        self.space = SpatialEmbedding(n_electrodes, width)
        self.order = PatchNumberEmbedding(max_patches, width)
        self.transformer = Transformer(width, depth, heads, hidden, drop_path=drop_path)

    def forward(
        self, batch: Batch, patch_mask: Bool[Tensor, "batch patch"] | None = None
    ) -> tuple[Float[Tensor, "batch token width"], Bool[Tensor, "batch token"]]:
        """Tokens, channel by channel (token = channel x patch), and which of them exist; the others are zeros.

        A last partial patch of the signal is not read. Raises BadInput on windows longer than ``max_patches`` seconds.
        ``patch_mask`` marks the patches that exist, where windows were padded in time.
        """
        patches = self.cut(batch)
        present = presence(batch, patches.shape[2], patch_mask)
        tokens = self.patching(patches)
        values = tokens if self.vq_input == "bypass" else self.code(tokens, present).values
        return self.contextualise(values, batch, present)

    def cut(self, batch: Batch) -> Float[Tensor, "batch channel patch sample"]:
        patches = cut_patches(batch.eeg, PATCH_SAMPLES)
        if patches.shape[2] > self.max_patches:
            raise BadInput(
                f"the encoder takes windows of up to {self.max_patches} s, got {patches.shape[2]} s; cut them into chunks."
            )
        return patches

    def code(
        self, tokens: Float[Tensor, "batch channel patch width"], present: Bool[Tensor, "batch channel patch"]
    ) -> CodedTokens:
        """Write the present tokens in codes; absent ones neither move the codebook nor count as used."""
        if torch.compiler.is_exporting():
            return self._code_all(tokens, present)
        quantized = self.quantizer(tokens[present])
        ids = torch.full(present.shape, -1, dtype=torch.long, device=tokens.device)
        ids[present] = quantized.ids
        values = torch.zeros_like(tokens)
        values[present] = quantized.values.to(tokens.dtype)
        loss = tokens.new_zeros(present.shape)
        loss[present] = quantized.loss.to(loss.dtype)
        return CodedTokens(values, ids, loss)

    def _code_all(
        self, tokens: Float[Tensor, "batch channel patch width"], present: Bool[Tensor, "batch channel patch"]
    ) -> CodedTokens:
        """The same for an exported program, which cannot choose tokens by a mask: all are coded, absent ones dropped after."""
        quantized = self.quantizer(rearrange(tokens, "b c p w -> (b c p) w"))
        values = quantized.values.view_as(tokens) * present.unsqueeze(-1)
        return CodedTokens(values, torch.where(present, quantized.ids.view_as(present), -1), quantized.loss)

    def place(
        self, values: Float[Tensor, "batch channel patch width"], batch: Batch
    ) -> Float[Tensor, "batch channel patch width"]:
        """Add patch number and electrode (Eq. 1)."""
        space = rearrange(self.space(batch.channel_index, batch.positions), "b c w -> b c 1 w")
        return values + space + self.order(values.shape[2])

    def contextualise(
        self, values: Float[Tensor, "batch channel patch width"], batch: Batch, present: Bool[Tensor, "batch channel patch"]
    ) -> tuple[Float[Tensor, "batch token width"], Bool[Tensor, "batch token"]]:
        mask = rearrange(present, "b c p -> b (c p)")
        return self.transformer(rearrange(self.place(values, batch), "b c p w -> b (c p) w"), mask), mask


def presence(
    batch: Batch, n_patches: int, patch_mask: Bool[Tensor, "batch patch"] | None = None
) -> Bool[Tensor, "batch channel patch"]:
    """Which tokens exist: those of usable channels, in patches that are not padding."""
    channels = rearrange(batch.channel_mask, "b c -> b c 1")
    if patch_mask is None:
        return channels.expand(-1, -1, n_patches)
    return channels & rearrange(patch_mask, "b p -> b 1 p")


def masked_mean(tokens: Float[Tensor, "batch token width"], mask: Bool[Tensor, "batch token"]) -> Float[Tensor, "batch width"]:
    """Mean over the tokens that exist; zeros for a window that has none."""
    weights = mask.unsqueeze(-1).to(tokens.dtype)
    return (tokens * weights).sum(dim=1) / weights.sum(dim=1).clamp_min(1.0)


class MindMixConfig(Config):
    """Size of the encoder. The default is the paper's (Table A2); ``preset`` gives smaller ones.

    The codebook's size is not in the paper; 8192 codes of 32 dimensions follow LaBraM.
    """

    width: int = 200
    depth: int = 12
    heads: int = 10
    hidden: int = 800
    n_codes: int = 8192
    code_width: int = 32
    drop_path: float = 0.1
    max_patches: int = 32
    vq_input: VqInput = "straight_through"

    @model_validator(mode="after")
    def _heads_divide_width(self) -> Self:
        if self.width % self.heads:
            raise ValueError(f"width must be a multiple of heads, got {self.width} and {self.heads}")
        return self

    @classmethod
    def preset(cls, name: str) -> MindMixConfig:
        """The named size; raises BadInput listing those there are."""
        if name not in PRESETS:
            raise BadInput(f"encoder preset {name!r} is not known; there are: {', '.join(PRESETS)}.")
        return PRESETS[name]

    def build(self, n_electrodes: int) -> MindMixEncoder:
        """``n_electrodes``: rows of the electrode table (``len(montage.ELECTRODES)``)."""
        return MindMixEncoder(n_electrodes, **self.model_dump())


PRESETS: dict[str, MindMixConfig] = {
    "tiny": MindMixConfig(width=64, depth=2, heads=4, hidden=256, n_codes=256, code_width=16, drop_path=0.0),
    "small": MindMixConfig(width=128, depth=4, heads=4, hidden=512, n_codes=1024, drop_path=0.05),
    "base": MindMixConfig(),
}

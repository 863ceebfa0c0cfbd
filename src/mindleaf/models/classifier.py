"""Encoder, pooled, with a linear head: EEG-only classification."""

from __future__ import annotations

from typing import Self

import torch
from einops import rearrange
from jaxtyping import Float
from pydantic import model_validator
from torch import Tensor, nn

from mindleaf.batch import Batch
from mindleaf.config import Config
from mindleaf.encoders.choice import EEGEncoder, EncoderConfig
from mindleaf.encoders.mindmix import PATCH_SAMPLES, MindMixConfig, masked_mean
from mindleaf.encoders.stem import BandPowerStem
from mindleaf.models.chunking import encode_in_chunks
from mindleaf.models.facts import ModelFacts


class Classifier(nn.Module):
    """Mean of the encoder's tokens and, beside it, log power of learned spatial and band filters; then one linear layer.

    The patch convolutions normalise each patch, so how *strong* an oscillation is reaches the head through the second
    path. Windows longer than ``chunk`` seconds are encoded in chunks.
    """

    def __init__(
        self, encoder: EEGEncoder | None, stem: BandPowerStem | None, n_classes: int, *, chunk: int = 2, dropout: float = 0.1
    ) -> None:
        super().__init__()
        self.encoder, self.stem, self.chunk = encoder, stem, chunk
        width = (encoder.width if encoder else 0) + (stem.width if stem else 0)
        self.token_norm = nn.LayerNorm(encoder.width) if encoder else None
        # Zero at the start, as in alignment: the encoder is heard as far as it helps, and cannot drown the band power.
        self.gate = nn.Parameter(torch.zeros(())) if encoder and stem else None
        self.dropout = nn.Dropout(dropout)
        self.final_layer = nn.Linear(width, n_classes)
        nn.init.trunc_normal_(self.final_layer.weight, std=0.01)
        nn.init.zeros_(self.final_layer.bias)

    @property
    def readout(self) -> list[nn.Module]:
        """What a linear probe trains."""
        return [self.final_layer]

    def features(self, batch: Batch) -> Float[Tensor, "batch width"]:
        """What the head sees: the pooled tokens, then the log powers."""
        parts = []
        if self.encoder is not None and self.token_norm is not None:
            n_patches = max(1, batch.eeg.shape[-1] // PATCH_SAMPLES)
            tokens, mask = encode_in_chunks(self.encoder, batch, n_patches, min(self.chunk, n_patches))
            pooled = masked_mean(rearrange(tokens, "b c p w -> b (c p) w"), rearrange(mask, "b c p -> b (c p)"))
            parts.append(self.token_norm(pooled) if self.gate is None else self.gate * self.token_norm(pooled))
        if self.stem is not None:
            parts.append(self.stem(batch))
        return torch.cat(parts, dim=-1)

    def forward(self, batch: Batch) -> Float[Tensor, "batch class"]:
        return self.final_layer(self.dropout(self.features(batch)))


class ClassifierConfig(Config):
    """``power_filters`` 0 leaves the encoder alone; ``encoder`` None leaves the band-power path alone."""

    encoder: EncoderConfig | None = MindMixConfig()
    power_sources: int = 16
    power_filters: int = 64
    power_kernel: int = 200
    chunk: int = 2
    dropout: float = 0.1

    @model_validator(mode="after")
    def _hears_something(self) -> Self:
        if self.encoder is None and not self.power_filters:
            raise ValueError("a classifier wants an encoder, power_filters, or both; got neither")
        return self

    @classmethod
    def preset(cls, name: str) -> Self:
        return cls(encoder=MindMixConfig.preset(name))

    def build(self, facts: ModelFacts) -> Classifier:
        """``facts.classes`` sets the head's size."""
        stem = None
        if self.power_filters:
            stem = BandPowerStem(
                facts.n_electrodes,
                sources=self.power_sources,
                filters=self.power_filters,
                kernel=self.power_kernel,
                sfreq=facts.sfreq,
            )
        encoder = None if self.encoder is None else self.encoder.build(facts.n_electrodes)
        return Classifier(encoder, stem, len(facts.classes), chunk=self.chunk, dropout=self.dropout)

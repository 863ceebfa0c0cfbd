"""Spectral-temporal reconstruction: the LEAF tower with the heads that teach it (LEAF, stage 1)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor, nn

from mindleaf.batch import Batch
from mindleaf.config import Config
from mindleaf.encoders.leaf import CHANNELS, TOKEN_SAMPLES, LeafConfig, LeafTower
from mindleaf.layers.spectrum import without_band
from mindleaf.models.facts import ModelFacts

_STEPS = 20


@dataclass(eq=False)
class Reconstructed:
    """clean: the windows to be found, ``present`` which exist; seen: the same without the band that was taken out; filled: what
    the global branch says of each window; following: what the causal branch, at each window, says of the next one."""

    clean: Float[Tensor, "batch token channel sample"]
    seen: Float[Tensor, "batch token channel sample"]
    present: Bool[Tensor, "batch token"]
    filled: Float[Tensor, "batch token channel sample"]
    following: Float[Tensor, "batch token channel sample"]


class WaveformHead(nn.Module):
    """A state to the waveform of half a second: 20 numbers for each electrode, then the same linear map for all of them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.spread = nn.Linear(width, len(CHANNELS) * _STEPS)
        self.draw = nn.Linear(_STEPS, TOKEN_SAMPLES)

    def forward(self, states: Float[Tensor, "batch token width"]) -> Float[Tensor, "batch token channel sample"]:
        return self.draw(F.gelu(rearrange(self.spread(states), "b n (c s) -> b n c s", c=len(CHANNELS))))


class SpectralTemporalModel(nn.Module):
    """Both branches see the EEG without one of its bands and must draw the whole: the global one also where a window was hidden,
    the causal one the window that comes next."""

    def __init__(self, encoder: LeafTower) -> None:
        super().__init__()
        self.encoder = encoder
        self.hidden_token = nn.Parameter(torch.randn(encoder.width) * 0.02)
        self.context_head, self.sequence_head = WaveformHead(encoder.width), WaveformHead(encoder.width)

    def present(self, batch: Batch) -> Bool[Tensor, "batch token"]:
        """Which windows of the batch exist; the objective hides some of these."""
        return self.encoder.cut(batch)[1]

    def forward(
        self, batch: Batch, hidden: Bool[Tensor, "batch token"], first_hz: Float[Tensor, " batch"], width_hz: float, sfreq: float
    ) -> Reconstructed:
        """``first_hz``: where the missing band of each trial begins; ``width_hz`` 0 leaves the signal whole."""
        encoder = self.encoder
        clean, present = encoder.cut(batch)
        perturbed = without_band(batch.eeg, first_hz, width_hz, sfreq, batch.n_times)
        seen = encoder.cut(replace(batch, eeg=perturbed))[0]
        tokens = encoder.tokens(seen, present)
        inputs = torch.where(hidden.unsqueeze(-1), self.hidden_token.to(tokens.dtype), encoder.into_context(tokens))
        filled = self.context_head(encoder.context_of(inputs, present))
        return Reconstructed(
            clean, seen, present, filled, self.sequence_head(encoder.sequence_of(encoder.into_sequence(tokens), present))
        )


class SpectralTemporalConfig(Config):
    """The default is the published size: 20.2 million parameters."""

    encoder: LeafConfig = LeafConfig()

    @classmethod
    def preset(cls, name: str) -> SpectralTemporalConfig:
        return cls(encoder=LeafConfig.preset(name))

    def build(self, facts: ModelFacts) -> SpectralTemporalModel:
        return SpectralTemporalModel(self.encoder.build(facts.n_electrodes))

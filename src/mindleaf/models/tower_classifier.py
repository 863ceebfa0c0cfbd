"""The LEAF tower and a perceptron on all its tokens: what LEAF fine-tunes on a task of its own, without words."""

from __future__ import annotations

import torch
from einops import rearrange
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from mindleaf.batch import Batch
from mindleaf.config import Config
from mindleaf.encoders.leaf import LeafConfig, LeafTower
from mindleaf.errors import BadInput
from mindleaf.models.facts import ModelFacts


class TowerClassifier(nn.Module):
    """The tokens of both branches side by side, two hidden layers, one number a class.

    n_tokens   half-second windows of a branch that the first layer has room for; those that a batch lacks are zeros
    """

    def __init__(self, encoder: LeafTower, n_tokens: int, n_classes: int, *, hidden: tuple[int, int], dropout: float) -> None:
        super().__init__()
        self.encoder, self.n_tokens = encoder, n_tokens
        first, second = hidden
        self.head = nn.Sequential(
            nn.Linear(2 * n_tokens * encoder.width, first), nn.GELU(), nn.Dropout(dropout),
            nn.Linear(first, second), nn.GELU(), nn.Dropout(dropout), nn.Linear(second, n_classes),
        )  # fmt: skip

    @property
    def readout(self) -> list[nn.Module]:
        """What a probe trains."""
        return [self.head]

    def features(self, batch: Batch) -> Float[Tensor, "batch width"]:
        """What the head sees. Raises BadInput for windows longer than it was made for."""
        tokens, mask = self.encoder.read(batch)
        both = rearrange(tokens * rearrange(mask, "b n -> b n 1"), "b (branch n) w -> b branch n w", branch=2)
        n = both.shape[2]
        if n > self.n_tokens:
            raise BadInput(
                f"this head reads windows of {self.n_tokens / 2:g} s, got {n / 2:g} s; cut windows of the length it was trained on."
            )
        room = both.new_zeros(both.shape[0], 2, self.n_tokens - n, both.shape[3])
        return rearrange(torch.cat([both, room], dim=2), "b branch n w -> b (branch n w)")

    def forward(self, batch: Batch) -> Float[Tensor, "batch class"]:
        return self.head(self.features(batch))


class FlatHeadConfig(Config):
    """hidden: widths of the two hidden layers, the published ones; dropout: behind each of them (ours)."""

    hidden: tuple[int, int] = (512, 256)
    dropout: float = Field(default=0.3, ge=0, lt=1)


class TowerClassifierConfig(Config):
    """A tower and the perceptron on its tokens."""

    encoder: LeafConfig = LeafConfig()
    head: FlatHeadConfig = FlatHeadConfig()

    @classmethod
    def preset(cls, name: str) -> TowerClassifierConfig:
        """The sizes of the tower's presets; the head is the same for all."""
        return cls(encoder=LeafConfig.preset(name))

    def build(self, facts: ModelFacts) -> TowerClassifier:
        """``facts.n_tokens`` and ``facts.classes`` set the size of the first layer and of the last."""
        tower = self.encoder.build(facts.n_electrodes)
        return TowerClassifier(tower, facts.n_tokens, len(facts.classes), hidden=self.head.hidden, dropout=self.head.dropout)

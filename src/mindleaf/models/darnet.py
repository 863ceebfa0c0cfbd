"""DARNet: two stages of self-attention over time, whose side outputs decide together."""

from __future__ import annotations

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from mindleaf.layers.positions import sinusoids


class _Stage(nn.Module):
    """Attention, then half as many steps of time; and what the stage tells by itself.

    The attention has no output projection and no way around it, and only its output is normalised.
    """

    def __init__(self, width: int, heads: int, told: int) -> None:
        super().__init__()
        self.heads = heads
        self.project = nn.Linear(width, 3 * width, bias=False)
        self.norm = nn.LayerNorm(width)
        self.distil = nn.Sequential(
            nn.Conv1d(width, width, 3, padding=1), nn.BatchNorm1d(width), nn.ELU(), nn.MaxPool1d(3, stride=2, padding=1)
        )
        self.tell = nn.Linear(width, told)

    def forward(
        self, tokens: Float[Tensor, "batch time width"]
    ) -> tuple[Float[Tensor, "batch half width"], Float[Tensor, "batch told"]]:
        query, key, value = rearrange(self.project(tokens), "b t (three h d) -> three b h t d", three=3, h=self.heads)
        mixed = nn.functional.scaled_dot_product_attention(query, key, value)
        shorter = self.distil(rearrange(self.norm(rearrange(mixed, "b h t d -> b t (h d)")), "b t w -> b w t"))
        return rearrange(shorter, "b w t -> b t w"), self.tell(shorter.mean(dim=-1))


class DARNet(nn.Module):
    """Dual attention refinement network: 69,674 parameters at 64 channels and two classes.

    S. Yan, C. Fan, H. Zhang, X. Yang, J. Tao, Z. Lv, "DARNet: dual attention refinement network with spatiotemporal
    construction for auditory attention detection", NeurIPS (2024).
    """

    def __init__(self, n_channels: int, n_classes: int, *, width: int = 16, filters: int = 64, heads: int = 8) -> None:
        super().__init__()
        # Eight samples have no middle: one more of them lies after the sample than before it.
        self.time = nn.Sequential(nn.ZeroPad2d((3, 4, 0, 0)), nn.Conv2d(1, filters, (1, 8)), nn.BatchNorm2d(filters), nn.GELU())
        self.space = nn.Sequential(nn.Conv2d(filters, width, (n_channels, 1)), nn.BatchNorm2d(width), nn.GELU())
        self.stages = nn.ModuleList(_Stage(width, heads, 4) for _ in range(2))
        self.final_layer = nn.Linear(8, n_classes)

    def forward(self, signal: Float[Tensor, "batch channel time"]) -> Float[Tensor, "batch class"]:
        tokens = rearrange(self.space(self.time(rearrange(signal, "b c t -> b 1 c t"))), "b w 1 t -> b t w")
        tokens = tokens + sinusoids(*tokens.shape[1:]).to(tokens)
        told = []
        for stage in self.stages:
            tokens, said = stage(tokens)
            told.append(said)
        return self.final_layer(torch.cat(told, dim=-1))

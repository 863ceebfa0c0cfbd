"""Where a token comes from: electrode by table, place on the head by Fourier features, patch by number."""

from __future__ import annotations

import math

import torch
from einops import rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

#: A head is about this large in metres; positions are divided by it before the Fourier features.
_HEAD_M = 0.1


def has_position(positions: Float[Tensor, "batch channel 3"]) -> Bool[Tensor, "batch channel"]:
    """An unknown position is written as three zeros (``Batch.positions``)."""
    return (positions != 0).any(dim=-1)


class FourierPositions(nn.Module):
    """Sines and cosines of the three coordinates at octave-spaced frequencies; zeros where the position is unknown."""

    frequencies: Tensor

    def __init__(self, n_frequencies: int = 4) -> None:
        super().__init__()
        self.register_buffer("frequencies", torch.pi / 2 * 2.0 ** torch.arange(n_frequencies), persistent=False)
        self.n_features = 6 * n_frequencies

    def forward(self, positions: Float[Tensor, "batch channel 3"]) -> Float[Tensor, "batch channel feature"]:
        angles = rearrange(positions / _HEAD_M, "b c xyz -> b c xyz 1") * self.frequencies
        features = rearrange(torch.stack((angles.sin(), angles.cos())), "two b c xyz f -> b c (two xyz f)")
        return features * has_position(positions).unsqueeze(-1)


class SpatialEmbedding(nn.Module):
    """A vector per electrode of the table (MindMix, Eq. 1).

    The last row of the table stands for every unknown name; such a channel adds an embedding of its position where
    that is known, so that two unnamed channels at different places can be told apart.
    """

    def __init__(self, n_electrodes: int, width: int) -> None:
        super().__init__()
        self.other = n_electrodes
        self.table = nn.Embedding(n_electrodes + 1, width)
        self.fourier = FourierPositions()
        self.place = nn.Linear(self.fourier.n_features, width, bias=False)
        nn.init.trunc_normal_(self.table.weight, std=0.02)
        nn.init.trunc_normal_(self.place.weight, std=0.02)

    def forward(
        self, channel_index: Int[Tensor, "batch channel"], positions: Float[Tensor, "batch channel 3"]
    ) -> Float[Tensor, "batch channel width"]:
        unnamed = (channel_index == self.other).unsqueeze(-1)
        return self.table(channel_index) + self.place(self.fourier(positions)) * unnamed


class PatchNumberEmbedding(nn.Module):
    """A vector per patch index, up to ``n_patches`` patches (MindMix, Eq. 1)."""

    def __init__(self, n_patches: int, width: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.empty(n_patches, width))
        nn.init.trunc_normal_(self.table, std=0.02)

    def forward(self, n_patches: int) -> Float[Tensor, "patch width"]:
        if n_patches > len(self.table):
            raise ValueError(f"the patch table holds {len(self.table)} patches, got {n_patches}; cut the window into chunks.")
        return self.table[:n_patches]


class TimePositions(nn.Module):
    """Sines and cosines of a time in seconds, periods from half a second to a minute, with one learned gain."""

    frequencies: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        periods = torch.logspace(math.log10(0.5), math.log10(60.0), -(-width // 2))
        self.register_buffer("frequencies", 2 * torch.pi / periods, persistent=False)
        self.gain = nn.Parameter(torch.ones(()))
        self.width = width

    def forward(self, seconds: Float[Tensor, " token"]) -> Float[Tensor, "token width"]:
        angles = rearrange(seconds, "n -> n 1") * self.frequencies
        return self.gain * torch.cat((angles.sin(), angles.cos()), dim=1)[:, : self.width]


def sinusoids(n: int, width: int) -> Float[Tensor, "n width"]:
    """Sines and cosines of a sample's number at geometrically spaced periods (Vaswani et al. 2017); nothing is learned."""
    frequencies = 10_000.0 ** (-torch.arange(0, width, 2) / width)
    angles = rearrange(torch.arange(n), "n -> n 1") * frequencies
    return rearrange(torch.stack((angles.sin(), angles.cos())), "two n f -> n (f two)")[:, :width]

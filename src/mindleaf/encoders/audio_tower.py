"""Audio frames to the dimensions in which they are compared with EEG."""

from __future__ import annotations

from itertools import pairwise

import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from mindleaf.config import Config


class AudioTower(nn.Module):
    """A linear map of the features, plus a small convolutional stack that starts at zero.

    Works at any length; the convolutions repeat the first and last frame beyond the edges.
    """

    def __init__(self, n_features: int, dims: int, *, hidden: int = 32, depth: int = 2, kernel: int = 9) -> None:
        super().__init__()
        self.kernel = kernel
        self.linear = nn.Conv1d(n_features, dims, 1, bias=False)
        widths = [n_features] + [hidden] * depth
        self.convolutions = nn.ModuleList(nn.Conv1d(a, b, kernel) for a, b in pairwise(widths))
        self.out = nn.Conv1d(hidden, dims, 1, bias=False) if depth else None
        if self.out is not None:
            nn.init.zeros_(self.out.weight)

    def forward(self, audio: Float[Tensor, "*stream feature frame"]) -> Float[Tensor, "*stream frame dim"]:
        *streams, n_features, n_frames = audio.shape
        features = audio.reshape(-1, n_features, n_frames)
        frames = self.linear(features)
        if self.out is not None:
            deep = features
            for convolution in self.convolutions:
                before = (self.kernel - 1) // 2
                padded = F.pad(deep, (before, self.kernel - 1 - before), mode="replicate")
                deep = F.gelu(convolution(padded))
            frames = frames + self.out(deep)
        return rearrange(frames, "n d f -> n f d").reshape(*streams, n_frames, -1)


class AudioTowerConfig(Config):
    hidden: int = 32
    depth: int = 2
    kernel: int = 9

    def build(self, n_features: int, dims: int) -> AudioTower:
        return AudioTower(n_features, dims, **self.model_dump())

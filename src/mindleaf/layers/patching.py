"""Patches: each channel cut into one-second pieces, each piece turned into a token by a small convolution."""

from __future__ import annotations

import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn


def cut_patches(signal: Float[Tensor, "batch channel time"], patch_samples: int) -> Float[Tensor, "batch channel patch sample"]:
    """Whole patches of ``patch_samples``; a last partial patch is dropped, a signal shorter than one patch is zero-padded."""
    n_times = signal.shape[-1]
    if n_times < patch_samples:
        signal = F.pad(signal, (0, patch_samples - n_times))
    whole = signal.shape[-1] // patch_samples * patch_samples
    return rearrange(signal[..., :whole], "b c (p s) -> b c p s", s=patch_samples)


class PatchEmbedding(nn.Module):
    """Three convolutions with GroupNorm and GELU, then (steps x features) laid out as one token.

    200 samples become 25 steps of 8 features, a width of 200 (MindMix, Table A2); other widths get a linear map on top.
    The form of the convolutions follows LaBraM (Jiang et al. 2024), which the paper extends.
    """

    def __init__(self, width: int, patch_samples: int = 200, features: int = 8) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv1d(1, features, 15, stride=8, padding=7),
            nn.GroupNorm(4, features),
            nn.GELU(),
            nn.Conv1d(features, features, 3, padding=1),
            nn.GroupNorm(4, features),
            nn.GELU(),
            nn.Conv1d(features, features, 3, padding=1),
            nn.GroupNorm(4, features),
            nn.GELU(),
        )
        flat = features * ((patch_samples - 1) // 8 + 1)
        self.to_width = nn.Identity() if flat == width else nn.Linear(flat, width)

    def forward(self, patches: Float[Tensor, "batch channel patch sample"]) -> Float[Tensor, "batch channel patch width"]:
        batch, channels, _, _ = patches.shape
        steps = self.convolutions(rearrange(patches, "b c p s -> (b c p) 1 s"))
        return self.to_width(rearrange(steps, "(b c p) f step -> b c p (step f)", b=batch, c=channels))

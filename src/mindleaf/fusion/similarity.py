"""How alike two sequences of frames are, and the learned scale that turns likeness into logits."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

_EPS = 1e-8


def standardise(frames: Float[Tensor, "*pair frame dim"], centre: bool) -> Float[Tensor, "*pair frame dim"]:
    """Each dimension centred in time (``centre``), then the whole scaled to unit mean square. A constant gives zeros."""
    if centre:
        frames = frames - frames.mean(dim=-2, keepdim=True)
    return frames * torch.rsqrt(frames.square().mean(dim=(-2, -1), keepdim=True) + _EPS)


def cosine(
    first: Float[Tensor, "*pair frame dim"], second: Float[Tensor, "*pair frame dim"], centre: bool
) -> Float[Tensor, "*pair"]:
    """Cosine over time x dimensions; with ``centre``, after each dimension is centred in time (a correlation)."""
    if centre:
        first, second = first - first.mean(dim=-2, keepdim=True), second - second.mean(dim=-2, keepdim=True)
    # Dot products over the flattened frames; a product and a mean would keep three pair-sized arrays for the backward pass.
    first, second = first.flatten(-2), second.flatten(-2)
    power = torch.linalg.vecdot(first, first) * torch.linalg.vecdot(second, second) / first.shape[-1] ** 2
    return torch.linalg.vecdot(first, second) / first.shape[-1] * torch.rsqrt(power + _EPS)


class LogitScale(nn.Module):
    """Inverse temperature, learned as a logarithm, 1/0.07 at the start and never above 100 (MindMix, A.3)."""

    def __init__(self, temperature: float = 0.07, maximum: float = 100.0) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(math.log(1.0 / temperature)))
        self.maximum = math.log(maximum)

    def forward(self, similarity: Float[Tensor, "*pair"]) -> Float[Tensor, "*pair"]:
        return similarity * self.log_scale.clamp(max=self.maximum).exp()

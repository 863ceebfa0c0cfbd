"""Structural similarity of two maps."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn


class StructuralSimilarity(nn.Module):
    """Mean structural similarity under a sliding Gaussian window: 1 for equal maps, about 0 for unrelated ones.

    Z. Wang et al., "Image quality assessment: from error visibility to structural similarity", IEEE TIP 13 (2004), 600-612.

    extent   side of the window, in both directions     spread   deviation of its Gaussian
    span     the largest difference that two values can have, which sets what counts as small
    """

    window: Tensor

    def __init__(self, extent: int, spread: float, span: float) -> None:
        super().__init__()
        places = torch.arange(extent) - (extent - 1) / 2
        window = torch.softmax(-places.square() / (2 * spread**2), dim=0)
        # Tails below the precision of float32 change nothing, but their products are denormal numbers, which are slow.
        self.register_buffer("window", torch.where(window > 1e-9, window, 0.0), persistent=False)
        self.small_mean, self.small_variance = (0.01 * span) ** 2, (0.03 * span) ** 2

    def forward(
        self, first: Float[Tensor, "batch time width"], second: Float[Tensor, "batch time width"]
    ) -> Float[Tensor, " batch"]:
        """Neither side of the maps may be shorter than the window."""
        stacked = rearrange(torch.stack((first, second, first**2 + second**2, first * second)), "map b t w -> (map b) 1 t w")
        down, across = rearrange(self.window, "k -> 1 1 k 1"), rearrange(self.window, "k -> 1 1 1 k")
        local = F.conv2d(F.conv2d(stacked, down), across)
        a, b, power, product = rearrange(local, "(map b) 1 t w -> map b t w", map=4)
        means = (2 * a * b + self.small_mean) / (a**2 + b**2 + self.small_mean)
        shapes = (2 * (product - a * b) + self.small_variance) / (power - a**2 - b**2 + self.small_variance)
        return (means * shapes).mean(dim=(1, 2))

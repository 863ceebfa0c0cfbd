"""Dropout whose draws belong to the windows: the same whatever process, or piece of a batch, a window is worked on in."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from mindleaf.layers import ranks


class Dropout(nn.Dropout):
    """As torch's; the first axis is that of windows (or of a fixed number of rows for each)."""

    def forward(self, input: Tensor) -> Tensor:
        return dropped(input, self.p) if self.training and self.p > 0 else input


def dropped(values: Tensor, probability: float) -> Tensor:
    share = ranks.current()
    if share is None or share.stop - share.start == share.n:
        return F.dropout(values, probability)
    keep = 1.0 - probability

    def draw(shape: Sequence[int]) -> Tensor:
        return torch.empty(shape, dtype=values.dtype, device=values.device).bernoulli_(keep)

    return values * ranks.own_rows(draw, values.shape).div_(keep)


def attend(
    query: Float[Tensor, "batch head query d"],
    key: Float[Tensor, "batch head token d"],
    value: Float[Tensor, "batch head token d"],
    allowed: Bool[Tensor, "batch 1 query token"] | None,
    probability: float,
) -> Float[Tensor, "batch head query d"]:
    """Scaled dot-product attention; with dropout over a part of a batch by hand, as the fused kernel draws for itself."""
    share = ranks.current()
    if probability == 0.0 or share is None or share.stop - share.start == share.n:
        return F.scaled_dot_product_attention(query, key, value, attn_mask=allowed, dropout_p=probability)
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    if allowed is not None:
        scores = scores.masked_fill(~allowed, -torch.inf)
    return dropped(scores.softmax(dim=-1), probability) @ value

"""Attention of the tokens of one modality to those of the other, and its limit for single vectors."""

from __future__ import annotations

import torch
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor, nn


class CrossAttention(nn.Module):
    """Attention of one vector to one vector of the other modality.

    A softmax over a single key is 1, so the output is W_O W_V of the source whatever the query (Eq. 5 and 6 on 1 x D
    vectors). The query and key maps are kept because the paper has them; they take no part and get no gradient.
    The output is zero at the start.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"cross-attention wants a width that {heads} heads divide, got {width}.")
        self.heads = heads
        self.query, self.key = nn.Linear(width, width), nn.Linear(width, width)
        self.value, self.out = nn.Linear(width, width), nn.Linear(width, width)
        for unused in (self.query, self.key):
            unused.requires_grad_(False)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, source: Float[Tensor, "*item width"]) -> Float[Tensor, "*item width"]:
        return self.out(self.value(source))


class TokenAttention(CrossAttention):
    """The same maps where there are several keys: queries and keys decide, heads differ, absent keys are not heard."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__(width, heads)
        for used in (self.query, self.key):
            used.requires_grad_(True)

    def forward(  # type: ignore[override]
        self,
        own: Float[Tensor, "*own token width"],
        source: Float[Tensor, "*source key width"],
        present: Bool[Tensor, "*source key"] | None = None,
    ) -> Float[Tensor, "*pair token width"]:
        """Leading axes broadcast; the maps are applied to items, not to pairs. An item without any key hears their mean."""
        query, key, value = (
            rearrange(linear(items), "... n (h d) -> ... h n d", h=self.heads)
            for linear, items in ((self.query, own), (self.key, source), (self.value, source))
        )
        logits = torch.matmul(query * query.shape[-1] ** -0.5, key.transpose(-1, -2))
        if present is not None:
            logits = logits.masked_fill(~rearrange(present, "... n -> ... 1 1 n"), torch.finfo(logits.dtype).min)
        heard = torch.matmul(logits.softmax(dim=-1), value)
        return self.out(rearrange(heard, "... h n d -> ... n (h d)"))

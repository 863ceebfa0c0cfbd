"""Instruction-conditioned Q-Former: a few learned queries read EEG tokens that an instruction has tinted (LEAF, stage 2)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor, nn

from mindleaf.layers.dropout import Dropout, attend
from mindleaf.layers.transformer import Attention, FeedForward


class HearingAttention(nn.Module):
    """Multi-head attention of queries to tokens of another kind; absent tokens are not heard."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.query, self.source, self.out = nn.Linear(width, width), nn.Linear(width, 2 * width), nn.Linear(width, width)

    def forward(
        self, queries: Float[Tensor, "batch query width"], tokens: Float[Tensor, "batch token width"],
        mask: Bool[Tensor, "batch token"],
    ) -> Float[Tensor, "batch query width"]:  # fmt: skip
        query = rearrange(self.query(queries), "b q (h d) -> b h q d", h=self.heads)
        key, value = rearrange(self.source(tokens), "b n (two h d) -> two b h n d", two=2, h=self.heads)
        # A window without any token hears nothing: a softmax over no key is no number.
        present = rearrange(mask | ~mask.any(dim=1, keepdim=True), "b n -> b 1 1 n")
        heard = attend(query, key, value, present, self.dropout if self.training else 0.0)
        return self.out(rearrange(heard, "b h q d -> b q (h d)")) * rearrange(mask.any(dim=1), "b -> b 1 1")


class QueryBlock(nn.Module):
    """Pre-norm: queries hear each other, then the tokens, then think."""

    def __init__(self, width: int, heads: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.own_norm, self.own = nn.LayerNorm(width), Attention(width, heads, qk_norm=False, dropout=dropout)
        self.heard_norm, self.heard = nn.LayerNorm(width), HearingAttention(width, heads, dropout)
        self.forward_norm, self.forward_part = nn.LayerNorm(width), FeedForward(width, hidden, dropout)
        self.dropout = Dropout(dropout)

    def forward(
        self, queries: Float[Tensor, "batch query width"], tokens: Float[Tensor, "batch token width"],
        mask: Bool[Tensor, "batch token"],
    ) -> Float[Tensor, "batch query width"]:  # fmt: skip
        queries = queries + self.dropout(self.own(self.own_norm(queries), None))
        queries = queries + self.dropout(self.heard(self.heard_norm(queries), tokens, mask))
        return queries + self.dropout(self.forward_part(self.forward_norm(queries)))


class QFormer(nn.Module):
    """EEG tokens and an instruction to one vector of length 1 in the space of a text encoder.

    The instruction scales and shifts every token (FiLM, Perez et al. 2018). ``width`` is that of the queries; tokens of
    another width are mapped to it first. ``max_tokens``: rows of the position table, 0 for tokens that know their place.
    """

    def __init__(
        self, token_width: int, text_width: int, *, width: int = 256, queries: int = 8, depth: int = 4, heads: int = 8,
        max_tokens: int = 40, dropout: float = 0.1, head_dropout: float = 0.3,
    ) -> None:  # fmt: skip
        super().__init__()
        self.into = nn.Identity() if token_width == width else nn.Linear(token_width, width)
        self.queries = nn.Parameter(torch.randn(queries, width) * 0.02)
        self.positions = nn.Parameter(torch.randn(max_tokens, width) * 0.02)
        self.film = nn.Linear(text_width, 2 * width)
        nn.init.zeros_(self.film.bias)
        self.blocks = nn.ModuleList(QueryBlock(width, heads, 4 * width, dropout) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Sequential(Dropout(head_dropout), nn.Linear(queries * width, text_width))

    def forward(
        self, tokens: Float[Tensor, "batch token eeg"], mask: Bool[Tensor, "batch token"],
        instruction: Float[Tensor, "batch text"], beginning: Float[Tensor, "batch eeg"] | None = None,
    ) -> Float[Tensor, "batch text"]:  # fmt: skip
        states = self.norm(self.evolution(tokens, mask, instruction, beginning)[-1])
        return F.normalize(self.head(rearrange(states, "b q w -> b (q w)")), dim=-1)

    def evolution(
        self, tokens: Float[Tensor, "batch token eeg"], mask: Bool[Tensor, "batch token"],
        instruction: Float[Tensor, "batch text"], beginning: Float[Tensor, "batch eeg"] | None = None,
    ) -> list[Float[Tensor, "batch query width"]]:  # fmt: skip
        """The queries before the first layer and behind each one. ``beginning``: what every query knows of a window before it hears
        any token, tinted by the instruction as the tokens are."""
        gain, shift = rearrange(self.film(instruction), "b (two w) -> two b 1 w", two=2)
        tinted = (1 + gain) * self.into(tokens) + shift
        if len(self.positions):
            tinted = tinted + self.positions[: tokens.shape[1]]
        queries = self.queries.expand(tokens.shape[0], -1, -1)
        if beginning is not None:
            queries = queries + (1 + gain) * self.into(rearrange(beginning, "b w -> b 1 w")) + shift
        states = [queries]
        for block in self.blocks:
            states.append(block(states[-1], tinted, mask))
        return states

"""Pre-norm transformer with optional query-key norm, LayerScale, dropout, stochastic depth and causal attention."""

from __future__ import annotations

import math
from functools import partial

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mindleaf.layers.dropout import Dropout, attend
from mindleaf.layers.ranks import own_rows

#: Scores up to here are taken to the power of e as they are: a sum over millions of tokens stays finite, the smallest is above zero.
_NO_SHIFT = 60.0


class Attention(nn.Module):
    """Multi-head self-attention by the fused kernel; ``qk_norm`` normalises queries and keys per head (Henry et al. 2020)."""

    def __init__(self, width: int, heads: int, qk_norm: bool = True, dropout: float = 0.0) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"attention wants a width that {heads} heads divide, got {width}.")
        self.heads, self.dropout = heads, dropout
        self.project = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.query_norm = nn.LayerNorm(width // heads) if qk_norm else nn.Identity()
        self.key_norm = nn.LayerNorm(width // heads) if qk_norm else nn.Identity()
        self.highest_score = math.inf

    def bound_scores(self) -> None:
        """Find out how high a score can be: by Cauchy and Schwarz, where queries and keys are normalised."""
        norms = [norm for norm in (self.query_norm, self.key_norm) if isinstance(norm, nn.LayerNorm)]
        root = math.sqrt(self.out.in_features // self.heads)
        longest = [float(norm.weight.detach().abs().max() * root + norm.bias.detach().norm()) for norm in norms]
        self.highest_score = longest[0] * longest[1] / root if norms else math.inf

    def forward(
        self, tokens: Float[Tensor, "batch token width"], allowed: Bool[Tensor, "batch query token"] | None
    ) -> Float[Tensor, "batch token width"]:
        """``allowed``: which tokens each query may hear (one row for all queries, or a row each); None for all."""
        query, key, value = rearrange(self.project(tokens), "b n (three h d) -> three b h n d", three=3, h=self.heads)
        query, key = self.query_norm(query), self.key_norm(key)
        allowed = None if allowed is None else rearrange(allowed, "b q n -> b 1 q n")
        low = torch.compiler.is_exporting() and self.highest_score <= _NO_SHIFT
        if low and allowed is not None and allowed.shape[2] == 1:
            mixed = _attend_exported(query, key, value, allowed)
        else:
            mixed = attend(query, key, value, allowed, self.dropout if self.training else 0.0)
        return self.out(rearrange(mixed, "b h n d -> b n (h d)"))


def _attend_exported(
    query: Float[Tensor, "batch head query d"],
    key: Float[Tensor, "batch head token d"],
    value: Float[Tensor, "batch head token d"],
    allowed: Bool[Tensor, "batch 1 1 token"],
) -> Float[Tensor, "batch head query d"]:
    """Attention for an exported program, which must be ready for absent tokens: they are left out of the values, of which there
    are few, not of the scores. The sum of a softmax is one more value, and low scores need no shift."""
    weights = ((query / math.sqrt(query.shape[-1])) @ key.transpose(-2, -1)).exp()
    mixed = weights @ (F.pad(value, (0, 1), value=1.0) * allowed.transpose(-2, -1).to(value.dtype))
    return mixed[..., :-1] / mixed[..., -1:]


class FeedForward(nn.Module):
    def __init__(self, width: int, hidden: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.expand = nn.Linear(width, hidden)
        self.contract = nn.Linear(hidden, width)
        self.dropout = Dropout(dropout)

    def forward(self, tokens: Float[Tensor, "*batch width"]) -> Float[Tensor, "*batch width"]:
        return self.contract(self.dropout(F.gelu(self.expand(tokens))))


class DropPath(nn.Module):
    """Stochastic depth: in training a whole branch is left out for a random part of the batch (Huang et al. 2016)."""

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, branch: Float[Tensor, " batch *rest"]) -> Float[Tensor, " batch *rest"]:
        if not self.training or self.probability == 0.0:
            return branch
        keep = 1.0 - self.probability
        kept = own_rows(partial(torch.rand, device=branch.device), (branch.shape[0], *[1] * (branch.ndim - 1))) < keep
        return branch * (kept / keep).to(branch.dtype)


class LayerScale(nn.Module):
    """One learned gain per width (Touvron et al. 2021)."""

    def __init__(self, width: int, initial: float) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.full((width,), initial))

    def forward(self, branch: Float[Tensor, "*batch width"]) -> Float[Tensor, "*batch width"]:
        return branch * self.gain


class Block(nn.Module):
    def __init__(
        self, width: int, heads: int, hidden: int, qk_norm: bool, layer_scale: float | None, drop_path: float, dropout: float
    ) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width)
        self.attention = Attention(width, heads, qk_norm, dropout)
        self.attention_scale = nn.Identity() if layer_scale is None else LayerScale(width, layer_scale)
        self.forward_norm = nn.LayerNorm(width)
        self.feed_forward = FeedForward(width, hidden, dropout)
        self.forward_scale = nn.Identity() if layer_scale is None else LayerScale(width, layer_scale)
        self.drop_path, self.dropout = DropPath(drop_path), Dropout(dropout)

    def forward(
        self, tokens: Float[Tensor, "batch token width"], allowed: Bool[Tensor, "batch query token"] | None
    ) -> Float[Tensor, "batch token width"]:
        tokens = tokens + self._branch(self.attention_scale(self.attention(self.attention_norm(tokens), allowed)))
        return tokens + self._branch(self.forward_scale(self.feed_forward(self.forward_norm(tokens))))

    def _branch(self, values: Float[Tensor, "batch token width"]) -> Float[Tensor, "batch token width"]:
        return self.drop_path(self.dropout(values))


class Transformer(nn.Module):
    """A stack of pre-norm blocks.

    ``layer_scale`` None and ``qk_norm`` False give the vanilla layer; drop-path rises linearly from 0 to ``drop_path``
    with depth. ``mask`` marks the tokens that exist: others are never attended to and come out as zeros. ``causal`` lets a
    token hear itself and those before it only.

    recomputes  forget what happened inside the blocks and do it again in the backward pass: less memory, a third more time
    """

    recomputes = False

    def __init__(
        self,
        width: int,
        depth: int,
        heads: int,
        hidden: int,
        *,
        qk_norm: bool = True,
        layer_scale: float | None = 0.1,
        drop_path: float = 0.1,
        dropout: float = 0.0,
        causal: bool = False,
        final_norm: bool = True,
    ) -> None:
        super().__init__()
        self.causal = causal
        rates = [drop_path * layer / max(1, depth - 1) for layer in range(depth)]
        self.blocks = nn.ModuleList(Block(width, heads, hidden, qk_norm, layer_scale, rate, dropout) for rate in rates)
        self.norm = nn.LayerNorm(width) if final_norm else nn.Identity()
        self.apply(_initialise)

    def forward(
        self, tokens: Float[Tensor, "batch token width"], mask: Bool[Tensor, "batch token"] | None = None
    ) -> Float[Tensor, "batch token width"]:
        # A shortcut that an exported program cannot take: it would have to look at the data.
        if mask is not None and not torch.compiler.is_exporting() and bool(mask.all()):
            mask = None
        allowed = _allowed(tokens, mask, self.causal)
        again = self.recomputes and self.training and torch.is_grad_enabled()
        for block in self.blocks:
            tokens = checkpoint(block, tokens, allowed, use_reentrant=False) if again else block(tokens, allowed)
        tokens = self.norm(tokens)
        return tokens if mask is None else tokens * mask.unsqueeze(-1)


def _allowed(
    tokens: Float[Tensor, "batch token width"], mask: Bool[Tensor, "batch token"] | None, causal: bool
) -> Bool[Tensor, "batch query token"] | None:
    """Which tokens each query may hear; None where it may hear all."""
    if not causal:
        return None if mask is None else rearrange(_never_empty(mask), "b n -> b 1 n")
    n = tokens.shape[1]
    before = torch.ones(1, n, n, dtype=torch.bool, device=tokens.device).tril()
    # Each hears itself at least: absent tokens are zeroed at the end.
    return (
        before if mask is None else before & rearrange(mask, "b n -> b 1 n") | torch.eye(n, dtype=torch.bool, device=mask.device)
    )


def _never_empty(mask: Bool[Tensor, "batch token"]) -> Bool[Tensor, "batch token"]:
    # A softmax over no key at all is NaN; an empty row attends to its first token instead and is zeroed at the end.
    first = torch.arange(mask.shape[1], device=mask.device) == 0
    return mask | first & ~mask.any(dim=1, keepdim=True)


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)

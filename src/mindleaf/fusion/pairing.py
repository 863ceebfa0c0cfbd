"""CALRA over all pairs at the cost of what truly depends on the pair.

What crosses between the modalities is one vector per item, so a pair's state is a sum of two per-item vectors, and so
is its mean; its variance needs one matrix product. The first layer after the norm is therefore computed per item and
only rescaled per pair. Pairs are worked off in blocks that fit the cache, recomputed in the backward pass.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from einops import einsum, rearrange
from jaxtyping import Float
from torch import Tensor, nn

from mindleaf.fusion.blocks import in_blocks
from mindleaf.fusion.similarity import cosine

if TYPE_CHECKING:
    from mindleaf.fusion.calra import Calra, Side

#: States of the pairs of some rows with all columns, both sides.
States = Callable[[slice], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Term:
    """One summand of a pair's state, per item.

    state     what is summed: the vector itself (pre-norm), or less its mean and times the norm's gain (post-norm)
    centred   the vector less its mean, from which a pair's variance follows
    expanded  the vector less its mean, times the norm's gain, through the first layer
    """

    state: Float[Tensor, "item frame width"]
    centred: Float[Tensor, "item frame width"]
    expanded: Float[Tensor, "item frame hidden"]

    def rows(self, part: slice) -> Term:
        return Term(self.state[part], self.centred[part], self.expanded[part])


def score_all_pairs(
    calra: Calra, eeg: Float[Tensor, "row frame width"], audio: Float[Tensor, "column frame width"]
) -> Float[Tensor, "row column"]:
    """Equals scoring each pair with ``Calra.fuse`` up to rounding. Items are already aligned by type."""
    listens = calra.eeg.listen is not None
    states = _heard_states(calra, eeg, audio) if listens else _own_states(calra, eeg, audio)
    # Without cross-attention states are those of items, which other blocks need: not to be overwritten.
    feed_back = partial(_feed_back, calra) if listens else calra.feed_back

    def scores(rows: slice) -> Tensor:
        return cosine(*feed_back(*states(rows)), centre=calra.centre)

    return in_blocks(scores, len(eeg), len(audio) * calra.numbers_per_pair(eeg.shape[1], audio.shape[1]))


def _own_states(calra: Calra, eeg: Tensor, audio: Tensor) -> States:
    """Without cross-attention an item's state is its own."""
    eeg_state, audio_state = calra._refine(calra.eeg, eeg), calra._refine(calra.audio, audio)
    return lambda rows: (rearrange(eeg_state[rows], "n f w -> n 1 f w"), audio_state)


def _heard_states(calra: Calra, eeg: Tensor, audio: Tensor) -> States:
    assert calra.eeg.listen is not None and calra.audio.listen is not None
    eeg_own, eeg_heard = _term(calra, calra.eeg, eeg), _term(calra, calra.eeg, calra.eeg.listen(audio))
    audio_own, audio_heard = _term(calra, calra.audio, audio), _term(calra, calra.audio, calra.audio.listen(eeg))
    return lambda rows: (
        _refine(calra, calra.eeg, eeg_own.rows(rows), eeg_heard),
        _refine(calra, calra.audio, audio_heard.rows(rows), audio_own),
    )


def _term(calra: Calra, side: Side, vector: Float[Tensor, "item frame width"]) -> Term:
    centred = vector - vector.mean(dim=-1, keepdim=True)
    gained = centred * side.listen_norm.weight
    return Term(vector if calra.form == "frames" else gained, centred, F.linear(gained, side.expand.weight))


def _refine(calra: Calra, side: Side, by_row: Term, by_column: Term) -> Float[Tensor, "row column frame width"]:
    norm = side.listen_norm
    scale = _inverse_deviation(by_row.centred, by_column.centred, norm)
    constant = F.linear(norm.bias, side.expand.weight, side.expand.bias)
    hidden = _gelu(_scaled(constant, _sum(by_row.expanded, by_column.expanded), scale))
    # The second layer's bias rides along with the residual, and the residual with the product: two passes less.
    bias = side.contract.bias
    if calra.form == "frames":
        return _plus_product(_sum(by_row.state, by_column.state + bias), hidden, side.contract.weight)
    state = _scaled(norm.bias + bias, _sum(by_row.state, by_column.state), scale)
    return side.forward_norm(_plus_product(state, hidden, side.contract.weight))


def _feed_back(calra: Calra, eeg_state: Tensor, audio_state: Tensor) -> tuple[Tensor, Tensor]:
    """``Calra.feed_back`` of states that belong to one block."""
    if calra.shared is None or torch.is_grad_enabled():
        return calra.feed_back(eeg_state, audio_state)
    product = calra._down(calra.eeg, eeg_state).mul_(calra._down(calra.audio, audio_state))
    product = _gelu(calra.shared(product))
    outs = []
    for side, state in ((calra.eeg, eeg_state), (calra.audio, audio_state)):
        assert side.up is not None
        out = _plus_product(state.add_(side.up.bias), product, side.up.weight)
        outs.append(out if calra.form == "frames" else side.out_norm(out))
    return outs[0], outs[1]


def _scaled(constant: Tensor, pairs: Tensor, scale: Tensor) -> Tensor:
    """constant + pairs x scale. Like the next two, it overwrites its argument where no gradient is kept."""
    if torch.is_grad_enabled():
        return torch.addcmul(constant, pairs, scale)
    return torch.addcmul(constant, pairs, scale, out=pairs)


def _gelu(hidden: Tensor) -> Tensor:
    return F.gelu(hidden) if torch.is_grad_enabled() else torch.ops.aten.gelu_(hidden)


def _plus_product(residual: Float[Tensor, "*pair width"], hidden: Float[Tensor, "*pair hidden"], weight: Tensor) -> Tensor:
    """residual + hidden @ weight.T in one operation."""
    flat, factors = residual.flatten(0, -2), hidden.flatten(0, -2)
    if torch.is_grad_enabled() or not flat.dtype == factors.dtype == weight.dtype:
        return torch.addmm(flat, factors, weight.T).view_as(residual)
    return flat.addmm_(factors, weight.T).view_as(residual)


def _sum(by_row: Float[Tensor, "row frame width"], by_column: Float[Tensor, "column frame width"]) -> Tensor:
    return rearrange(by_row, "n f w -> n 1 f w") + by_column


def _inverse_deviation(
    rows: Float[Tensor, "row frame width"], columns: Float[Tensor, "column frame width"], norm: nn.LayerNorm
) -> Float[Tensor, "row column frame 1"]:
    """1 / sqrt(var + eps) of each pair's sum, from the variances of the summands and their covariance."""
    covariance = einsum(rows, columns, "n f w, m f w -> n m f") / rows.shape[-1]
    variance = rearrange(rows.square().mean(dim=-1), "n f -> n 1 f") + columns.square().mean(dim=-1) + 2 * covariance
    return torch.rsqrt(variance.clamp_min(0.0) + norm.eps).unsqueeze(-1)

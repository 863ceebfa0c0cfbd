"""CALRA over all pairs at the cost of what truly depends on the pair.

What crosses between the modalities is one vector per item, so a pair's state is a sum of two per-item vectors, and so
is its mean; its variance needs one matrix product. The first layer after the norm is therefore computed per item and
only rescaled per pair. Pairs are worked off in blocks that fit the cache, recomputed in the backward pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from einops import einsum, rearrange
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mindleaf.fusion.similarity import cosine

if TYPE_CHECKING:
    from mindleaf.fusion.calra import Calra, Side

#: Numbers in the widest intermediate of one block, when gradients are kept and when they are not.
_BLOCK_TRAINING, _BLOCK_INFERENCE = 4_000_000, 500_000


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
    eeg_own, eeg_heard = _term(calra, calra.eeg, eeg), _term(calra, calra.eeg, calra.eeg.listen(audio))
    audio_own, audio_heard = _term(calra, calra.audio, audio), _term(calra, calra.audio, calra.audio.listen(eeg))
    training = torch.is_grad_enabled()
    per_row = eeg_own.expanded.shape[-1] * audio.shape[0] * audio.shape[1]
    size = max(1, (_BLOCK_TRAINING if training else _BLOCK_INFERENCE) // per_row)
    blocks = [slice(start, start + size) for start in range(0, len(eeg), size)]

    def scores(rows: slice) -> Tensor:
        return _block(calra, eeg_own.rows(rows), eeg_heard, audio_own, audio_heard.rows(rows))

    if training and len(blocks) > 1:
        return torch.cat([checkpoint(scores, rows, use_reentrant=False) for rows in blocks])
    return torch.cat([scores(rows) for rows in blocks])


def _term(calra: Calra, side: Side, vector: Float[Tensor, "item frame width"]) -> Term:
    centred = vector - vector.mean(dim=-1, keepdim=True)
    gained = centred * side.listen_norm.weight
    return Term(vector if calra.form == "frames" else gained, centred, F.linear(gained, side.expand.weight))


def _block(calra: Calra, eeg_own: Term, eeg_heard: Term, audio_own: Term, audio_heard: Term) -> Float[Tensor, "row column"]:
    eeg_state = _refine(calra, calra.eeg, eeg_own, eeg_heard)
    audio_state = _refine(calra, calra.audio, audio_heard, audio_own)
    product = calra._down(calra.eeg, eeg_state) * calra._down(calra.audio, audio_state)
    product = F.gelu(calra.shared(product))
    eeg_out, audio_out = eeg_state + calra.eeg.up(product), audio_state + calra.audio.up(product)
    if calra.form == "vector":
        eeg_out, audio_out = calra.eeg.out_norm(eeg_out), calra.audio.out_norm(audio_out)
    return cosine(eeg_out, audio_out, centre=calra.centre)


def _refine(calra: Calra, side: Side, by_row: Term, by_column: Term) -> Float[Tensor, "row column frame width"]:
    norm = side.listen_norm
    scale = _inverse_deviation(by_row.centred, by_column.centred, norm)
    constant = F.linear(norm.bias, side.expand.weight, side.expand.bias)
    hidden = F.gelu(torch.addcmul(constant, _sum(by_row.expanded, by_column.expanded), scale))
    # The second layer's bias rides along with the residual, and the residual with the product: two passes less.
    bias = side.contract.bias
    if calra.form == "frames":
        return _plus_product(_sum(by_row.state, by_column.state + bias), hidden, side.contract.weight)
    state = torch.addcmul(norm.bias + bias, _sum(by_row.state, by_column.state), scale)
    return side.forward_norm(_plus_product(state, hidden, side.contract.weight))


def _plus_product(residual: Float[Tensor, "*pair width"], hidden: Float[Tensor, "*pair hidden"], weight: Tensor) -> Tensor:
    """residual + hidden @ weight.T in one operation."""
    return torch.addmm(residual.flatten(0, -2), hidden.flatten(0, -2), weight.T).view_as(residual)


def _sum(by_row: Float[Tensor, "row frame width"], by_column: Float[Tensor, "column frame width"]) -> Tensor:
    return rearrange(by_row, "n f w -> n 1 f w") + by_column


def _inverse_deviation(
    rows: Float[Tensor, "row frame width"], columns: Float[Tensor, "column frame width"], norm: nn.LayerNorm
) -> Float[Tensor, "row column frame 1"]:
    """1 / sqrt(var + eps) of each pair's sum, from the variances of the summands and their covariance."""
    covariance = einsum(rows, columns, "n f w, m f w -> n m f") / rows.shape[-1]
    variance = rearrange(rows.square().mean(dim=-1), "n f -> n 1 f") + columns.square().mean(dim=-1) + 2 * covariance
    return torch.rsqrt(variance.clamp_min(0.0) + norm.eps).unsqueeze(-1)

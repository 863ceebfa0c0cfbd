"""Retrieval among many sounds: two towers choose a shortlist, the full fusion orders it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from einops import rearrange, reduce
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mindleaf.fusion.blocks import in_blocks
from mindleaf.fusion.dual_tower import DualTower
from mindleaf.fusion.fusion import Fusion


@dataclass(frozen=True)
class Ranking:
    """Candidates of each EEG item, best first: ``order`` holds their positions, ``scores`` those of the shortlist.

    The first ``scores.shape[1]`` places are the shortlist in the order of the full fusion, the rest keep the order of the
    two towers, whose scores are on another scale and not given.
    """

    order: Int[Tensor, "row candidate"]
    scores: Float[Tensor, "row shortlisted"]


@torch.no_grad()
def rank(
    fusion: Fusion,
    eeg: Float[Tensor, "row token width"],
    audio: Float[Tensor, "candidate frame width"],
    top_k: int,
    types: Int[Tensor, " candidate"] | None = None,
    present: Bool[Tensor, "row token"] | None = None,
) -> Ranking:
    """Order all candidates for each EEG item; with ``top_k`` of them or more it is the order of the full fusion.

    The shortlist costs one matrix product. It holds what the fusion would put first only as far as the two towers agree
    with it: raise ``top_k`` until the places one reports no longer change.
    """
    top_k = min(top_k, len(audio))
    if top_k == len(audio):
        scores, order = fusion.all_pairs(eeg, audio, types, present).sort(dim=1, descending=True, stable=True)
        return Ranking(order, scores)
    order = _tower_scores(fusion, eeg, audio, present).argsort(dim=1, descending=True, stable=True)
    shortlist = order[:, :top_k]
    scores, places = _paired_scores(fusion, eeg, audio, shortlist, types, present).sort(dim=1, descending=True, stable=True)
    return Ranking(torch.cat((shortlist.gather(1, places), order[:, top_k:]), dim=1), scores)


def _tower_scores(fusion: Fusion, eeg: Tensor, audio: Tensor, present: Tensor | None) -> Float[Tensor, "row candidate"]:
    if fusion.form != "tokens":
        return DualTower(fusion.form).all_pairs(eeg, audio)
    there = torch.ones_like(eeg[..., 0]) if present is None else present.to(eeg.dtype)
    mean = torch.einsum("n t w, n t -> n w", eeg, there) / there.sum(dim=1, keepdim=True).clamp_min(1.0)
    return DualTower("vector").all_pairs(rearrange(mean, "n w -> n 1 w"), reduce(audio, "m f w -> m 1 w", "mean"))


def _paired_scores(
    fusion: Fusion,
    eeg: Tensor,
    audio: Tensor,
    shortlist: Int[Tensor, "row shortlisted"],
    types: Tensor | None,
    present: Tensor | None,
) -> Float[Tensor, "row shortlisted"]:
    """Scores of each EEG item against its own shortlist, every pair under its candidate's type."""
    n_short = shortlist.shape[1]

    def scores(rows: slice) -> Tensor:
        chosen = rearrange(shortlist[rows], "n k -> (n k)")
        own = eeg[rows].repeat_interleave(n_short, dim=0)
        there = None if present is None else present[rows].repeat_interleave(n_short, dim=0)
        kinds = None if types is None else types[chosen]
        paired = fusion(own, rearrange(audio[chosen], "p f w -> p 1 f w"), kinds, there)
        return rearrange(paired, "(n k) 1 -> n k", k=n_short)

    return in_blocks(scores, len(eeg), n_short * fusion.numbers_per_pair(eeg.shape[-2], audio.shape[-2]))

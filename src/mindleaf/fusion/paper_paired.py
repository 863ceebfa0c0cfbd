"""The pairing as the paper prints it, kept so that anyone can see that it scores noise as if it were speech.

Both functions are **unsound**. Each aligned vector is computed from its own true pair, so both members of that pair
carry a common mark that no other pair has: the loss of Eq. 10 falls to zero without any relation between EEG and
sound. Use ``all_pairs`` and ``forward`` of the fusion for results.
"""

from __future__ import annotations

import torch
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor

from mindleaf.errors import BadInput
from mindleaf.fusion.fusion import Fusion
from mindleaf.fusion.similarity import LogitScale, standardise
from mindleaf.layers import ranks


def paper_paired_similarity(
    fusion: Fusion,
    eeg: Float[Tensor, "batch frame width"],
    audio: Float[Tensor, "batch frame width"],
    types: Int[Tensor, " batch"] | None = None,
) -> Float[Tensor, "batch batch"]:
    """sim(E_aligned_i, A_aligned_j) of Eq. 10, both aligned with their true partner. UNSOUND, see above.

    Raises BadInput where several processes share the batch: it pairs the windows of one.
    """
    if ranks.apart():
        raise BadInput("pairing=paper_paired pairs the windows of one device; set training.devices=1, or pairing=all_pairs.")
    parts, order = [], []
    for kind, rows in fusion.by_type(types, len(eeg), eeg.device):
        parts.append(fusion.fuse(*fusion.align(eeg[rows], audio[rows], kind)))
        order.append(rows)
    back = torch.cat(order).argsort()
    first, second = (torch.cat([part[side] for part in parts])[back] for side in (0, 1))
    rows_, columns = (rearrange(standardise(x, fusion.centre), "b f w -> b (f w)") for x in (first, second))
    return rows_ @ columns.T / rows_.shape[1]


def authors_decision(
    fusion: Fusion,
    scale: LogitScale,
    eeg: Float[Tensor, "batch frame width"],
    audio: Float[Tensor, "batch stream frame width"],
    attended: Int[Tensor, " batch"],
    types: Int[Tensor, " batch"] | None = None,
) -> Float[Tensor, "batch stream"]:
    """The authors' attention rule, as their public code carries it out.

    The EEG is fused with the *attended* stream and that one vector is compared with every candidate (each aligned with
    the EEG in turn); a candidate's score is its log-probability among the candidates of the same number in the batch.
    UNSOUND: ``attended`` is the answer, and the score of a window depends on which others share its batch. Where
    training has marked the EEG with the sound it is paired with, noise is decoded nearly without error.
    """
    scores = eeg.new_empty(audio.shape[:2])
    for kind, rows in fusion.by_type(types, len(eeg), eeg.device):
        n_streams = audio.shape[1]
        own, heard = fusion.align(eeg[rows], rearrange(audio[rows], "b s f w -> (b s) f w"), kind)
        heard = rearrange(heard, "(b s) f w -> b s f w", s=n_streams)
        truth = heard[torch.arange(len(own), device=own.device), attended[rows]]
        told, _ = fusion.fuse(own, truth)
        _, candidates = fusion.fuse(rearrange(own, "b f w -> b 1 f w"), heard)
        told = rearrange(standardise(told, fusion.centre), "b f w -> b 1 f w")
        scores = scores.index_put((rows,), (told * standardise(candidates, fusion.centre)).mean(dim=(-2, -1)))
    return scores

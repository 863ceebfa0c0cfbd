"""What a model makes of a window, in one vector: the mean of its EEG encoder's tokens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor, nn

from mindleaf.batch import Batch
from mindleaf.encoders.choice import EEGEncoder
from mindleaf.encoders.leaf import LeafTower
from mindleaf.encoders.mindmix import PATCH_SAMPLES, masked_mean
from mindleaf.models.chunking import encode_in_chunks

#: Seconds that encoders of patches read at a time, as a classifier's do.
_CHUNK = 2


@torch.inference_mode()
def embedded(encoder: EEGEncoder, batch: Batch) -> Float[Tensor, "batch width"]:
    """``tokens_mean`` without a gradient; windows that lack channels are read without them."""
    if isinstance(encoder, LeafTower):  # it places any channels on its own
        return tokens_mean(encoder, batch)
    return in_buckets(lambda part: tokens_mean(encoder, part), batch)


def tokens_mean(encoder: EEGEncoder, batch: Batch) -> Float[Tensor, "batch width"]:
    """The tokens of all channels and seconds, averaged; zeros for a window without a usable channel.

    Raises BadInput for windows that the encoder does not take.
    """
    if isinstance(encoder, LeafTower):
        return masked_mean(*encoder.read(batch))
    n_patches = max(1, batch.eeg.shape[-1] // PATCH_SAMPLES)
    tokens, mask = encode_in_chunks(encoder, batch, n_patches, min(_CHUNK, n_patches))
    return masked_mean(rearrange(tokens, "b c p w -> b (c p) w"), rearrange(mask, "b c p -> b (c p)"))


class Embedding(nn.Module):
    """An encoder as a module of batches to vectors, so that it is read like any model."""

    def __init__(self, encoder: EEGEncoder) -> None:
        super().__init__()
        self.encoder = encoder.eval()

    def forward(self, batch: Any) -> Float[Tensor, "batch width"]:
        return embedded(self.encoder, batch)


def in_buckets(answer: Callable[[Batch], Float[Tensor, "part ..."]], batch: Batch) -> Float[Tensor, "batch ..."]:
    """``answer`` for windows of different numbers of channels, each number by itself and without the channels it lacks.

    The same values as for the batch as it is, where absent channels count for nothing. An attention over padding costs as much as
    over EEG, so this is faster the more the numbers differ. Where all windows have the same channels nothing is moved.
    """
    counts = batch.channel_mask.sum(dim=1)
    if bool((counts == batch.channel_mask.shape[1]).all()):
        return answer(batch)
    # Usable channels first, each window's in their order.
    order = batch.channel_mask.int().argsort(dim=1, descending=True, stable=True)
    found, rows = [], []
    for count in counts.unique().tolist():
        some = (counts == count).nonzero().squeeze(1)
        found.append(answer(_without_absent(batch, some, order[some, : max(1, count)])))
        rows.append(some)
    return torch.cat(found)[torch.cat(rows).argsort()]


def _without_absent(batch: Batch, rows: Int[Tensor, " row"], channels: Int[Tensor, "row channel"]) -> Batch:
    place = (rearrange(rows, "n -> n 1"), channels)
    per_window = {
        name: value[rows]
        for name, value in vars(batch).items()
        if isinstance(value, Tensor) and name not in ("eeg", "channel_index", "positions", "channel_mask")
    }
    return replace(
        batch, eeg=batch.eeg[place], channel_index=batch.channel_index[place], positions=batch.positions[place],
        channel_mask=batch.channel_mask[place], **per_window,
    )  # fmt: skip

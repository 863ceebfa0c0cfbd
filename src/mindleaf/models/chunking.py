"""An encoder made for short windows, read over windows of any length."""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F
from einops import rearrange, repeat
from jaxtyping import Bool, Float
from torch import Tensor

from mindleaf.batch import Batch
from mindleaf.encoders.choice import EEGEncoder
from mindleaf.encoders.mindmix import PATCH_SAMPLES


def encode_in_chunks(
    encoder: EEGEncoder, batch: Batch, n_patches: int, chunk: int
) -> tuple[Float[Tensor, "batch channel patch width"], Bool[Tensor, "batch channel patch"]]:
    """Tokens of the first ``n_patches`` seconds, encoded ``chunk`` patches at a time, and which of them exist.

    Each chunk is z-scored per channel, as the windows of pretraining are; missing EEG at the end is padded and masked.
    A window of one chunk or less, already z-scored, gives what the encoder alone gives. An encoder that mixes the channels
    first gives tokens of one virtual channel.
    """
    # ``len(batch)`` would be a number, and fix the size of the batch in an exported program.
    n, n_chunks = batch.eeg.shape[0], -(-n_patches // chunk)
    wanted = n_chunks * chunk * PATCH_SAMPLES
    available = min(batch.eeg.shape[-1], n_patches * PATCH_SAMPLES)
    eeg = F.pad(batch.eeg[..., :available], (0, wanted - available))
    read = torch.arange(wanted, device=eeg.device) < available
    pieces = rearrange(eeg, "b c (k t) -> (b k) c t", k=n_chunks)
    pieces = z_score(pieces, repeat(read, "(k t) -> (b k) 1 t", b=n, k=n_chunks))
    # A patch counts when at least half of it was recorded, the first always.
    whole = rearrange(read, "(p s) -> p s", s=PATCH_SAMPLES).float().mean(dim=1) >= 0.5
    first = torch.arange(len(whole), device=eeg.device) == 0
    patch_mask = repeat(whole | first, "(k p) -> (b k) p", b=n, k=n_chunks)
    tokens, mask = encoder(_repeated(batch, pieces, n_chunks), patch_mask)
    shape = {"b": n, "k": n_chunks, "p": chunk}
    tokens = rearrange(tokens, "(b k) (c p) w -> b c (k p) w", **shape)
    mask = rearrange(mask, "(b k) (c p) -> b c (k p)", **shape)
    return tokens[:, :, :n_patches], mask[:, :, :n_patches]


def z_score(signal: Float[Tensor, "batch channel time"], read: Bool[Tensor, "batch 1 time"]) -> Tensor:
    """Zero mean and unit deviation per channel over the samples that were read; others and flat channels become zeros."""
    count = read.sum(dim=-1, keepdim=True).clamp_min(1)
    centred = (signal - (signal * read).sum(dim=-1, keepdim=True) / count) * read
    deviation = (centred.square().sum(dim=-1, keepdim=True) / count).sqrt()
    return centred / deviation.clamp_min(1e-6) * (deviation > 1e-6)


def _repeated(batch: Batch, eeg: Float[Tensor, "piece channel time"], times: int) -> Batch:
    return replace(
        batch,
        eeg=eeg,
        channel_index=batch.channel_index.repeat_interleave(times, dim=0),
        positions=batch.positions.repeat_interleave(times, dim=0),
        channel_mask=batch.channel_mask.repeat_interleave(times, dim=0),
    )

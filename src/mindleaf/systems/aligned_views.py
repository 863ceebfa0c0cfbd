"""What an aligned model makes of windows, laid open: frames on both sides, frames fused with a sound, one vector per window."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from einops import rearrange
from numpy.typing import NDArray

from mindleaf.encoders.mindmix import masked_mean
from mindleaf.fusion.calra import UNKNOWN_TYPE, Calra
from mindleaf.models.alignment import AlignedModel
from mindleaf.store.batches import BatchReader

_WINDOWS_AT_ONCE = 16


@dataclass(frozen=True)
class AlignedViews:
    """Per window of a reader, stream 0 being the heard one.

    eeg       EEG in the shared space before it meets a sound: (window, frame, dim)
    fused     the same after CALRA joined it with the *heard* sound; None without CALRA. It holds a copy of the answer.
    sound     the audio encoder's features: (window, frame, feature)
    pooled    the EEG encoder's tokens, averaged: (window, width); log variance of ``eeg`` where there is no encoder
    """

    eeg: NDArray[np.float32]
    fused: NDArray[np.float32] | None
    sound: NDArray[np.float32]
    pooled: NDArray[np.float32]


@torch.inference_mode()
def aligned_views(model: AlignedModel, reader: BatchReader) -> AlignedViews:
    """The views of all windows, in order; the model is put in evaluation mode."""
    model.eval()
    parts = [_views(model, reader, ids) for ids in _chunks(len(reader))]
    joined = [None if column[0] is None else np.concatenate(column) for column in zip(*parts, strict=True)]
    return AlignedViews(*joined)  # type: ignore[arg-type]


def _chunks(n: int) -> list[NDArray[np.intp]]:
    return np.array_split(np.arange(n), max(1, -(-n // _WINDOWS_AT_ONCE)))


def _views(model: AlignedModel, reader: BatchReader, ids: NDArray[np.intp]) -> tuple[NDArray | None, ...]:
    batch = reader.read(ids).to(next(model.parameters()).device)
    assert batch.audio is not None
    n_frames = batch.audio.shape[-1]
    eeg = model.eeg_frames(batch, n_frames)
    fused = None
    if isinstance(model.fusion, Calra):
        own, heard = model.fusion.align(eeg, model.audio_frames(batch.audio)[:, 0], UNKNOWN_TYPE)
        fused = model.fusion.fuse(own, heard)[0]
    sound = rearrange(batch.audio[:, 0], "b k f -> b f k")
    if model.encoder is None:
        pooled = (eeg.var(dim=1) + 1e-6).log()
    else:
        tokens, mask = model._tokens(batch, n_frames)
        pooled = masked_mean(rearrange(tokens, "b c p w -> b (c p) w"), rearrange(mask, "b c p -> b (c p)"))
    return tuple(None if part is None else part.float().cpu().numpy() for part in (eeg, fused, sound, pooled))

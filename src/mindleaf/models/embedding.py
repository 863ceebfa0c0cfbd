"""What a model makes of a window, in one vector: the mean of its EEG encoder's tokens."""

from __future__ import annotations

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor

from mindleaf.batch import Batch
from mindleaf.encoders.choice import EEGEncoder
from mindleaf.encoders.leaf import LeafTower
from mindleaf.encoders.mindmix import PATCH_SAMPLES, masked_mean
from mindleaf.models.chunking import encode_in_chunks

#: Seconds that encoders of patches read at a time, as a classifier's do.
_CHUNK = 2


@torch.inference_mode()
def embedded(encoder: EEGEncoder, batch: Batch) -> Float[Tensor, "batch width"]:
    """``tokens_mean`` without a gradient."""
    return tokens_mean(encoder, batch)


def tokens_mean(encoder: EEGEncoder, batch: Batch) -> Float[Tensor, "batch width"]:
    """The tokens of all channels and seconds, averaged; zeros for a window without a usable channel.

    Raises BadInput for windows that the encoder does not take.
    """
    if isinstance(encoder, LeafTower):
        return masked_mean(*encoder.read(batch))
    n_patches = max(1, batch.eeg.shape[-1] // PATCH_SAMPLES)
    tokens, mask = encode_in_chunks(encoder, batch, n_patches, min(_CHUNK, n_patches))
    return masked_mean(rearrange(tokens, "b c p w -> b (c p) w"), rearrange(mask, "b c p -> b (c p)"))

"""A speech model of transformers as a module: samples at 16 kHz to a frame every 20 ms."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from mindleaf.encoders.speech_checkpoint import STRIDE, checked_architecture, import_transformers, settings_of
from mindleaf.errors import BadInput


class SpeechModel(nn.Module):
    """Last hidden states, frame f from second f / 50; the last one is repeated up to the end of the sound.

    Inputs of one call have one length, so nothing is padded and no row can depend on another one: with padding, the
    first layer of wav2vec2-base (a norm over time) would hear it, mask or not.

    architecture    config.json of the checkpoint; the weights are random until ``SpeechCheckpoint.fill``
    mask_time, mask_features   SpecAugment in training (Park et al. 2019): share of frames and of features hidden, in
                               spans of ``mask_frames`` and ``mask_width``; 0 for none. Layer drop is off, dropout is the
                               checkpoint's own.
    """

    def __init__(
        self,
        architecture: dict[str, Any],
        *,
        mask_time: float = 0.0,
        mask_frames: int = 10,
        mask_features: float = 0.0,
        mask_width: int = 10,
    ) -> None:
        super().__init__()
        config = settings_of(checked_architecture(architecture, "speech model"))
        # Built with masking on, the model always has its mask embedding, whatever is set afterwards.
        config.mask_time_prob, config.layerdrop = 1.0, 0.0
        self.model = import_transformers().AutoModel.from_config(config, trust_remote_code=False)
        self.masks = mask_time > 0 or mask_features > 0
        self.mask_frames = mask_frames
        config = self.model.config
        config.apply_spec_augment = self.masks
        config.mask_time_prob, config.mask_time_length = mask_time, mask_frames
        config.mask_feature_prob, config.mask_feature_length = mask_features, mask_width
        self.n_features = int(config.hidden_size)
        self.field = _receptive_field(config.conv_kernel, config.conv_stride)

    def forward(self, samples: Float[Tensor, "n sample"]) -> Float[Tensor, "n feature frame"]:
        """As many frames as 20-ms steps begin within the samples."""
        n_frames = -(-samples.shape[-1] // STRIDE)
        if self.training and self.masks and n_frames <= self.mask_frames:
            raise BadInput(
                f"SpecAugment hides {self.mask_frames} frames at once, a window has {n_frames}; set mask_frames lower."
            )
        heard = F.pad(samples, (0, max(0, self.field - samples.shape[-1])))
        with _numpy_follows_torch(self.training and self.masks):
            states = rearrange(self.model(heard).last_hidden_state, "n f d -> n d f")
        return F.pad(states, (0, n_frames - states.shape[-1]), mode="replicate")

    def parts_below(self, layer: int) -> list[nn.Module]:
        """What lies between the convolutions and transformer layer ``layer``, the first one being 0."""
        if not layer:
            return []
        encoder = self.model.encoder
        # Where the layers are "stable", this norm comes after all of them.
        norm = [] if getattr(self.model.config, "do_stable_layer_norm", False) else [encoder.layer_norm]
        return [self.model.feature_projection, encoder.pos_conv_embed, *norm, *encoder.layers[:layer]]


def normalised(samples: Float[Tensor, "n sample"]) -> Float[Tensor, "n sample"]:
    """Mean 0 and variance 1, row by row, as transformers' feature extractor does where the checkpoint asks for it."""
    centred = samples - samples.mean(dim=-1, keepdim=True)
    return centred / (centred.square().mean(dim=-1, keepdim=True) + 1e-7).sqrt()


class StimulusNorm(nn.Module):
    """The first layer's norm over time, with the moments of a whole stimulus while only a piece of it is at hand."""

    def __init__(self, norm: nn.GroupNorm) -> None:
        super().__init__()
        self.norm = norm
        self.moments: tuple[Tensor, Tensor] | None = None

    def forward(self, hidden: Float[Tensor, "n channel time"]) -> Float[Tensor, "n channel time"]:
        if self.moments is None:
            return self.norm(hidden)
        return F.batch_norm(hidden, *self.moments, self.norm.weight, self.norm.bias, eps=self.norm.eps)


def _receptive_field(kernels: list[int], strides: list[int]) -> int:
    """Samples that one frame sees."""
    field, step = 1, 1
    for kernel, stride in zip(kernels, strides, strict=True):
        field, step = field + (kernel - 1) * step, step * stride
    return field


@contextmanager
def _numpy_follows_torch(active: bool) -> Iterator[None]:
    """transformers draws masks from numpy's global state: tie it to torch's seed, and leave it as it was."""
    if not active:
        yield
        return
    before = np.random.get_state()  # noqa: NPY002
    np.random.seed(int(torch.randint(2**31, (1,))))  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(before)  # noqa: NPY002

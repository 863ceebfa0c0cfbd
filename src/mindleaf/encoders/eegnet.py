"""EEGNet (Lawhern et al. 2018) as braindecode has it, behind a learned spatial filter so that any montage fits."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Literal

from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor, nn

from mindleaf.batch import Batch
from mindleaf.encoders.braindecode import BraindecodeConfig, blocks, braindecode_network, cut_seconds
from mindleaf.encoders.mindmix import PATCH_SAMPLES, presence
from mindleaf.encoders.stem import SpatialFilter

#: Pooling of the two stages, in samples: ten steps a second. The sizes set no parameters.
_POOLS = (5, 4)


class EEGNetEncoder(nn.Module):
    """Channels are mixed to ``sources`` virtual ones, which EEGNet reads; a token is all its features of one second.

    The filter before it is linear, as EEGNet's own spatial convolution is: on one montage the two together say no more
    than the convolution alone. There is one virtual channel of tokens.
    """

    def __init__(
        self, n_electrodes: int, *, sources: int, filters: int, depth: int, kernel: int, dropout: float, max_patches: int
    ) -> None:
        super().__init__()
        self.width, self.max_patches = filters * depth * (PATCH_SAMPLES // (_POOLS[0] * _POOLS[1])), max_patches
        self.spatial = SpatialFilter(n_electrodes, sources)
        self.network = braindecode_network(
            "EEGNet", n_chans=sources, n_outputs=1, n_times=PATCH_SAMPLES, F1=filters, D=depth, kernel_length=kernel,
            pool1_kernel_size=_POOLS[0], pool2_kernel_size=_POOLS[1], drop_prob=dropout, final_layer_with_constraint=True,
        )  # fmt: skip

    def forward(
        self, batch: Batch, patch_mask: Bool[Tensor, "batch patch"] | None = None
    ) -> tuple[Float[Tensor, "batch patch width"], Bool[Tensor, "batch patch"]]:
        """One token a second and which of them exist; the others are zeros."""
        patches = cut_seconds(batch, self.max_patches)
        sources = self.spatial(replace(batch, eeg=rearrange(patches, "b c p s -> b c (p s)")))
        sources = rearrange(sources, "b v (p s) -> b v p s", s=PATCH_SAMPLES)
        present = presence(batch, patches.shape[2], patch_mask).any(dim=1)
        tokens = patches.new_zeros(*present.shape, self.width)
        for rows, _, seconds in blocks(rearrange(present, "b p -> b 1 p")):
            piece = sources[rows][:, :, seconds]
            features = self.network(rearrange(piece, "b v p s -> b v (p s)"))
            features = rearrange(features, "b f 1 (p step) -> b p (step f)", p=len(seconds))
            tokens[rows[:, None], seconds] = features.to(tokens.dtype)
        return tokens, present


class EEGNetConfig(BraindecodeConfig):
    """sources: virtual channels; filters: temporal filters; depth: spatial filters of each; kernel in samples at 200 Hz."""

    sizes: ClassVar = {"tiny": {"sources": 8, "filters": 4, "dropout": 0.0}, "base": {}}

    type: Literal["eegnet"] = "eegnet"
    sources: int = 32
    filters: int = 8
    depth: int = 2
    kernel: int = 64
    dropout: float = 0.25
    max_patches: int = 32

    def build(self, n_electrodes: int) -> EEGNetEncoder:
        return EEGNetEncoder(n_electrodes, **self.model_dump(exclude={"type"}))

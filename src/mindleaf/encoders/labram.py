"""LaBraM (Jiang et al. 2024) as braindecode has it: patches of one second, embeddings by electrode name, a transformer."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar, Literal

import torch
from einops import rearrange, repeat
from jaxtyping import Bool, Int
from torch import Tensor

from mindleaf.encoders.braindecode import BraindecodeConfig, ChannelPatchEncoder, Channels, Patches, Seconds, Tokens
from mindleaf.encoders.mindmix import PATCH_SAMPLES
from mindleaf.errors import BadInput
from mindleaf.montage import ELECTRODES


class LabramEncoder(ChannelPatchEncoder):
    """Channels are found by name in LaBraM's own list; others are not read (a warning tells how many)."""

    place: Tensor

    def __init__(self, n_electrodes: int, *, depth: int, heads: int, features: int, drop_path: float, max_patches: int) -> None:
        super().__init__(
            "Labram", PATCH_SAMPLES // 8 * features, max_patches, num_layers=depth, num_heads=heads, conv_out_channels=features,
            drop_path_prob=drop_path,
        )  # fmt: skip
        self.register_buffer("place", _places(n_electrodes), persistent=False)

    def readable(self, channel_index: Int[Tensor, "batch channel"]) -> Bool[Tensor, "batch channel"]:
        """Raises BadInput where LaBraM knows none of the channels."""
        known = self.place[channel_index] >= 0
        if not known.any():
            raise BadInput(
                "LaBraM reads channels by their 10-10 names, got none it knows; give the recordings a montage, or choose another encoder."
            )
        lost = int((~known).sum(dim=1).max())
        if lost:
            warnings.warn(f"LaBraM does not read {lost} of {known.shape[1]} channels: it has no such names", stacklevel=2)
        return known

    def tokens(self, patches: Patches, channel_index: Channels, seconds: Seconds) -> Tokens:
        # The package's own forward takes windows of one length only, so its parts are put together here.
        network: Any = self.network
        n, channels = patches.shape[:2]
        values = network.patch_embed(rearrange(patches, "b c p s -> b c (p s)"))
        values = rearrange(values, "b (c p) w -> b c p w", c=channels)
        where = network.position_embedding[0, self.place[channel_index] + 1]
        values = values + rearrange(where, "b c w -> b c 1 w") + network.temporal_embedding[0, seconds]
        summary = repeat(network.cls_token + network.position_embedding[:, :1], "1 1 w -> b 1 w", b=n)
        context = network.pos_drop(torch.cat([summary, rearrange(values, "b c p w -> b (c p) w")], dim=1))
        for block in network.blocks:
            context = block(context)
        context = network.norm(context)[:, 1:]
        if network.fc_norm is not None:
            context = network.fc_norm(context)
        return rearrange(context, "b (c p) w -> b c p w", c=channels)


def _places(n_electrodes: int) -> Int[Tensor, " electrode"]:
    """Row of each electrode in LaBraM's list, -1 where it has none; the last entry stands for unnamed channels."""
    from braindecode.models.labram import LABRAM_CHANNEL_ORDER

    row = {name.casefold(): number for number, name in enumerate(LABRAM_CHANNEL_ORDER)}
    return torch.tensor([*(row.get(name.casefold(), -1) for name in ELECTRODES[:n_electrodes]), -1])


class LabramConfig(BraindecodeConfig):
    """The default is LaBraM-base.

    features   channels of the patch convolutions; the width of a token is 25 times that
    weights    a folder or file with weights that braindecode saved for this size; empty for random ones
    """

    sizes: ClassVar = {"tiny": {"depth": 2, "heads": 4, "features": 4, "drop_path": 0.0}, "base": {}}

    type: Literal["labram"] = "labram"
    depth: int = 12
    heads: int = 10
    features: int = 8
    drop_path: float = 0.1
    max_patches: int = 16
    weights: str = ""

    def build(self, n_electrodes: int) -> LabramEncoder:
        """Random weights; ``weights`` is read by ``encoders.weights.load_weights``."""
        return LabramEncoder(n_electrodes, **self.model_dump(exclude={"type", "weights"}))

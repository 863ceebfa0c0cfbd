"""Networks of the package braindecode as encoders: how one is imported, and how it reads the channels and seconds that exist.

These networks know no mask. So each window is given to them without the channels and seconds it lacks, together with the
windows that lack the same, and the tokens go back to where they belong.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any, ClassVar, Self

import torch
from einops import rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from mindleaf.batch import Batch
from mindleaf.config import Config
from mindleaf.encoders.mindmix import PATCH_SAMPLES, presence
from mindleaf.encoders.torchaudio_import import import_torchaudio
from mindleaf.errors import BadInput
from mindleaf.layers.patching import cut_patches

Patches = Float[Tensor, "row channel patch sample"]
Channels = Int[Tensor, "row channel"]
Seconds = Int[Tensor, " patch"]
Tokens = Float[Tensor, "row channel patch width"]
Block = tuple[Int[Tensor, " row"], Int[Tensor, " channel"], Int[Tensor, " patch"]]


def braindecode_network(name: str, **arguments: Any) -> nn.Module:
    """``braindecode.models.NAME`` with random weights and without its head; BadInput where the package cannot be imported."""
    network = getattr(braindecode_models(f"the encoder {name}", "choose encoder=mindmix"), name)(**arguments)
    network.final_layer = nn.Identity()
    return network


def braindecode_models(what: str, instead: str = "choose another model") -> ModuleType:
    """``braindecode.models``; BadInput where the package cannot be imported, saying ``what`` needs it and what to do ``instead``."""
    try:
        with warnings.catch_warnings():
            # What the package's own imports warn of is nothing a user of an encoder can mend.
            warnings.simplefilter("ignore")
            import_torchaudio()
            from braindecode import models
    # A torchaudio built for another torch ends in OSError.
    except (ImportError, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise BadInput(
            f"{what} comes from the package braindecode, which cannot be imported ({reason}); "
            f"run pip install braindecode, or {instead}."
        ) from error
    return models


def blocks(present: Bool[Tensor, "batch channel patch"]) -> Iterator[Block]:
    """Windows that have the same channels and seconds: their rows, and the channels and seconds they have."""
    channels, patches = present.any(dim=2), present.any(dim=1)
    patterns, which = torch.cat([channels, patches], dim=1).unique(dim=0, return_inverse=True)
    for number, pattern in enumerate(patterns):
        has_channel, has_patch = pattern[: channels.shape[1]], pattern[channels.shape[1] :]
        if has_channel.any() and has_patch.any():
            yield tuple(mask.nonzero().squeeze(1) for mask in (which == number, has_channel, has_patch))  # type: ignore[misc]


def cut_seconds(batch: Batch, max_patches: int) -> Float[Tensor, "batch channel patch sample"]:
    """The EEG in patches of one second; BadInput for more than ``max_patches``."""
    patches = cut_patches(batch.eeg, PATCH_SAMPLES)
    if patches.shape[2] > max_patches:
        raise BadInput(
            f"the encoder takes windows of up to {max_patches} s, got {patches.shape[2]} s; set chunk={max_patches} or less."
        )
    return patches


class BraindecodeConfig(Config):
    """Base of their configs: ``type`` is the encoder's name, ``sizes`` are its presets, as what differs from the published size."""

    sizes: ClassVar[Mapping[str, Mapping[str, Any]]]

    @classmethod
    def preset(cls, name: str) -> Self:
        """The named size; raises BadInput listing those there are."""
        if name not in cls.sizes:
            kind = cls.model_fields["type"].default
            raise BadInput(f"encoder preset {kind}:{name} is not known; there are: {', '.join(cls.sizes)}.")
        return cls(**cls.sizes[name])


class ChannelPatchEncoder(nn.Module, ABC):
    """Base of encoders that make one token of each second of each channel.

    name: of the network in the package, which is built for one channel of up to ``max_patches`` seconds; arguments: its others.
    """

    def __init__(self, name: str, width: int, max_patches: int, **arguments: Any) -> None:
        super().__init__()
        self.width, self.max_patches = width, max_patches
        self.network = braindecode_network(
            name, n_times=max_patches * PATCH_SAMPLES, n_chans=1, n_outputs=1, patch_size=PATCH_SAMPLES, **arguments
        )

    @abstractmethod
    def tokens(self, patches: Patches, channel_index: Channels, seconds: Seconds) -> Tokens:
        """Tokens of windows in which everything exists; ``seconds`` are the patches' numbers in the window."""

    def readable(self, channel_index: Int[Tensor, "batch channel"]) -> Bool[Tensor, "batch channel"]:
        """Which channels the network has a place for; all, unless it goes by names."""
        return torch.ones_like(channel_index, dtype=torch.bool)

    def forward(
        self, batch: Batch, patch_mask: Bool[Tensor, "batch patch"] | None = None
    ) -> tuple[Float[Tensor, "batch token width"], Bool[Tensor, "batch token"]]:
        """Tokens, channel by channel, and which of them exist; the others are zeros (as ``MindMixEncoder.forward``)."""
        patches = cut_seconds(batch, self.max_patches)
        readable = rearrange(self.readable(batch.channel_index), "b c -> b c 1")
        present = presence(batch, patches.shape[2], patch_mask) & readable
        tokens = patches.new_zeros(*present.shape, self.width)
        for rows, channels, seconds in blocks(present):
            place = (rearrange(rows, "b -> b 1 1"), rearrange(channels, "c -> c 1"), seconds)
            index = batch.channel_index[rows[:, None], channels]
            tokens[place] = self.tokens(patches[place], index, seconds).to(tokens.dtype)
        return rearrange(tokens, "b c p w -> b (c p) w"), rearrange(present, "b c p -> b (c p)")

"""CBraMod (Wang et al. 2025) as braindecode has it: criss-cross attention over channels and over time."""

from __future__ import annotations

from typing import ClassVar, Literal

from einops import rearrange

from mindleaf.encoders.braindecode import BraindecodeConfig, ChannelPatchEncoder, Channels, Patches, Seconds, Tokens
from mindleaf.encoders.mindmix import PATCH_SAMPLES


class CBraModEncoder(ChannelPatchEncoder):
    """The network tells channels by their neighbours in the array, not by name.

    So they are given to it in the order of the electrode table, front to back, whatever order they come in; channels
    without a name come last, in the order they have.
    """

    def __init__(self, *, depth: int, heads: int, hidden: int, dropout: float, max_patches: int) -> None:
        super().__init__(
            "CBraMod", PATCH_SAMPLES, max_patches, n_layer=depth, nhead=heads, dim_feedforward=hidden, drop_prob=dropout,
            return_encoder_output=True,
        )  # fmt: skip

    def tokens(self, patches: Patches, channel_index: Channels, seconds: Seconds) -> Tokens:
        order = channel_index.argsort(dim=1, stable=True)
        ordered = patches.take_along_dim(rearrange(order, "b c -> b c 1 1"), dim=1)
        tokens = self.network(rearrange(ordered, "b c p s -> b c (p s)"))
        return tokens.take_along_dim(rearrange(order.argsort(dim=1), "b c -> b c 1 1"), dim=1)


class CBraModConfig(BraindecodeConfig):
    """The default is the published size. ``weights``: a folder or file with weights for it; empty for random ones."""

    sizes: ClassVar = {"tiny": {"depth": 1, "heads": 4, "hidden": 200, "dropout": 0.0}, "base": {}}

    type: Literal["cbramod"] = "cbramod"
    depth: int = 12
    heads: int = 8
    hidden: int = 800
    dropout: float = 0.1
    max_patches: int = 32
    weights: str = ""

    def build(self, n_electrodes: int) -> CBraModEncoder:
        """Random weights; ``weights`` is read by ``encoders.weights.load_weights``. Electrode names set no size here."""
        return CBraModEncoder(**self.model_dump(exclude={"type", "weights"}))

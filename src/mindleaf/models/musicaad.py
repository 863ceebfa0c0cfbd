"""MusicAAD: recurrent maps of EEG and of each sound, and how alike they are as pictures."""

from __future__ import annotations

from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from mindleaf.layers.similarity import StructuralSimilarity
from mindleaf.models.two_streams import TwoStreams

#: Frames that the convolution needs before its first output, and those of the smallest map that can be compared.
_CONSUMED, _SMALLEST = 18, 16
#: Frames that a window must have.
MIN_FRAMES = _CONSUMED + _SMALLEST


class _Recurrent(nn.Module):
    """A dilated convolution without padding, batch norm, and a gated recurrent unit: values between -1 and 1."""

    def __init__(self, n_in: int, filters: int, width: int) -> None:
        super().__init__()
        self.filter = nn.Sequential(nn.Conv1d(n_in, filters, 7, dilation=3), nn.BatchNorm1d(filters))
        self.unit = nn.GRU(filters, width, batch_first=True)

    def forward(self, signal: Float[Tensor, "batch row time"]) -> Float[Tensor, "batch shorter width"]:
        return self.unit(rearrange(self.filter(signal), "b f t -> b t f"))[0]


class MusicAAD(TwoStreams):
    """34,566 parameters at 20 channels, 28 bands and two streams.

    Y. Niu, N. Chen, H. Zhu, J. Jin, G. Li, "Music-oriented auditory attention detection from electroencephalogram",
    Neuroscience Letters (2024), 137534.
    EEG and envelopes of 28 bands at 64 Hz, windows of 34 frames or more. Onsets and chroma beside the envelopes, an option
    of the published network, are left out.
    """

    def __init__(self, n_channels: int, n_bands: int, *, filters: int = 32, width: int = 48) -> None:
        super().__init__()
        self.eeg, self.sound = _Recurrent(n_channels, filters, width), _Recurrent(n_bands, filters, width)
        self.similarity = StructuralSimilarity(_SMALLEST, 0.7, span=2.0)
        self.final_layer = nn.Linear(2, 2)

    def read(self, eeg: Float[Tensor, "batch channel time"]) -> Float[Tensor, "batch shorter width"]:
        return self.eeg(eeg)

    def evidence(
        self, heard: Float[Tensor, "batch shorter width"], pair: Float[Tensor, "batch 2 band time"]
    ) -> Float[Tensor, "batch place logit"]:
        maps = self.sound(rearrange(pair, "b place f t -> (b place) f t"))
        alike = self.similarity(maps, heard.repeat_interleave(2, dim=0))
        return rearrange(alike, "(b place) -> b place 1", place=2) * self.final_layer.weight.T

"""AADNet: learned filters of EEG and envelopes, their correlations over time, one linear layer."""

from __future__ import annotations

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from mindleaf.models.two_streams import TwoStreams, correlations

#: Of each path through the EEG: width of its entry, length of its filter in samples (None: no filter).
_EEG_PATHS = ((32, None), (16, 19), (8, 25), (4, 33), (2, 39))
_AUDIO_PATHS = ((1, None), (1, 65), (1, 81))


class _Inception(nn.Module):
    """Paths of several filter lengths side by side; with ``pooled``, one more after a maximum over three samples."""

    def __init__(self, n_in: int, paths: tuple[tuple[int, int | None], ...], width: int, pooled: bool = False) -> None:
        super().__init__()
        self.paths = nn.ModuleList()
        for entry, length in paths:
            enter = nn.Conv1d(n_in, entry, 1)
            filters = [] if length is None else [nn.Conv1d(entry, width, length, padding=length // 2)]
            self.paths.append(nn.Sequential(enter, *filters, nn.ReLU()))
        if pooled:
            self.paths.append(nn.Sequential(nn.MaxPool1d(3, stride=1, padding=1), nn.Conv1d(n_in, width, 1), nn.ReLU()))

    def forward(self, signal: Float[Tensor, "batch channel time"]) -> Float[Tensor, "batch feature time"]:
        return torch.cat([path(signal) for path in self.paths], dim=1)


class AADNet(TwoStreams):
    """13,798 parameters at 64 channels and two streams.

    N. D. T. Nguyen, H. Phan, S. Geirnaert, K. Mikkelsen, P. Kidmose, "AADNet: an end-to-end deep learning model for auditory
    attention decoding", IEEE TNSRE 33 (2025). Signals and envelopes at 64 Hz.

    The two batch norms over EEG and sounds together are held as one for the EEG and one for the sounds, which is the same:
    they work on each row by itself.
    """

    def __init__(self, n_channels: int, *, dropout: float = 0.4) -> None:
        super().__init__()
        self.eeg_in, self.sound_in = nn.BatchNorm1d(n_channels), nn.BatchNorm1d(2)
        self.eeg_paths = _Inception(n_channels, _EEG_PATHS, 8, pooled=True)
        self.sound_paths = _Inception(1, _AUDIO_PATHS, 4)
        n_eeg, n_sound = 32 + 4 * 8 + 8, 1 + 2 * 4
        self.eeg_out, self.sound_out = nn.BatchNorm1d(n_eeg), nn.BatchNorm1d(2 * n_sound)
        self.dropout = nn.Dropout(dropout)
        self.final_layer = nn.Linear(2 * n_sound * n_eeg, 2)

    def read(self, eeg: Float[Tensor, "batch channel time"]) -> Float[Tensor, "batch feature time"]:
        return self.eeg_out(self.eeg_paths(self.eeg_in(eeg)))

    def evidence(
        self, heard: Float[Tensor, "batch feature time"], pair: Float[Tensor, "batch 2 1 time"]
    ) -> Float[Tensor, "batch place logit"]:
        envelopes = self.sound_in(rearrange(pair, "b place 1 t -> b place t"))
        sounds = self.sound_paths(rearrange(envelopes, "b place t -> (b place) 1 t"))
        sounds = self.sound_out(rearrange(sounds, "(b place) f t -> b (place f) t", place=2))
        r = rearrange(self.dropout(correlations(sounds, heard)), "b (place f) e -> b place (f e)", place=2)
        weights = rearrange(self.final_layer.weight, "logit (place r) -> place r logit", place=2)
        return torch.einsum("bpr,prl->bpl", r, weights)

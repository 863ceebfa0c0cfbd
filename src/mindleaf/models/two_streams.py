"""TwoStreams: networks that compare two sounds side by side, asked about any number of them."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from einops import rearrange, repeat
from jaxtyping import Float
from torch import Tensor, nn

from mindleaf.batch import Batch


class TwoStreams(nn.Module, ABC):
    """EEG and the sounds in two places; one logit for each place says how much its sound is the attended one.

    The published heads are linear layers over both places side by side, so what a sound adds to the logits depends on the
    place it stands in, and on nothing else (in evaluation mode). The mean over both orders of two sounds therefore splits into
    one score a sound: half of what it adds in favour of itself in the first place and in the second. ``forward`` gives these
    scores. Their difference is the logit of the published network averaged over both orders, so no order can
    be preferred, and any number of sounds can be ranked.
    """

    final_layer: nn.Linear

    @abstractmethod
    def read(self, eeg: Float[Tensor, "batch channel time"]) -> Float[Tensor, "batch row column"]:
        """What the network makes of the EEG, whatever sounds there are."""

    @abstractmethod
    def evidence(
        self, heard: Float[Tensor, "batch row column"], pair: Float[Tensor, "batch 2 feature frame"]
    ) -> Float[Tensor, "batch place logit"]:
        """What the sound in each place adds to both logits."""

    def compare(
        self, eeg: Float[Tensor, "batch channel time"], pair: Float[Tensor, "batch 2 feature frame"]
    ) -> Float[Tensor, "batch 2"]:
        """The published network: logits of the two places."""
        return self.evidence(self.read(eeg), pair).sum(dim=1) + self.final_layer.bias

    def forward(self, batch: Batch) -> Float[Tensor, "batch stream"]:
        """A score for each candidate by itself, as explained above."""
        assert batch.audio is not None
        n_streams = batch.audio.shape[1]
        heard = self.read(batch.eeg).repeat_interleave(n_streams, dim=0)
        twice = repeat(batch.audio, "b s f t -> (b s) place f t", place=2)
        both = self.evidence(heard, twice)
        for_itself = both[:, 0, 0] - both[:, 0, 1] + both[:, 1, 1] - both[:, 1, 0]
        return rearrange(for_itself / 2, "(b s) -> b s", s=n_streams)


def correlations(
    first: Float[Tensor, "batch one time"], second: Float[Tensor, "batch two time"]
) -> Float[Tensor, "batch one two"]:
    """Pearson's r over time of each of the first with each of the second; 0 where either is constant."""
    a, b = (_unit(signal) for signal in (first, second))
    return torch.einsum("bit,bjt->bij", a, b)


def _unit(signal: Float[Tensor, "batch row time"]) -> Float[Tensor, "batch row time"]:
    centred = signal - signal.mean(dim=-1, keepdim=True)
    return centred / (centred.square().sum(dim=-1, keepdim=True) + 1e-8).sqrt()

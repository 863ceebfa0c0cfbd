"""What every fusion answers: the score of a pair from that pair alone."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Literal

import torch
from einops import rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from mindleaf.fusion.blocks import in_blocks
from mindleaf.fusion.similarity import cosine, standardise

#: vector: one frame per item. frames: time-resolved items of equal length. tokens: items of any two lengths.
Form = Literal["vector", "frames", "tokens"]


class Fusion(nn.Module, ABC):
    """Scores EEG items against sounds, every pair fused by itself, so no pair can know of another.

    A subclass gives ``fuse``; the score is the cosine of the two vectors (or sequences of frames, each dimension
    centred in time) that it returns. ``present`` marks the EEG tokens that exist and is read in the form "tokens" only.
    """

    def __init__(self, form: Form) -> None:
        super().__init__()
        self.form: Form = form

    @property
    def centre(self) -> bool:
        return self.form == "frames"

    @property
    def last_maps(self) -> list[nn.Module]:
        """The maps that write what is compared; a probe trains these alone."""
        return []

    @abstractmethod
    def fuse(
        self,
        eeg: Float[Tensor, "*row token width"],
        audio: Float[Tensor, "*column frame width"],
        present: Bool[Tensor, "*row token"] | None = None,
    ) -> tuple[Float[Tensor, "*pair frame width"], Float[Tensor, "*pair frame width"]]:
        """The two sides of each pair after they have met. Leading axes broadcast."""

    @abstractmethod
    def numbers_per_pair(self, n_tokens: int, n_frames: int) -> int:
        """Size of the widest intermediate of one pair."""

    def align(
        self,
        eeg: Float[Tensor, "row token width"],
        audio: Float[Tensor, "column frame width"],
        type_index: int = 0,
    ) -> tuple[Float[Tensor, "row token width"], Float[Tensor, "column frame width"]]:
        """What is done to each item before it meets another: frames are centred and scaled."""
        if self.form == "frames":
            return standardise(eeg, centre=True), standardise(audio, centre=True)
        return eeg, audio

    def by_type(
        self, types: Int[Tensor, " item"] | None, n_items: int, device: torch.device, everyone: bool = False
    ) -> list[tuple[int, Int[Tensor, " some"]]]:
        """Positions of the items that are aligned alike; all of them where a fusion does not look at types.

        ``everyone``: the items are of all windows of a batch, not only of those that this process has.
        """
        return [(0, torch.arange(n_items, device=device))]

    def forward(
        self,
        eeg: Float[Tensor, "batch token width"],
        audio: Float[Tensor, "batch stream frame width"],
        types: Int[Tensor, " batch"] | None = None,
        present: Bool[Tensor, "batch token"] | None = None,
    ) -> Float[Tensor, "batch stream"]:
        """Score of each candidate of each window, every candidate fused separately with the EEG."""
        scores = eeg.new_empty(audio.shape[:2])
        for type_index, rows in self.by_type(types, len(eeg), eeg.device):
            n_streams = audio.shape[1]
            own, heard = self.align(eeg[rows], rearrange(audio[rows], "b s f w -> (b s) f w"), type_index)
            heard = rearrange(heard, "(b s) f w -> b s f w", s=n_streams)
            there = None if present is None else rearrange(present[rows], "b t -> b 1 t")
            fused = self.fuse(rearrange(own, "b t w -> b 1 t w"), heard, there)
            scores = scores.index_put((rows,), cosine(*fused, centre=self.centre))
        return scores

    def all_pairs(
        self,
        eeg: Float[Tensor, "row token width"],
        audio: Float[Tensor, "column frame width"],
        types: Int[Tensor, " column"] | None = None,
        present: Bool[Tensor, "row token"] | None = None,
    ) -> Float[Tensor, "row column"]:
        """Score of every EEG item against every candidate, each pair fused by itself. ``types`` are the candidates'."""
        groups = self.by_type(types, len(audio), audio.device, everyone=True)
        parts = [self.score_aligned(*self.align(eeg, audio[columns], kind), present) for kind, columns in groups]
        order = torch.cat([columns for _, columns in groups])
        return torch.cat(parts, dim=1)[:, order.argsort()]

    def score_aligned(
        self,
        eeg: Float[Tensor, "row token width"],
        audio: Float[Tensor, "column frame width"],
        present: Bool[Tensor, "row token"] | None = None,
    ) -> Float[Tensor, "row column"]:
        """Scores of all pairs of items already aligned, in blocks of rows."""

        def scores(rows: slice) -> Tensor:
            there = None if present is None else rearrange(present[rows], "n t -> n 1 t")
            return cosine(*self.fuse(rearrange(eeg[rows], "n t w -> n 1 t w"), audio, there), centre=self.centre)

        return in_blocks(scores, len(eeg), len(audio) * self.numbers_per_pair(eeg.shape[-2], audio.shape[-2]))

"""CALRA: type aligner, bi-directional cross-attention, shared low-rank product (MindMix, section 3.3)."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor, nn

from mindleaf.fusion.pairing import score_all_pairs
from mindleaf.fusion.similarity import cosine, standardise

#: Kinds of sound the aligner tells apart; ``Batch.auditory_type`` is an index into this tuple.
AUDITORY_TYPES: tuple[str, ...] = ("speech", "competing_speech", "music", "other", "unknown")
UNKNOWN_TYPE = AUDITORY_TYPES.index("unknown")

Form = Literal["vector", "frames"]


class TypeAligner(nn.Module):
    """A residual linear map per auditory type, the identity at the start (f_k of Eq. 4).

    In training a sound's type is now and then said to be unknown, so that unknown types are in distribution.
    """

    def __init__(self, width: int, n_types: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(n_types, width, width))
        self.bias = nn.Parameter(torch.zeros(n_types, width))

    def forward(self, items: Float[Tensor, "item frame width"], type_index: int) -> Float[Tensor, "item frame width"]:
        return items + F.linear(items, self.weight[type_index], self.bias[type_index])


class CrossAttention(nn.Module):
    """Attention of one vector to one vector of the other modality.

    A softmax over a single key is 1, so the output is W_O W_V of the source whatever the query (Eq. 5 and 6 on 1 x D
    vectors). The query and key maps are kept because the paper has them; they take no part and get no gradient.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"cross-attention wants a width that {heads} heads divide, got {width}.")
        self.query, self.key = nn.Linear(width, width), nn.Linear(width, width)
        self.value, self.out = nn.Linear(width, width), nn.Linear(width, width)
        for unused in (self.query, self.key):
            unused.requires_grad_(False)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, source: Float[Tensor, "*item width"]) -> Float[Tensor, "*item width"]:
        return self.out(self.value(source))


class Side(nn.Module):
    """The maps of one modality."""

    def __init__(self, width: int, heads: int, hidden: int, rank: int) -> None:
        super().__init__()
        self.listen = CrossAttention(width, heads)
        self.listen_norm = nn.LayerNorm(width)
        self.expand, self.contract = nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.forward_norm = nn.LayerNorm(width)
        self.down, self.up = nn.Linear(width, rank), nn.Linear(rank, width)
        self.out_norm = nn.LayerNorm(width)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)


class Calra(nn.Module):
    """Scores EEG against audio after letting each refine the other. 1,203,584 parameters at the paper's size, aligner apart.

    ``form`` "vector": items of one frame, post-norm as in the paper. "frames": the same maps act on every frame of a
    time-resolved item, pre-norm, and the score is the cosine over time x width after centring in time; a norm *after*
    each sum would erase how strong a frame is, which is what an envelope says. What crosses between the modalities
    (cross-attention output, low-rank feedback) is zero at the start, so training starts from two towers.

    A pair is scored under the *candidate's* auditory type on both sides: the type is a label, and an EEG item that
    carried its own would match sounds by label.
    """

    def __init__(
        self,
        width: int = 256,
        *,
        heads: int = 4,
        hidden: int = 512,
        rank: int = 128,
        form: Form = "vector",
        aligner: bool = True,
        type_dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.form, self.type_dropout = form, type_dropout
        self.eeg, self.audio = Side(width, heads, hidden, rank), Side(width, heads, hidden, rank)
        self.shared = nn.Linear(rank, rank)
        self.eeg_aligner = TypeAligner(width, len(AUDITORY_TYPES)) if aligner else None
        self.audio_aligner = TypeAligner(width, len(AUDITORY_TYPES)) if aligner else None
        if form == "frames":
            for side in (self.eeg, self.audio):
                nn.init.zeros_(side.contract.weight)
                nn.init.zeros_(side.contract.bias)

    @property
    def centre(self) -> bool:
        return self.form == "frames"

    def align(
        self,
        eeg: Float[Tensor, "row frame width"],
        audio: Float[Tensor, "column frame width"],
        type_index: int = UNKNOWN_TYPE,
    ) -> tuple[Float[Tensor, "row frame width"], Float[Tensor, "column frame width"]]:
        """Items standardised (frames form) and put through the aligner of one type."""
        if self.form == "frames":
            eeg, audio = standardise(eeg, centre=True), standardise(audio, centre=True)
        if self.eeg_aligner is None or self.audio_aligner is None:
            return eeg, audio
        return self.eeg_aligner(eeg, type_index), self.audio_aligner(audio, type_index)

    def fuse(
        self, eeg: Float[Tensor, "*pair frame width"], audio: Float[Tensor, "*pair frame width"]
    ) -> tuple[Float[Tensor, "*pair frame width"], Float[Tensor, "*pair frame width"]]:
        """The aligned pair (Eq. 5-9), written as the equations are. Leading axes broadcast."""
        eeg_state = self._refine(self.eeg, eeg + self.eeg.listen(audio))
        audio_state = self._refine(self.audio, audio + self.audio.listen(eeg))
        eeg_low, audio_low = self._down(self.eeg, eeg_state), self._down(self.audio, audio_state)
        product = F.gelu(self.shared(eeg_low * audio_low))
        eeg_out, audio_out = eeg_state + self.eeg.up(product), audio_state + self.audio.up(product)
        if self.form == "frames":
            return eeg_out, audio_out
        return self.eeg.out_norm(eeg_out), self.audio.out_norm(audio_out)

    def _refine(self, side: Side, heard: Tensor) -> Tensor:
        if self.form == "frames":
            return heard + side.contract(F.gelu(side.expand(side.listen_norm(heard))))
        state = side.listen_norm(heard)
        return side.forward_norm(state + side.contract(F.gelu(side.expand(state))))

    def _down(self, side: Side, state: Tensor) -> Tensor:
        return side.down(side.forward_norm(state) if self.form == "frames" else state)

    def forward(
        self,
        eeg: Float[Tensor, "batch frame width"],
        audio: Float[Tensor, "batch stream frame width"],
        types: Int[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, "batch stream"]:
        """Score of each candidate of each window, every candidate fused separately with the EEG."""
        scores = eeg.new_empty(audio.shape[:2])
        for type_index, rows in self.by_type(types, len(eeg), eeg.device):
            n_streams = audio.shape[1]
            own, heard = self.align(eeg[rows], rearrange(audio[rows], "b s f w -> (b s) f w"), type_index)
            heard = rearrange(heard, "(b s) f w -> b s f w", s=n_streams)
            fused = self.fuse(rearrange(own, "b f w -> b 1 f w"), heard)
            scores = scores.index_put((rows,), cosine(*fused, centre=self.centre))
        return scores

    def by_type(
        self, types: Int[Tensor, " item"] | None, n_items: int, device: torch.device
    ) -> list[tuple[int, Int[Tensor, " some"]]]:
        """Positions of the items of each auditory type; in training some are dropped to unknown."""
        if types is None or self.eeg_aligner is None:
            return [(UNKNOWN_TYPE, torch.arange(n_items, device=device))]
        if self.training and self.type_dropout > 0:
            dropped = torch.rand(n_items, device=device) < self.type_dropout
            types = torch.where(dropped, UNKNOWN_TYPE, types)
        return [(int(kind), (types == kind).nonzero().squeeze(1)) for kind in types.unique()]

    def all_pairs(
        self,
        eeg: Float[Tensor, "row frame width"],
        audio: Float[Tensor, "column frame width"],
        types: Int[Tensor, " column"] | None = None,
    ) -> Float[Tensor, "row column"]:
        """Score of every EEG item against every candidate, each pair fused by itself. ``types`` are the candidates'."""
        groups = self.by_type(types, len(audio), audio.device)
        parts = [score_all_pairs(self, *self.align(eeg, audio[columns], kind)) for kind, columns in groups]
        order = torch.cat([columns for _, columns in groups])
        return torch.cat(parts, dim=1)[:, order.argsort()]

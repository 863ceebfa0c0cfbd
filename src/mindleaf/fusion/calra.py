"""CALRA: type aligner, bi-directional cross-attention, shared low-rank product (MindMix, section 3.3)."""

from __future__ import annotations

from functools import partial

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from mindleaf.fusion.attention import CrossAttention, TokenAttention
from mindleaf.fusion.fusion import Form, Fusion
from mindleaf.fusion.pairing import score_all_pairs
from mindleaf.layers.ranks import own_rows

#: Kinds of sound the aligner tells apart; ``Batch.auditory_type`` is an index into this tuple.
AUDITORY_TYPES: tuple[str, ...] = ("speech", "competing_speech", "music", "other", "unknown")
UNKNOWN_TYPE = AUDITORY_TYPES.index("unknown")


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


class Side(nn.Module):
    """The maps of one modality; what an ablation leaves out is None."""

    listen: CrossAttention | None
    down: nn.Linear | None
    up: nn.Linear | None

    def __init__(self, width: int, hidden: int, rank: int | None, listen: CrossAttention | None) -> None:
        super().__init__()
        self.listen = listen
        self.listen_norm = nn.LayerNorm(width)
        self.expand, self.contract = nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.forward_norm = nn.LayerNorm(width)
        self.down = self.up = None
        if rank is not None:
            self.down, self.up = nn.Linear(width, rank), nn.Linear(rank, width)
        self.out_norm = nn.LayerNorm(width)
        if self.up is not None:
            nn.init.zeros_(self.up.weight)
            nn.init.zeros_(self.up.bias)

    def hear(
        self,
        own: Float[Tensor, "*own token width"],
        other: Float[Tensor, "*other key width"],
        present: Bool[Tensor, "*other key"] | None = None,
    ) -> Float[Tensor, "*pair token width"]:
        """The own tokens plus what they take from the other side's."""
        if self.listen is None:
            return own
        if isinstance(self.listen, TokenAttention):
            return own + self.listen(own, other, present)
        return own + self.listen(other)


class Calra(Fusion):
    """Scores EEG against audio after letting each refine the other. 1,203,584 parameters at the paper's size, aligner apart.

    ``form`` "vector": items of one frame, post-norm as in the paper. "frames": the same maps act on every frame of a
    time-resolved item, pre-norm, and the score is the cosine over time x width after centring in time; a norm *after*
    each sum would erase how strong a frame is, which is what an envelope says. "tokens": EEG tokens and audio tokens
    attend to each other for real, post-norm, and the means of both go on as in the vector form. What crosses between
    the modalities (cross-attention output, low-rank feedback) is zero at the start, so training starts from two towers.

    A pair is scored under the *candidate's* auditory type on both sides: the type is a label, and an EEG item that
    carried its own would match sounds by label.

    ``aligner``, ``cross_attention``, ``low_rank`` False leave that part out (Table 3). ``attends``: each frame attends to
    all frames of the other side, in the frames form too.
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
        cross_attention: bool = True,
        low_rank: bool = True,
        type_dropout: float = 0.1,
        attends: bool = False,
    ) -> None:
        super().__init__(form)
        self.type_dropout, self.hidden, self.heads = type_dropout, hidden, heads
        self.attends = cross_attention and (attends or form == "tokens")
        attention = TokenAttention if self.attends else CrossAttention
        self.eeg, self.audio = (
            Side(width, hidden, rank if low_rank else None, attention(width, heads) if cross_attention else None)
            for _ in range(2)
        )
        self.shared = nn.Linear(rank, rank) if low_rank else None
        self.eeg_aligner = TypeAligner(width, len(AUDITORY_TYPES)) if aligner else None
        self.audio_aligner = TypeAligner(width, len(AUDITORY_TYPES)) if aligner else None
        if form == "frames":
            for side in (self.eeg, self.audio):
                nn.init.zeros_(side.contract.weight)
                nn.init.zeros_(side.contract.bias)

    def align(
        self,
        eeg: Float[Tensor, "row token width"],
        audio: Float[Tensor, "column frame width"],
        type_index: int = UNKNOWN_TYPE,
    ) -> tuple[Float[Tensor, "row token width"], Float[Tensor, "column frame width"]]:
        """Items standardised (frames form) and put through the aligner of one type."""
        eeg, audio = super().align(eeg, audio)
        if self.eeg_aligner is None or self.audio_aligner is None:
            return eeg, audio
        return self.eeg_aligner(eeg, type_index), self.audio_aligner(audio, type_index)

    def fuse(
        self,
        eeg: Float[Tensor, "*row token width"],
        audio: Float[Tensor, "*column frame width"],
        present: Bool[Tensor, "*row token"] | None = None,
    ) -> tuple[Float[Tensor, "*pair frame width"], Float[Tensor, "*pair frame width"]]:
        """The aligned pair (Eq. 5-9), written as the equations are."""
        eeg_state = self._refine(self.eeg, self.eeg.hear(eeg, audio))
        audio_state = self._refine(self.audio, self.audio.hear(audio, eeg, present))
        if self.form == "tokens":
            eeg_state, audio_state = _token_mean(eeg_state, present), _token_mean(audio_state, None)
        return self.feed_back(eeg_state, audio_state)

    def feed_back(
        self, eeg_state: Float[Tensor, "*pair frame width"], audio_state: Float[Tensor, "*pair frame width"]
    ) -> tuple[Float[Tensor, "*pair frame width"], Float[Tensor, "*pair frame width"]]:
        """The shared low-rank product, fed back to both sides (Eq. 7-9)."""
        if self.shared is not None:
            product = self._down(self.eeg, eeg_state) * self._down(self.audio, audio_state)
            product = F.gelu(self.shared(product))
            assert self.eeg.up is not None and self.audio.up is not None
            eeg_state, audio_state = eeg_state + self.eeg.up(product), audio_state + self.audio.up(product)
        if self.form == "frames":
            return eeg_state, audio_state
        return self.eeg.out_norm(eeg_state), self.audio.out_norm(audio_state)

    def _refine(self, side: Side, heard: Tensor) -> Tensor:
        if self.form == "frames":
            return heard + side.contract(F.gelu(side.expand(side.listen_norm(heard))))
        state = side.listen_norm(heard)
        return side.forward_norm(state + side.contract(F.gelu(side.expand(state))))

    def _down(self, side: Side, state: Tensor) -> Tensor:
        assert side.down is not None
        return side.down(side.forward_norm(state) if self.form == "frames" else state)

    def numbers_per_pair(self, n_tokens: int, n_frames: int) -> int:
        widest = self.hidden * max(n_tokens, n_frames)
        return max(widest, self.heads * n_tokens * n_frames) if self.attends else widest

    @property
    def last_maps(self) -> list[nn.Module]:
        return [side.contract if side.up is None else side.up for side in (self.eeg, self.audio)]

    def by_type(
        self, types: Int[Tensor, " item"] | None, n_items: int, device: torch.device, everyone: bool = False
    ) -> list[tuple[int, Int[Tensor, " some"]]]:
        """Positions of the items of each auditory type; in training some are dropped to unknown."""
        if types is None or self.eeg_aligner is None:
            return [(UNKNOWN_TYPE, torch.arange(n_items, device=device))]
        if self.training and self.type_dropout > 0:
            draw = partial(torch.rand, device=device)
            chances = draw(n_items) if everyone else own_rows(draw, (n_items,))
            types = torch.where(chances < self.type_dropout, UNKNOWN_TYPE, types)
        return [(int(kind), (types == kind).nonzero().squeeze(1)) for kind in types.unique()]

    def score_aligned(
        self,
        eeg: Float[Tensor, "row token width"],
        audio: Float[Tensor, "column frame width"],
        present: Bool[Tensor, "row token"] | None = None,
    ) -> Float[Tensor, "row column"]:
        if self.attends or self.form == "tokens":
            return super().score_aligned(eeg, audio, present)
        return score_all_pairs(self, eeg, audio)


def _token_mean(
    tokens: Float[Tensor, "*pair token width"], present: Bool[Tensor, "*pair token"] | None
) -> Float[Tensor, "*pair 1 width"]:
    """Mean over the tokens that exist; zeros where there is none."""
    if present is None:
        return tokens.mean(dim=-2, keepdim=True)
    weights = present.unsqueeze(-1).to(tokens.dtype)
    return (tokens * weights).sum(dim=-2, keepdim=True) / weights.sum(dim=-2, keepdim=True).clamp_min(1.0)

"""Concatenation and a perceptron: the plainest way to let two modalities meet (an ablation of MindMix, Table 3)."""

from __future__ import annotations

import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor, nn

from mindleaf.fusion.blocks import in_blocks
from mindleaf.fusion.fusion import Form, Fusion
from mindleaf.fusion.similarity import cosine


class ConcatMlp(Fusion):
    """A two-layer perceptron reads both sides of a pair, one after the other, and adds something to each.

    So only how the sides meet differs from CALRA: a sum in place of a product. In the form "frames" it reads a frame of
    the EEG with the frame of the sound at the same time, and nothing is normalised after the sum. Its output is zero at
    the start. No auditory types. The first layer is a sum of one map per side, computed per item and not per pair.
    """

    def __init__(self, width: int = 256, *, hidden: int = 512, form: Form = "vector") -> None:
        super().__init__(form)
        self.hidden = hidden
        self.read_eeg, self.read_audio = nn.Linear(width, hidden), nn.Linear(width, hidden, bias=False)
        self.write = nn.Linear(hidden, 2 * width)
        self.eeg_norm, self.audio_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        nn.init.zeros_(self.write.weight)
        nn.init.zeros_(self.write.bias)

    def numbers_per_pair(self, n_tokens: int, n_frames: int) -> int:
        return n_tokens * max(self.hidden, self.write.out_features)

    @property
    def last_maps(self) -> list[nn.Module]:
        return [self.write]

    def fuse(
        self,
        eeg: Float[Tensor, "*row frame width"],
        audio: Float[Tensor, "*column frame width"],
        present: Bool[Tensor, "*row frame"] | None = None,
    ) -> tuple[Float[Tensor, "*pair frame width"], Float[Tensor, "*pair frame width"]]:
        return self._join(eeg, audio, self.read_eeg(eeg), self.read_audio(audio))

    def _join(
        self,
        eeg: Tensor,
        audio: Tensor,
        eeg_read: Float[Tensor, "*row frame hidden"],
        audio_read: Float[Tensor, "*column frame hidden"],
    ) -> tuple[Tensor, Tensor]:
        to_eeg, to_audio = self.write(F.gelu(eeg_read + audio_read)).chunk(2, dim=-1)
        if self.form == "frames":
            return eeg + to_eeg, audio + to_audio
        return self.eeg_norm(eeg + to_eeg), self.audio_norm(audio + to_audio)

    def score_aligned(
        self,
        eeg: Float[Tensor, "row frame width"],
        audio: Float[Tensor, "column frame width"],
        present: Bool[Tensor, "row frame"] | None = None,
    ) -> Float[Tensor, "row column"]:
        eeg_read, audio_read = self.read_eeg(eeg), self.read_audio(audio)

        def scores(rows: slice) -> Tensor:
            own, read = (rearrange(items[rows], "n f w -> n 1 f w") for items in (eeg, eeg_read))
            return cosine(*self._join(own, audio, read, audio_read), centre=self.centre)

        return in_blocks(scores, len(eeg), len(audio) * self.numbers_per_pair(eeg.shape[-2], audio.shape[-2]))

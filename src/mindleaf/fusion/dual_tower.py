"""Two towers that never see each other: similarity of what each says by itself (CLIP, Radford et al. 2021)."""

from __future__ import annotations

from einops import einsum, rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mindleaf.fusion.fusion import Form, Fusion
from mindleaf.fusion.similarity import standardise


class DualTower(Fusion):
    """Cosine of EEG and audio frames, or of two vectors. One matrix product scores all pairs. Auditory types are not used."""

    def __init__(self, form: Form = "frames") -> None:
        super().__init__(form)

    def fuse(
        self,
        eeg: Float[Tensor, "*row token width"],
        audio: Float[Tensor, "*column frame width"],
        present: Bool[Tensor, "*row token"] | None = None,
    ) -> tuple[Float[Tensor, "*row token width"], Float[Tensor, "*column frame width"]]:
        """Both sides as they are: they never meet."""
        return eeg, audio

    def numbers_per_pair(self, n_tokens: int, n_frames: int) -> int:
        return 1

    def forward(
        self,
        eeg: Float[Tensor, "batch frame dim"],
        audio: Float[Tensor, "batch stream frame dim"],
        types: Int[Tensor, " batch"] | None = None,
        present: Bool[Tensor, "batch frame"] | None = None,
    ) -> Float[Tensor, "batch stream"]:
        own = standardise(eeg, self.centre)
        return einsum(own, standardise(audio, self.centre), "b f d, b s f d -> b s") / own[0].numel()

    def all_pairs(
        self,
        eeg: Float[Tensor, "row frame dim"],
        audio: Float[Tensor, "column frame dim"],
        types: Int[Tensor, " column"] | None = None,
        present: Bool[Tensor, "row frame"] | None = None,
    ) -> Float[Tensor, "row column"]:
        rows = rearrange(standardise(eeg, self.centre), "n f d -> n (f d)")
        columns = rearrange(standardise(audio, self.centre), "m f d -> m (f d)")
        return rows @ columns.T / rows.shape[1]

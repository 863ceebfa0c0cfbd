"""The LEAF tower: half-second windows of 65 electrodes to tokens, read by a branch that sees all and one that sees the past."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import torch
import torch.nn.functional as F
from einops import einsum, rearrange, repeat
from jaxtyping import Bool, Float
from torch import Tensor, nn

from mindleaf.batch import Batch
from mindleaf.config import Config
from mindleaf.encoders.projection import montage_projection, project
from mindleaf.errors import BadInput
from mindleaf.layers.dropout import Dropout
from mindleaf.layers.fitted_norm import FittedNorm
from mindleaf.layers.transformer import Transformer
from mindleaf.montage import Montage

#: Samples of a token: half a second at 200 Hz.
TOKEN_SAMPLES = 100
#: The fixed montage of LEAF, in its order.
CHANNELS: tuple[str, ...] = tuple(
    [
        "Fpz",
        "AFz",
        "Fz",
        "FCz",
        "Cz",
        "CPz",
        "Pz",
        "POz",
        "Oz",
        "Fp1",
        "Fp2",
        "AF7",
        "AF3",
        "AF4",
        "AF8",
        "F7",
        "F5",
        "F3",
        "F1",
        "F2",
        "F4",
        "F6",
        "F8",
        "FT9",
        "FT7",
        "FC5",
        "FC3",
        "FC1",
        "FC2",
        "FC4",
        "FC6",
        "FT8",
        "FT10",
        "T7",
        "C5",
        "C3",
        "C1",
        "C2",
        "C4",
        "C6",
        "T8",
        "TP9",
        "TP7",
        "CP5",
        "CP3",
        "CP1",
        "CP2",
        "CP4",
        "CP6",
        "TP8",
        "TP10",
        "P7",
        "P5",
        "P3",
        "P1",
        "P2",
        "P4",
        "P6",
        "P8",
        "PO7",
        "PO3",
        "PO4",
        "PO8",
        "O1",
        "O2",
    ]
)
_POOL = 10
Norm = Literal["batch", "fitted"]


class LeafTokenizer(nn.Module):
    """Temporal filters, then spatial ones over all electrodes, a norm of each output, GELU, maximum over 50 ms.

    The filters are two convolutions without anything between them, so they are applied as one: each of the ``filters``
    outputs hears all electrodes through a kernel that is the product of both. Same numbers, a fraction of the memory.
    """

    def __init__(self, filters: int, kernel: int, norm: Norm) -> None:
        super().__init__()
        self.temporal = nn.Conv2d(1, filters, (1, kernel), padding=(0, kernel // 2))
        self.spatial = nn.Conv2d(filters, filters, (len(CHANNELS), 1))
        self.norm = FittedNorm(filters) if norm == "fitted" else nn.BatchNorm2d(filters)
        self.width = filters * (TOKEN_SAMPLES // _POOL)

    def forward(self, windows: Float[Tensor, "window channel sample"]) -> Float[Tensor, "window width"]:
        spatial = rearrange(self.spatial.weight, "o f c 1 -> o f c")
        kernel = einsum(spatial, rearrange(self.temporal.weight, "f 1 1 k -> f k"), "o f c, f k -> o c k")
        assert self.temporal.bias is not None and self.spatial.bias is not None
        bias = self.spatial.bias + einsum(spatial, self.temporal.bias, "o f c, f -> o")
        filtered = F.conv1d(windows, kernel, bias, padding=self.temporal.padding[1])
        active = F.gelu(self.norm(rearrange(filtered, "w o t -> w o 1 t")))
        return rearrange(F.max_pool2d(active, (1, _POOL)), "w o 1 t -> w (o t)")


class LeafTower(nn.Module):
    """Windows -> tokenizer -> two branches with their own input maps, one position table for both (LEAF, stage 1).

    The global branch attends both ways, the causal one backwards only. Tokens of both stand one behind the other.
    """

    def __init__(
        self, *, width: int = 256, depth: int = 12, heads: int = 8, hidden: int = 1024, filters: int = 64, kernel: int = 40,
        dropout: float = 0.1, token_dropout: float = 0.5, max_tokens: int = 20, norm: Norm = "fitted",
    ) -> None:  # fmt: skip
        super().__init__()
        self.width, self.max_patches = width, max_tokens
        self.tokenizer = LeafTokenizer(filters, kernel, norm)
        self.token_dropout = Dropout(token_dropout)
        self.positions = nn.Parameter(torch.randn(max_tokens, width) * 0.02)
        self.into_context = nn.Linear(self.tokenizer.width, width)
        self.into_sequence = nn.Linear(self.tokenizer.width, width)
        plain: dict[str, Any] = {"qk_norm": False, "layer_scale": None, "drop_path": 0.0, "dropout": dropout}
        self.context = Transformer(width, depth, heads, hidden, **plain)
        self.sequence = Transformer(width, depth, heads, hidden, causal=True, **plain)
        #: (target, source): set by ``fix``.
        self.matrix: Float[Tensor, "target source"] | None
        self.register_buffer("matrix", None, persistent=False)

    def fix(self, montage: Montage) -> None:
        """From now on every window has the channels of ``montage``, all of them usable: an exported program looks at no names."""
        self.matrix = torch.from_numpy(montage_projection(montage, CHANNELS).matrix)

    def forward(
        self, batch: Batch, patch_mask: Bool[Tensor, "batch patch"] | None = None
    ) -> tuple[Float[Tensor, "batch token width"], Bool[Tensor, "batch token"]]:
        """``read`` in the form that all encoders share: four virtual channels (both branches, both halves of a second) of one
        token a second, and which of them exist. ``patch_mask`` marks the seconds that exist."""
        seconds = batch.eeg.shape[-1] // (2 * TOKEN_SAMPLES)
        whole = replace(batch, eeg=batch.eeg[..., : 2 * TOKEN_SAMPLES * seconds])
        exists = None if patch_mask is None else repeat(patch_mask, "b p -> b (p half)", half=2)
        both, mask = self.read(whole, exists)
        tokens = rearrange(both, "b (branch p half) w -> b (branch half p) w", branch=2, half=2)
        return tokens, rearrange(mask, "b (branch p half) -> b (branch half p)", branch=2, half=2)

    def read(
        self, batch: Batch, exists: Bool[Tensor, "batch token"] | None = None
    ) -> tuple[Float[Tensor, "batch both width"], Bool[Tensor, "batch both"]]:
        """2N tokens, the N of the global branch and then those of the causal one, and which exist; the others are zeros.

        ``exists``: which half-second windows to read, where not all that the batch holds.
        """
        windows, present = self.cut(batch)
        present = present if exists is None else present & exists
        tokens = self.tokens(windows, present)
        context, sequence = self.into_context(tokens), self.into_sequence(tokens)
        return torch.cat([self.context_of(context, present), self.sequence_of(sequence, present)], 1), present.repeat(1, 2)

    def context_of(self, inputs: Float[Tensor, "batch token width"], present: Bool[Tensor, "batch token"]) -> Tensor:
        """States of the global branch, positions added."""
        return self.context(inputs + self.positions[: inputs.shape[1]], present)

    def sequence_of(self, inputs: Float[Tensor, "batch token width"], present: Bool[Tensor, "batch token"]) -> Tensor:
        """States of the causal branch, positions added."""
        return self.sequence(inputs + self.positions[: inputs.shape[1]], present)

    def cut(self, batch: Batch) -> tuple[Float[Tensor, "batch token channel sample"], Bool[Tensor, "batch token"]]:
        """The EEG on LEAF's electrodes in half-second windows, and which of them are whole. Raises BadInput where there is none or too many."""
        eeg, placed = self._placed(batch)
        n_tokens = eeg.shape[-1] // TOKEN_SAMPLES
        if not 1 <= n_tokens <= self.max_patches:
            raise BadInput(
                f"LEAF takes windows of {TOKEN_SAMPLES / 200:g} to {self.max_patches * TOKEN_SAMPLES / 200:g} s at 200 Hz, got "
                f"{eeg.shape[-1]} samples; cut shorter or longer windows."
            )
        windows = rearrange(eeg[..., : n_tokens * TOKEN_SAMPLES], "b c (n s) -> b n c s", s=TOKEN_SAMPLES)
        placed = repeat(placed.any(dim=1), "b -> b n", n=n_tokens)
        if batch.n_times is None:
            return windows, placed
        recorded = torch.arange(1, n_tokens + 1, device=eeg.device) * TOKEN_SAMPLES <= rearrange(batch.n_times, "b -> b 1")
        return windows, recorded & placed

    def _placed(self, batch: Batch) -> tuple[Float[Tensor, "batch target time"], Bool[Tensor, "batch target"]]:
        """The EEG on LEAF's electrodes, and which of them exist."""
        if self.matrix is None:
            return project(batch, CHANNELS)
        eeg = einsum(self.matrix, batch.eeg, "target source, b source time -> b target time")
        return eeg, self.matrix.any(dim=1).expand(eeg.shape[0], -1)

    def tokens(
        self, windows: Float[Tensor, "batch token channel sample"], present: Bool[Tensor, "batch token"]
    ) -> Float[Tensor, "batch token filtered"]:
        """Only windows that exist are filtered: padding moves no statistics of the norm."""
        if torch.compiler.is_exporting():  # no choice by a mask there
            tokens = self.tokenizer(rearrange(windows, "b n c s -> (b n) c s"))
            return rearrange(tokens, "(b n) w -> b n w", n=windows.shape[1]) * present.unsqueeze(-1)
        values = windows.new_zeros(*present.shape, self.tokenizer.width)
        if present.any():
            values[present] = self.tokenizer(windows[present]).to(values.dtype)
        return self.token_dropout(values)


class LeafConfig(Config):
    """Size of the tower; the default is the published one. max_tokens: half-second windows at most.

    norm: of the tokenizer; "batch" as published, "fitted" by statistics of training windows of every data set (see ``FittedNorm``).
    """

    type: Literal["leaf"] = "leaf"
    width: int = 256
    depth: int = 12
    heads: int = 8
    hidden: int = 1024
    filters: int = 64
    kernel: int = 40
    dropout: float = 0.1
    token_dropout: float = 0.5
    max_tokens: int = 20
    norm: Norm = "fitted"

    @classmethod
    def preset(cls, name: str) -> LeafConfig:
        """The named size; raises BadInput listing those there are."""
        if name not in PRESETS:
            raise BadInput(f"encoder preset leaf:{name} is not known; there are: {', '.join(PRESETS)}.")
        return PRESETS[name]

    def build(self, n_electrodes: int) -> LeafTower:
        """``n_electrodes`` plays no part: the montage is fixed."""
        return LeafTower(**self.model_dump(exclude={"type"}))


PRESETS: dict[str, LeafConfig] = {
    "tiny": LeafConfig(width=64, depth=2, heads=4, hidden=128, filters=16, dropout=0.0, token_dropout=0.25),
    "small": LeafConfig(width=128, depth=4, heads=4, hidden=256, filters=32, token_dropout=0.25),
    "base": LeafConfig(),
}

"""Small fusions of every kind and form, and the plain loop over pairs that they are held against."""

from __future__ import annotations

import pkgutil

import torch
from torch import Tensor

from mindleaf.fusion import FUSIONS
from mindleaf.fusion.fusion import Fusion
from mindleaf.fusion.similarity import cosine

WIDTH = 16
SIZES = {
    "calra": {"width": WIDTH, "heads": 4, "hidden": 24, "rank": 8},
    "co_attention": {"width": WIDTH, "heads": 4, "hidden": 24},
    "concat_mlp": {"width": WIDTH, "hidden": 24},
    "clip": {},
}
#: Every fusion in every form it has.
KINDS = [(name, form) for name in FUSIONS for form in ("vector", "frames", "tokens")
         if form != "tokens" or name in ("calra", "co_attention")]  # fmt: skip


def fresh(name: str, form: str, **settings: object) -> Fusion:
    torch.manual_seed(0)
    return pkgutil.resolve_name(FUSIONS[name])(form=form, **{**SIZES[name], **settings})


def awake(fusion: Fusion) -> Fusion:
    """What is zero at the start gets weights, so that every part of the computation counts."""
    with torch.no_grad():
        for parameter in fusion.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return fusion.eval()


def items(form: str, rows: int = 6, columns: int = 5) -> tuple[Tensor, Tensor, Tensor | None]:
    """EEG items, sounds, and which EEG tokens exist (another number in each row)."""
    n_tokens, n_frames = {"vector": (1, 1), "frames": (20, 20), "tokens": (7, 9)}[form]
    eeg, audio = torch.randn(rows, n_tokens, WIDTH), torch.randn(columns, n_frames, WIDTH)
    present = torch.arange(7) < 2 + torch.arange(rows).unsqueeze(1) % 6 if form == "tokens" else None
    return eeg, audio, present


def pair_by_pair(fusion: Fusion, eeg: Tensor, audio: Tensor, types: Tensor | None, present: Tensor | None) -> Tensor:
    scores = eeg.new_empty(len(eeg), len(audio))
    for i in range(len(eeg)):
        for j in range(len(audio)):
            kind = {} if types is None else {"type_index": int(types[j])}
            own, heard = fusion.align(eeg[i : i + 1], audio[j : j + 1], **kind)
            there = None if present is None else present[i : i + 1]
            scores[i, j] = cosine(*fusion.fuse(own, heard, there), centre=fusion.centre)[0]
    return scores

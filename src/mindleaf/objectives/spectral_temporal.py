"""Spectral-temporal reconstruction: draw hidden windows and the next one from a signal that lost a band (LEAF, stage 1)."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from mindleaf.batch import Batch
from mindleaf.config import Config
from mindleaf.objectives.losses import Losses, mean_over_windows


class SpectralTemporalObjective(Config):
    """Wants a model called as ``model(batch, hidden, first_hz, width_hz, sfreq)`` with the outputs of ``models.spectral_temporal``.

    Each window is hidden with probability ``mask_ratio``; each trial loses a band of ``width_hz`` that begins at a whole
    frequency of ``first_hz``; both are functions of the seed and the window id alone. Parts: mean squared error of the
    filled and of the following windows; padding counts in neither. Facts: the share of the signal's power each explains,
    0 for an answer of zeros.
    """

    mask_ratio: float = 0.5
    first_hz: tuple[int, int] = (1, 50)
    width_hz: float = 6.0
    sfreq: float = 200.0
    adds_up: ClassVar[bool] = True

    def __call__(self, model: nn.Module, batch: Batch, seed: int) -> Losses:
        said, _ = self.ask(model, batch, seed)
        pairs = said.present[:, 1:] & said.present[:, :-1]
        parts, facts = {}, {}
        for name, guess, truth, counted in (
            ("filled", said.filled, said.clean, said.present), ("following", said.following[:, :-1], said.clean[:, 1:], pairs),
        ):  # fmt: skip
            parts[name] = _mean_square(guess.float() - truth, counted)
            facts[f"{name}_explained"] = (1 - parts[name] / _mean_square(truth, counted).clamp_min(1e-8)).detach()
        return Losses(torch.stack(list(parts.values())).sum(), parts, facts)

    def ask(self, model: nn.Module, batch: Batch, seed: int) -> tuple[Any, Bool[Tensor, "batch token"]]:
        """What the model says of a batch, and which windows were hidden from it."""
        reconstructing: Any = model
        hidden, first = self.draws(batch, reconstructing.present(batch), seed)
        return reconstructing(batch, hidden, first, self.width_hz, self.sfreq), hidden

    def draws(self, batch: Batch, present: Tensor, seed: int) -> tuple[Bool[Tensor, "batch token"], Float[Tensor, " batch"]]:
        """Which windows are hidden, and where the missing band of each trial begins."""
        ids = range(len(batch)) if batch.window_ids is None else batch.window_ids.tolist()
        draws = [np.random.default_rng([seed, number]) for number in ids]
        first = torch.tensor([float(draw.integers(self.first_hz[0], self.first_hz[1] + 1)) for draw in draws])
        hidden = torch.from_numpy(np.stack([draw.random(present.shape[1]) < self.mask_ratio for draw in draws]))
        return hidden.to(present.device) & present, first.to(present.device)


def _mean_square(values: Float[Tensor, "batch token channel sample"], counted: Bool[Tensor, "batch token"]) -> Float[Tensor, ""]:
    return mean_over_windows(values.square().mean(dim=(2, 3)), counted)

"""Which tokens are hidden: a pure function of a seed and the window, whatever the batch, the order or the number of processes."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor


def hidden_tokens(
    window_ids: Int[Tensor, " batch"], present: Bool[Tensor, "batch channel patch"], ratio: float, seed: int
) -> Bool[Tensor, "batch channel patch"]:
    """True where a token is hidden: ``ratio`` of the present tokens of each window, at least one, never all of several.

    Padding more channels at the end does not change which tokens of the others are drawn.
    """
    known = present.cpu().numpy()
    hidden = np.zeros_like(known)
    for row, window_id in enumerate(window_ids.tolist()):
        draws = np.random.default_rng([seed, window_id]).random(known.shape[1:])
        order = np.argsort(np.where(known[row], draws, np.inf), axis=None, kind="stable")
        n_present = int(known[row].sum())
        n_hidden = min(max(1, round(ratio * n_present)), max(1, n_present - 1), n_present)
        hidden[row].flat[order[:n_hidden]] = True
    return torch.from_numpy(hidden).to(present.device)

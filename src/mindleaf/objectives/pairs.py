"""Two sounds side by side, in an order drawn anew each time: which of them was attended to?"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mindleaf.batch import Batch
from mindleaf.config import Config
from mindleaf.errors import BadInput
from mindleaf.objectives.losses import Losses


class PairObjective(Config):
    """Wants a model with ``compare(eeg, pair)`` -> (batch, 2) logits, and batches whose stream 0 is the attended one.

    The other sound is one of the window's other streams, drawn at random, or, where it has none, the sound of another window
    of the batch. A coin decides which of the two stands first.
    """

    def __call__(self, model: nn.Module, batch: Batch, seed: int) -> Losses:
        if batch.audio is None:
            raise BadInput("comparing sounds wants a batch with candidates, got one without; prepare the windows with a task.")
        generator = torch.Generator().manual_seed(seed % 2**63)
        n = len(batch)
        rows = torch.arange(n)
        other, counts = _other_sound(batch, generator)
        place = torch.randint(2, (n,), generator=generator)
        pair = torch.stack([batch.audio[:, 0], other], dim=1)
        pair = pair[rows[:, None], torch.stack([place, 1 - place], dim=1)]
        place = place.to(batch.eeg.device)
        logits = model.compare(batch.eeg, pair).float()  # type: ignore[operator]
        losses = F.cross_entropy(logits, place, reduction="none")
        loss = (losses * counts).sum() / counts.sum().clamp_min(1)
        with torch.no_grad():
            right = ((logits.argmax(dim=1) == place) * counts).sum() / counts.sum().clamp_min(1)
        return Losses(loss, {"cross_entropy": loss}, {"accuracy": right})


def _other_sound(batch: Batch, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """A sound that each window's attended one stands against, (batch, feature, frame), and whether it is another one (1 or 0)."""
    assert batch.audio is not None and batch.audio_id is not None and batch.audio_start is not None
    n, n_streams = batch.audio.shape[:2]
    if n_streams > 1:
        drawn = torch.randint(1, n_streams, (n,), generator=generator)
        return batch.audio[torch.arange(n), drawn], torch.ones(n, device=batch.eeg.device)
    partner = (torch.arange(n) + int(torch.randint(1, max(2, n), (), generator=generator))) % n
    same = (batch.audio_id[:, 0] == batch.audio_id[partner, 0]) & (batch.audio_start[:, 0] == batch.audio_start[partner, 0])
    return batch.audio[partner, 0], (~same).float()

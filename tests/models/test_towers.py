"""What the deep audio tower is for: a brain that answers to something no linear map of the sound gives."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from mindleaf.batch import Batch
from mindleaf.models.alignment import AlignedConfig
from mindleaf.objectives.contrastive import ContrastiveObjective
from tests.models.small_batches import FACTS, noise_batch


def folded_batch(n: int, seed: int) -> Batch:
    """EEG follows the distance of feature 0 from its middle, 100 ms later: up and down look the same."""
    batch = noise_batch(n, seed=seed)
    assert batch.audio is not None
    folded = (4.0 * (batch.audio[:, 0, 0] - 0.5).abs() - 1.0).repeat_interleave(4, dim=-1)
    response = torch.zeros_like(batch.eeg)
    response[..., 20 : 20 + folded.shape[-1]] = torch.linspace(0.2, 1, 5).reshape(1, -1, 1) * folded[:, None]
    return replace(batch, eeg=batch.eeg + 2.0 * response)


@pytest.mark.parametrize(("form", "hears"), [("linear", False), ("towers", True)])
def test_only_the_deep_tower_finds_what_is_folded(form, hears):
    torch.manual_seed(0)
    model = AlignedConfig.preset(form).build(FACTS).train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    objective = ContrastiveObjective(unattended_weight=1.0)
    for step in range(120):
        optimiser.zero_grad()
        objective(model, folded_batch(16, seed=step), step).total.backward()
        optimiser.step()
    with torch.no_grad():
        right = (model.eval().score(folded_batch(200, seed=10_000)).argmax(dim=1) == 0).float().mean()
    assert (right > 0.8) if hears else (right < 0.62)

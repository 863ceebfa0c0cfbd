from dataclasses import replace

import pytest
import torch

from mindleaf.errors import BadInput
from mindleaf.models.warm_start import warm_start
from tests.models.small_batches import FACTS, heard_batch, noise_batch
from tests.models.test_alignment import CONFIGS


@pytest.mark.parametrize("name", ["linear", "frames", "dual_tower"])
def test_a_warm_start_decodes_new_windows_before_any_training(name):
    torch.manual_seed(0)
    model = CONFIGS[name].build(FACTS).eval()
    explained = warm_start(model, [heard_batch(16, seed=k) for k in range(20)])
    assert 0.05 < explained < 1.0
    held_out = heard_batch(64, seed=1000)
    with torch.no_grad():
        assert (model.score(held_out).argmax(dim=1) == 0).float().mean() > 0.9


def test_on_noise_it_explains_next_to_nothing_of_new_windows():
    torch.manual_seed(0)
    model = CONFIGS["linear"].build(FACTS).eval()
    warm_start(model, [noise_batch(16, seed=k) for k in range(10)])
    with torch.no_grad():
        right = (model.score(noise_batch(200, seed=1000)).argmax(dim=1) == 0).float().mean()
    assert 0.38 < right < 0.62


def test_electrodes_may_come_in_any_order_from_batch_to_batch():
    batches = [heard_batch(16, seed=k) for k in range(6)]
    order = torch.tensor([3, 1, 4, 0, 2])
    turned = [replace(b, eeg=b.eeg[:, order], channel_index=b.channel_index[:, order]) for b in batches]
    scores = []
    for mixed in (batches, turned):
        torch.manual_seed(0)
        model = CONFIGS["linear"].build(FACTS).eval()
        warm_start(model, mixed)
        with torch.no_grad():
            scores.append(model.score(batches[0]))
    torch.testing.assert_close(*scores, atol=1e-4, rtol=1e-4)


def test_it_refuses_what_it_cannot_start():
    with pytest.raises(BadInput, match="stem"):
        warm_start(CONFIGS["pooled"].build(FACTS), [])
    batch = noise_batch(2)
    unnamed = replace(batch, channel_index=torch.full_like(batch.channel_index, FACTS.n_electrodes))
    with pytest.raises(BadInput, match="named electrodes"):
        warm_start(CONFIGS["linear"].build(FACTS), [unnamed])

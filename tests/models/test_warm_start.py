import math
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
    left_out = warm_start(model, [[heard_batch(16, seed=5 * part + k) for k in range(5)] for part in range(4)])
    assert 0.2 < left_out < 1.0
    held_out = heard_batch(64, seed=1000)
    with torch.no_grad():
        assert (model.score(held_out).argmax(dim=1) == 0).float().mean() > 0.9


def test_on_noise_it_explains_next_to_nothing_of_new_windows():
    torch.manual_seed(0)
    model = CONFIGS["linear"].build(FACTS).eval()
    left_out = warm_start(model, [[noise_batch(16, seed=5 * part + k) for k in range(5)] for part in range(2)])
    assert abs(left_out) < 0.1
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
        assert math.isnan(warm_start(model, [mixed]))
        with torch.no_grad():
            scores.append(model.score(batches[0]))
    torch.testing.assert_close(*scores, atol=1e-4, rtol=1e-4)


def test_it_refuses_what_it_cannot_start():
    with pytest.raises(BadInput, match="stem"):
        warm_start(CONFIGS["pooled"].build(FACTS), [[]])
    batch = noise_batch(2)
    unnamed = replace(batch, channel_index=torch.full_like(batch.channel_index, FACTS.n_electrodes))
    with pytest.raises(BadInput, match="named electrodes"):
        warm_start(CONFIGS["linear"].build(FACTS), [[unnamed]])


def test_the_ridge_grows_when_there_is_little_data():
    """With a handful of noisy windows the weakest ridge fits noise; the left-out parts must choose a stronger one."""
    parts = [[heard_batch(4, seed=k)] for k in range(3)]
    held_out = heard_batch(200, seed=1000)
    right = {}
    for name, ridges in (("weak", (1e-9,)), ("chosen", (1e-9, 1e-2, 1.0))):
        torch.manual_seed(0)
        model = CONFIGS["linear"].build(FACTS).eval()
        warm_start(model, parts, ridges=ridges)
        with torch.no_grad():
            right[name] = float((model.score(held_out).argmax(dim=1) == 0).float().mean())
    assert right["chosen"] >= right["weak"]


def test_the_start_holds_the_feature_that_the_eeg_follows_whatever_the_others_do():
    """Feature 1 is ten times as strong and says nothing: a start from the main components of the sound would take it."""
    torch.manual_seed(0)
    model = CONFIGS["linear"].build(FACTS).eval()
    loud = torch.tensor([1.0, 10.0, 1.0]).reshape(1, 1, 3, 1)
    batches = [heard_batch(16, seed=k) for k in range(20)]
    warm_start(model, [[replace(b, audio=b.audio * loud) for b in batches[part::4]] for part in range(4)])
    powers = (model.audio_tower.linear.weight[0, :, 0].detach() * loud.flatten()).square()
    assert powers[0] > 0.95 * powers.sum()


def test_random_dimensions_hardly_count_at_the_start():
    torch.manual_seed(0)
    model = CONFIGS["linear"].build(FACTS).eval()
    warm_start(model, [[heard_batch(16, seed=5 * part + k) for k in range(5)] for part in range(4)], n_components=1)
    held_out = heard_batch(64, seed=1000)
    with torch.no_grad():
        audio, eeg = model.audio_tower(held_out.audio), model.stem(held_out, held_out.audio.shape[-1])
        for frames in (audio - audio.mean(-2, keepdim=True), eeg - eeg.mean(-2, keepdim=True)):
            power = frames.square().flatten(0, -2).sum(0)
            assert 0 < power[1:].sum() < 0.03 * power[0]

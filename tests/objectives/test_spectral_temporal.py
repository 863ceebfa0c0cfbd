"""Spectral-temporal reconstruction: the lost band is lost, draws do not depend on the batch, padding counts nowhere."""

import numpy as np
import torch

from mindleaf.batch import Batch
from mindleaf.layers.spectrum import without_band
from mindleaf.models.facts import ModelFacts
from mindleaf.models.spectral_temporal import SpectralTemporalConfig
from mindleaf.objectives.spectral_temporal import SpectralTemporalObjective
from tests.encoders.test_leaf import leaf_batch


def test_a_band_is_taken_out_and_nothing_else():
    time = torch.arange(400) / 200
    tones = [torch.sin(2 * np.pi * hz * time) for hz in (5, 12, 30)]
    signal = sum(tones).reshape(1, 1, -1)
    left = without_band(signal, torch.tensor([10.0]), 6.0, 200.0)
    torch.testing.assert_close(left[0, 0], tones[0] + tones[2], atol=1e-4, rtol=0)
    padded = torch.cat([signal, torch.full((1, 1, 100), 7.0)], dim=-1)
    with_padding = without_band(padded, torch.tensor([10.0]), 6.0, 200.0, torch.tensor([400]))
    torch.testing.assert_close(with_padding[..., :400], left)
    assert torch.equal(with_padding[..., 400:], padded[..., 400:])


def test_what_is_hidden_depends_on_seed_and_window_alone():
    batch, objective = leaf_batch(4, 1000), SpectralTemporalObjective()
    present = torch.ones(4, 10, dtype=torch.bool)
    hidden, first = objective.draws(batch, present, 3)
    later = Batch(
        **{name: getattr(batch, name)[2:] for name in ("eeg", "channel_index", "positions", "channel_mask", "window_ids")}
    )
    again, first_again = objective.draws(later, present[2:], 3)
    assert torch.equal(hidden[2:], again) and torch.equal(first[2:], first_again)
    assert not torch.equal(objective.draws(batch, present, 4)[0], hidden)
    many = objective.draws(leaf_batch(200, 1000), torch.ones(200, 10, dtype=torch.bool), 0)
    assert abs(many[0].float().mean() - 0.5) < 0.05 and set(many[1].tolist()) <= set(range(1, 51))


def test_padding_counts_in_no_loss():
    torch.manual_seed(0)
    model = SpectralTemporalConfig.preset("tiny").build(ModelFacts()).eval()
    short = leaf_batch(2, 400)
    padded = leaf_batch(2, 400)
    padded.eeg = torch.nn.functional.pad(short.eeg, (0, 300), value=3.0)
    padded.n_times = torch.tensor([400, 400])
    objective = SpectralTemporalObjective(mask_ratio=0.0)
    torch.testing.assert_close(objective(model, padded, 0).floats(), objective(model, short, 0).floats(), rtol=1e-4, atol=1e-6)

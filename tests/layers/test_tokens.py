"""Patches, positions, masks and spectra: from a signal to tokens and targets."""

import math

import pytest
import torch

from mindleaf.layers.masking import hidden_tokens
from mindleaf.layers.patching import PatchEmbedding, cut_patches
from mindleaf.layers.positions import PatchNumberEmbedding, SpatialEmbedding
from mindleaf.layers.spectrum import angle_distance, fourier_targets


def test_a_partial_patch_is_dropped_and_a_short_signal_is_padded():
    assert cut_patches(torch.ones(1, 2, 450), 200).shape == (1, 2, 2, 200)
    short = cut_patches(torch.ones(1, 2, 150), 200)
    assert short.shape == (1, 2, 1, 200)
    assert short.sum() == 2 * 150


def test_the_paper_width_needs_no_extra_map():
    assert isinstance(PatchEmbedding(200).to_width, torch.nn.Identity)
    assert PatchEmbedding(64)(torch.randn(2, 3, 4, 200)).shape == (2, 3, 4, 64)


def test_unnamed_channels_differ_by_place_and_named_ones_ignore_it():
    space = SpatialEmbedding(10, 8)
    here, there = torch.tensor([0.05, 0.0, 0.08]), torch.tensor([-0.05, 0.02, 0.08])
    index = torch.tensor([[10, 10, 10, 3, 3]])
    vectors = space(index, torch.stack([here, there, torch.zeros(3), here, there])[None])[0]
    assert not torch.allclose(vectors[0], vectors[1])
    assert torch.equal(vectors[2], space.table.weight[10])
    assert torch.equal(vectors[3], vectors[4])


def test_more_patches_than_the_table_holds_are_refused():
    with pytest.raises(ValueError, match="chunks"):
        PatchNumberEmbedding(4, 8)(5)


def test_the_mask_is_a_function_of_seed_and_window_alone():
    present = torch.ones(3, 4, 2, dtype=torch.bool)
    ids = torch.tensor([7, 8, 9])
    mask = hidden_tokens(ids, present, 0.5, seed=1)
    turned = hidden_tokens(ids.flip(0), present, 0.5, seed=1)
    assert torch.equal(mask, turned.flip(0))
    assert mask.sum(dim=(1, 2)).tolist() == [4, 4, 4]
    assert not torch.equal(mask, hidden_tokens(ids, present, 0.5, seed=2))


def test_padding_is_never_hidden():
    present = torch.zeros(1, 6, 2, dtype=torch.bool)
    present[:, :3] = True
    mask = hidden_tokens(torch.tensor([5]), present, 0.5, seed=0)
    assert mask.sum() == 3
    assert not (mask & ~present).any()
    assert hidden_tokens(torch.tensor([5]), torch.zeros_like(present), 0.5, seed=0).sum() == 0


def test_the_spectrum_of_a_cosine_peaks_at_its_frequency_with_its_phase():
    time = torch.arange(200) / 200
    amplitude, phase = fourier_targets(torch.cos(2 * math.pi * 10 * time + 0.7))
    assert amplitude.argmax() == 10
    assert abs(float(phase[10]) - 0.7) < 1e-4
    assert abs(float(amplitude.mean())) < 1e-5


def test_angle_distance_is_smooth_across_pi():
    just_below, just_above = torch.tensor([math.pi - 0.01]), torch.tensor([-math.pi + 0.01])
    direction = torch.stack((just_below.cos(), just_below.sin()), dim=-1) * 3.0
    assert float(angle_distance(direction, just_below)) < 1e-6
    assert float(angle_distance(direction, just_above)) < 1e-3
    assert abs(float(angle_distance(-direction, just_below)) - 2.0) < 1e-5

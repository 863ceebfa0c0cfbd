"""The networks we are compared with: their sizes, what they can read, and what they must not depend on."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mindleaf.batch import Batch
from mindleaf.layers.head_map import map_weights
from mindleaf.layers.positions import sinusoids
from mindleaf.models.aadnet import AADNet
from mindleaf.models.darnet import DARNet
from mindleaf.models.dbpnet import BANDS, DBPNet, band_pictures
from mindleaf.models.musicaad import MIN_FRAMES, MusicAAD
from mindleaf.models.two_streams import correlations
from mindleaf.montage import Montage

HEARING = [(lambda: AADNet(6), 1), (lambda: MusicAAD(6, 3), 3)]


def batch(eeg: torch.Tensor, audio: torch.Tensor) -> Batch:
    n, channels, _ = eeg.shape
    return Batch(
        eeg=eeg, channel_index=torch.zeros(n, channels, dtype=torch.long), positions=torch.zeros(n, channels, 3),
        channel_mask=torch.ones(n, channels, dtype=torch.bool), audio=audio,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("network", "published"),
    [
        (DBPNet(32, 2), 882_002),
        (DARNet(64, 2), 69_674),
        (AADNet(64), 13_798),
        (MusicAAD(20, 28), 34_566),
    ],
)
def test_the_networks_have_the_sizes_they_are_published_with(network, published):
    assert sum(parameter.numel() for parameter in network.parameters()) == published


def test_the_classifiers_take_any_channels_lengths_and_classes_and_all_of_them_learns():
    torch.manual_seed(0)
    for network, inputs in (
        (DBPNet(5, 3), (torch.randn(4, 5, 70), torch.randn(4, len(BANDS), 32, 32))),
        (DARNet(5, 3), (torch.randn(4, 5, 70),)),
    ):
        logits = network(*inputs)
        assert logits.shape == (4, 3)
        logits[:, 0].sum().backward()
        assert all(parameter.grad is not None for parameter in network.parameters())


@pytest.mark.parametrize(("build", "n_features"), HEARING)
def test_a_score_is_the_network_averaged_over_both_orders(build, n_features):
    torch.manual_seed(0)
    network = build()
    eeg, audio = torch.randn(8, 6, 96), torch.rand(8, 2, n_features, 96)
    for _ in range(3):
        network.compare(eeg, audio)  # so that the places are normalised differently
    network.eval()
    torch.nn.init.normal_(network.final_layer.weight)
    with torch.no_grad():
        there, back = network.compare(eeg, audio), network.compare(eeg, audio.flip(1)).flip(1)
        scores = network(batch(eeg, audio))
    margins = [logits[:, 0] - logits[:, 1] for logits in (scores, (there + back) / 2, there)]
    torch.testing.assert_close(margins[0], margins[1], atol=1e-5, rtol=1e-4)
    assert (margins[0] - margins[2]).abs().max() > 1e-3, "the published network itself prefers a place"


@pytest.mark.parametrize(("build", "n_features"), HEARING)
def test_a_score_does_not_depend_on_the_order_or_on_the_other_candidates(build, n_features):
    torch.manual_seed(0)
    network = build().eval()
    eeg, audio = torch.randn(3, 6, 96), torch.rand(3, 5, n_features, 96)
    order = torch.tensor([3, 0, 4, 2, 1])
    with torch.no_grad():
        scores = network(batch(eeg, audio))
        torch.testing.assert_close(network(batch(eeg, audio[:, order])), scores[:, order], atol=1e-6, rtol=1e-4)
        torch.testing.assert_close(network(batch(eeg, audio[:, :2])), scores[:, :2], atol=1e-6, rtol=1e-4)


def test_the_shortest_window_of_musicaad_has_34_frames():
    assert MIN_FRAMES == 34
    network = MusicAAD(2, 1).eval()
    assert torch.isfinite(network(batch(torch.randn(1, 2, 34), torch.rand(1, 2, 1, 34)))).all()


def test_correlations_are_pearsons_and_zero_where_nothing_moves():
    a, b = np.random.default_rng(0).standard_normal((2, 2, 3, 50))
    b[:, 2] = 4.0
    found = correlations(torch.from_numpy(a), torch.from_numpy(b)).numpy()
    assert found.shape == (2, 3, 3)
    np.testing.assert_allclose(found[1, 0, 1], np.corrcoef(a[1, 0], b[1, 1])[0, 1], atol=1e-6)
    np.testing.assert_allclose(found[:, :, 2], 0.0, atol=1e-6)


def test_pictures_show_a_rhythm_in_its_band_at_its_place():
    names = ("Fz", "Cz", "Pz", "Oz", "C3", "C4")
    eeg = np.random.default_rng(0).standard_normal((1, len(names), 128))
    eeg[0, 3] += 10 * np.sin(2 * np.pi * 10 * np.arange(128) / 128)
    weights = torch.from_numpy(map_weights(Montage.from_names(names)[0].positions, 32))
    pictures = band_pictures(torch.tensor(eeg, dtype=torch.float32), weights, 128.0)
    assert pictures.shape == (1, len(BANDS), 32, 32)
    alpha = pictures[0, 2]
    row = int(alpha.argmax()) // 32
    assert row > 20 and alpha.max() > pictures[0, [0, 1, 3, 4]].max()
    # |sine of amplitude 10|^2 in its bin: (10 * 128 / 2)^2; over the number of samples, log2.
    power = band_pictures(torch.tensor(eeg, dtype=torch.float32), torch.eye(6)[None], 128.0)[0, 2, 0, 3]
    assert abs(float(power) - np.log2((10 * 64) ** 2 / 128)) < 0.3
    assert torch.isfinite(band_pictures(torch.zeros(1, len(names), 128), weights, 128.0)).all()


def test_sinusoids_fill_any_width():
    assert sinusoids(7, 5).shape == (7, 5)
    torch.testing.assert_close(sinusoids(3, 4)[0], torch.tensor([0.0, 1.0, 0.0, 1.0]))
    torch.testing.assert_close(sinusoids(3, 4)[2, 0], torch.sin(torch.tensor(2.0)))

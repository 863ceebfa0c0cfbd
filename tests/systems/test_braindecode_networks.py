"""What of a recording reaches the published networks: channels by name, rates, units, sizes. Nothing is trained here."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mindleaf.encoders.braindecode import braindecode_models
from mindleaf.errors import BadInput
from mindleaf.montage import Montage
from mindleaf.systems import SYSTEMS
from mindleaf.systems.braindecode_input import PublishedNetwork, Relative
from mindleaf.systems.braindecode_networks import NETWORKS, n_samples, wired
from mindleaf.systems.registry import build_system
from tests.systems.listening import labelled_rows, none_of
from tests.systems.sine_waves import PEAK_UV, TEN_TWENTY, sine_store

SINE_HZ = 10.0


def montage(names=TEN_TWENTY):
    return Montage.from_names(names)[0]


def built(name, names=TEN_TWENTY, window_s=4.0, n_classes=2):
    network = NETWORKS[name]
    return PublishedNetwork(network, wired(network, montage(names)), n_samples(network, window_s), n_classes)


def count(module):
    return sum(p.numel() for p in module.parameters())


#: Parameters as published, roughly, and what the package itself makes of the same arguments.
SIZES = {
    "eegnet": (1.9e3, {"n_chans": 19, "n_times": 512, "final_layer_with_constraint": True}),
    "eegconformer": (0.79e6, {"n_chans": 19, "n_times": 1000}),
    "labram": (5.8e6, {"n_chans": 19, "n_times": 800}),
    "cbramod": (4.9e6, {"n_chans": 19, "n_times": 800}),
    "biot": (3.2e6, {"n_chans": 16, "n_times": 800, "sfreq": 200}),
    "eegpt": (25.3e6, {"n_chans": 19, "n_times": 1024, "chan_proj_type": "none"}),
    "bendr": (157e6, {"n_chans": 20, "n_times": 1024}),
}


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow if name == "bendr" else ()) for name in SIZES])
def test_sizes_are_the_package_s_own_and_near_the_published_ones(name):
    published, arguments = SIZES[name]
    own = getattr(braindecode_models(name), NETWORKS[name].model)(n_outputs=2, **arguments)
    assert count(built(name)) == count(own)
    assert count(own) == pytest.approx(published, rel=0.03)


def test_the_published_examples_have_the_published_sizes():
    """EEGConformer on BCI IV 2a: 22 channels, 4 s, 4 classes; EEGNet with 64 channels and 1-s windows about 2.5 k."""
    extra = ("FC1", "FC2", "CPz")
    assert count(built("eegconformer", (*TEN_TWENTY, *extra), 4.0, 4)) == 789_572
    assert 2_000 < count(built("eegnet", tuple(NETWORKS["eegpt"].names), 2.0)) < 2_600


def test_the_lists_of_channels_are_those_of_the_package():
    from braindecode.models import bendr, biot, eegpt

    assert [name.upper() for name in NETWORKS["biot"].names] == biot.BIOT_CHANNEL_ORDER[:16]
    todays = {"T5": "P7", "T6": "P8"}
    assert [name.upper() for name in NETWORKS["bendr"].names] == [todays.get(c, c) for c in bendr.BENDR_CHANNEL_ORDER[:-1]]
    upper = [name.upper() for name in NETWORKS["eegpt"].names]
    assert len(upper) == len(set(upper)) == 58 and set(upper) < set(eegpt.EEGPT_CHANNELS)


def test_every_network_is_a_system():
    for name, network in NETWORKS.items():
        system = build_system(name)
        assert type(system).__name__ == system.name == name
        assert system.config.training.optimiser.lr == network.lr
        assert SYSTEMS[name].trained


@pytest.fixture(scope="module")
def waves(tmp_path_factory):
    return labelled_rows(sine_store(tmp_path_factory.mktemp("sine") / "store"), 2.0)


def reached(name, examples):
    """(body input of the first windows, sine at the network's rate): the body is asked what it was given."""
    system = build_system(name, ["training.steps=0", "training.device=cpu"])
    system.fit(examples, none_of(examples), seed=0)
    seen = []
    system.model.body.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    system.predict(examples.take([1, 2]))
    rate = system.network.pipeline.sfreq
    time = np.arange(seen[-1].shape[-1]) / rate + float(examples.rows["start"].iloc[1])
    return seen[-1][0].numpy(), np.sin(2 * np.pi * SINE_HZ * time)


def peaks(*names):
    return np.array([PEAK_UV[name] for name in names])


#: Samples of 2 s, and what the sine of each channel should measure where it enters the network.
EXPECTED = {
    "eegnet": (256, lambda: np.sort(peaks(*TEN_TWENTY))),
    "labram": (400, lambda: np.sort(peaks(*TEN_TWENTY) / 100)),
    "cbramod": (400, lambda: np.sort(peaks(*TEN_TWENTY) / 100)),
    "eegpt": (512, lambda: np.sort(np.abs(peaks(*TEN_TWENTY) - peaks(*TEN_TWENTY).mean()) / 1000)),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_rates_and_units_are_the_native_ones(name, waves):
    given, sine = reached(name, waves)
    n_times, expected = EXPECTED[name]
    assert given.shape == (19, n_times)
    inner = slice(n_times // 4, -n_times // 4)
    measured = given[:, inner] @ sine[inner] / (sine[inner] @ sine[inner])
    np.testing.assert_allclose(np.sort(np.abs(measured)), expected(), rtol=0.03, atol=1e-4)


def test_conformer_is_standardised_by_its_training_windows(waves):
    system = build_system("eegconformer", ["training.steps=0", "training.device=cpu"])
    system.fit(waves, none_of(waves), seed=0)
    windows = waves.eeg(system.network.pipeline)
    assert windows.shape[-1] == 500
    assert float(system.model.amplitude.deviation) == pytest.approx(windows.std(), rel=1e-4)
    given, _ = reached("eegconformer", waves)
    assert np.abs(given).max() == pytest.approx(max(PEAK_UV.values()) / windows.std(), rel=0.1)


def test_biot_hears_bipolar_derivations_over_their_95th_percentile(waves):
    given, sine = reached("biot", waves)
    assert given.shape == (16, 400)
    np.testing.assert_allclose(np.quantile(np.abs(given), 0.95, axis=1), 1.0, rtol=1e-4)
    signs = np.sign([PEAK_UV[a] - PEAK_UV[b] for a, b in (pair.split("-") for pair in NETWORKS["biot"].names)])
    np.testing.assert_array_equal(np.sign(given[:, 100:300] @ sine[100:300]), signs)


def test_bendr_hears_windows_from_minus_one_to_one_and_how_large_they_were():
    amplitude = Relative(1.0)
    signal = torch.randn(3, 19, 64) * torch.tensor([1.0, 2.0, 4.0])[:, None, None]
    amplitude.learn([signal[:2], signal[2:]])
    given = amplitude(signal)
    assert given.shape == (3, 20, 64)
    np.testing.assert_allclose(given[:, :19].amin((1, 2)), -1.0, atol=1e-6)
    np.testing.assert_allclose(given[:, :19].amax((1, 2)), 1.0, atol=1e-6)
    scale = given[:, 19, 0]
    assert (given[:, 19] == scale[:, None]).all() and scale[0] < scale[1] < scale[2]
    assert float(scale[2]) == pytest.approx(1.0)
    assert torch.isfinite(amplitude(torch.zeros(1, 19, 8))).all()


def test_bendr_is_interpolated_where_electrodes_are_missing_and_says_so():
    network = NETWORKS["bendr"]
    whole = wired(network, montage())
    assert whole.told == "19, of which 0 interpolated" and np.isin(whole.mix, (0.0, 1.0)).all()
    some = wired(network, montage(TEN_TWENTY[3:]))
    assert some.told == "19, of which 3 interpolated"
    assert (np.abs(some.mix).sum(axis=1) > 0.1).all()
    with pytest.warns(UserWarning, match="are interpolated"):
        wired(network, montage(("Fz", "Cz", "Pz", "Oz", "C3")))


@pytest.mark.parametrize(
    ("name", "names", "reason"),
    [
        (
            "biot",
            TEN_TWENTY[2:],
            "BIOT reads 16 bipolar derivations of the 10-20 system and lacks channels Fp1, Fp2 for them; choose",
        ),
        ("labram", ("left eye", "right eye"), "LaBraM knows channels by their 10-10 names and knows none of these"),
        ("eegpt", ("AF9", "P10"), "EEGPT knows channels by their 10-10 names and knows none of these"),
        ("bendr", ("Fz", "Cz"), "BENDR lacks channels Fp1, Fp2"),
    ],
)
def test_channels_it_cannot_do_without_are_named(name, names, reason):
    with pytest.raises(BadInput, match=reason):
        wired(NETWORKS[name], montage(names))


@pytest.mark.parametrize("name", NETWORKS)
def test_the_order_of_the_channels_of_a_recording_changes_nothing(name):
    one, other = (wired(NETWORKS[name], montage(names)) for names in (TEN_TWENTY, TEN_TWENTY[::-1]))
    assert (one.read, one.given) == (other.read, other.given)
    if one.mix is not None:
        np.testing.assert_array_equal(one.mix, other.mix)


def test_old_names_and_channels_without_a_name_find_their_place():
    with pytest.warns(UserWarning, match="LaBraM reads 3 of 4 by name"):
        wiring = wired(NETWORKS["labram"], montage(("T6", "EOG left", "T3", "Fz")))
    assert [name.upper() for name in wiring.given] == ["FZ", "T7", "P8"]
    assert wiring.read == ("Fz", "T7", "P8") and wiring.told == "3 of 4 by name, the others are not read"
    assert wired(NETWORKS["cbramod"], montage(("Cz", "EOG left", "Fz"))).read == ("Fz", "Cz", "EOG left")


@pytest.mark.parametrize(
    ("name", "window_s", "outcome"),
    [
        ("labram", 2.0, 400), ("cbramod", 60.0, 12_000), ("eegnet", 0.5, 64), ("eegpt", 3.0, 768), ("biot", 1.0, 200),
        ("labram", 0.5, "LaBraM takes windows of 1 to 15 s, got 0.5 s"), ("labram", 60.0, "got 60 s"),
        ("biot", 0.9, "BIOT takes windows of 1 or more s, got 0.9 s"),
    ],
)  # fmt: skip
def test_windows_are_read_in_whole_patches_or_refused(name, window_s, outcome):
    if isinstance(outcome, int):
        assert n_samples(NETWORKS[name], window_s) == outcome
    else:
        with pytest.raises(BadInput, match=outcome):
            n_samples(NETWORKS[name], window_s)


def test_the_rest_of_a_window_that_is_not_read_is_told():
    with pytest.warns(UserWarning, match=r"CBraMod reads pieces of 1 s; the last 0.5 s of each window is left out"):
        assert n_samples(NETWORKS["cbramod"], 2.5) == 400

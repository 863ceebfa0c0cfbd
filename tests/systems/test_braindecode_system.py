"""Published networks as systems: they learn what there is to learn, nothing else, and take weights whole or not at all."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from mindleaf.datasets import DATASETS
from mindleaf.errors import BadInput, ReadError
from mindleaf.evaluation.predict import run_system
from mindleaf.evaluation.statistics import claims_above_chance
from mindleaf.protocols import BetweenTrial, RandomWindows
from mindleaf.stages.contestants import Contestant, contestant
from mindleaf.stages.evaluate import _contaminations
from mindleaf.stages.question import EvaluateConfig
from mindleaf.systems.braindecode_networks import NETWORKS
from mindleaf.systems.neural import weights_at_start
from mindleaf.systems.registry import build_system
from mindleaf.tasks import Attention, Classify
from tests.evaluation import toy_listeners
from tests.evaluation.toy_listeners import listening_store
from tests.systems.listening import halves, labelled_rows, none_of, rhythm_store
from tests.systems.sine_waves import TEN_TWENTY, sine_store

LAST = ("t06", "t07", "t08", "t09", "t10", "t11")


def made(name, *settings):
    return build_system(name, ["training.device=cpu", *settings])


def steps(n, batch_size=8, lr=1e-3):
    return (f"training.steps={n}", f"training.batch_size={batch_size}", f"training.optimiser.lr={lr}")


@pytest.fixture(scope="module")
def rhythms(tmp_path_factory):
    return labelled_rows(rhythm_store(tmp_path_factory.mktemp("rhythm") / "store"), 1.0)


@pytest.fixture(scope="module")
def noises(tmp_path_factory):
    """Nineteen channels; in every second trial the two occipital ones are noisy."""
    return labelled_rows(sine_store(tmp_path_factory.mktemp("noise") / "store", evidence=2.0, n_trials=8), 1.0)


@pytest.mark.parametrize(("name", "n"), [("eegnet", 60), ("eegconformer", 40)])
def test_small_networks_tell_rhythms_apart_in_trials_they_have_not_seen(name, n, rhythms):
    train, test = halves(rhythms, LAST)
    system = made(name, *steps(n, 16, 3e-3 if name == "eegnet" else 1e-3))
    system.fit(train, test.take([]), seed=0)
    scores = system.predict(test)
    assert scores.shape == (len(test), 2)
    assert (scores.argmax(axis=1) == test.labels).mean() > 0.75
    np.testing.assert_allclose(system.predict(test.take([3])), scores[[3]], atol=1e-5)
    assert len(system.findings()["curve"]) == n


@pytest.mark.parametrize(
    ("name", "n", "lr"),
    [
        ("labram", 25, 1e-3), ("cbramod", 25, 1e-4), ("biot", 25, 1e-3),
        pytest.param("eegpt", 120, 1e-3, marks=pytest.mark.slow), pytest.param("bendr", 60, 1e-4, marks=pytest.mark.slow),
    ],
)  # fmt: skip
def test_large_networks_overfit_one_batch(name, n, lr, rhythms, noises):
    train = (noises if name in ("biot", "eegpt") else rhythms).take(np.arange(8) * 2)
    system = made(name, *steps(n, 8, lr))
    system.fit(train, none_of(train), seed=0)
    assert (system.predict(train).argmax(axis=1) == train.labels).all()


@pytest.fixture(scope="module")
def loud(tmp_path_factory):
    return labelled_rows(sine_store(tmp_path_factory.mktemp("loud") / "store", evidence=6.0, n_trials=12), 1.0)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("labram", steps(90, 16, 1e-3)), ("cbramod", steps(90, 16, 1e-4)), ("biot", steps(60, 16, 5e-4)),
        ("eegpt", (*steps(200, 16, 1e-2), "adapt=probe")), ("bendr", (*steps(60, 16, 1e-2), "adapt=probe")),
    ],
)  # fmt: skip
def test_large_networks_tell_noise_apart_in_trials_they_have_not_seen(name, settings, loud):
    """The two largest with a linear probe on what they are before any training: as much as a minute allows."""
    train, test = halves(loud, LAST)
    system = made(name, *settings)
    system.fit(train, none_of(train), seed=0)
    assert (system.predict(test).argmax(axis=1) == test.labels).mean() >= 0.75


@pytest.mark.parametrize("name", ["labram", "eegpt"])
def test_a_probe_trains_the_head_alone(name, noises):
    train, watched = noises.take(np.arange(0, 32, 2)), noises.take(np.arange(1, 32, 8))
    still = made(name, "training.steps=0", "adapt=probe")
    still.fit(train, watched, seed=4)
    system = made(name, *steps(20, 8, 1e-2), "training.validate_every=5", "adapt=probe")
    system.fit(train, watched, seed=4)
    for (key, before), after in zip(still.model.state_dict().items(), system.model.state_dict().values(), strict=True):
        assert torch.equal(before, after) == (not key.startswith("head.")), key
    found = system.findings()
    assert found["encoder"]["trainable_parameters"] == sum(p.numel() for p in system.model.head.parameters())
    assert found["encoder"]["trainable_parameters"] < system.n_parameters / 100
    assert np.mean([line["loss"] for line in found["curve"][-5:]]) < np.mean([line["loss"] for line in found["curve"][:5]])
    assert "validation_loss" in found["curve"][-1] and "cut_short" not in found["curve"][-1]


def test_a_probe_out_of_time_says_so(noises):
    system = made("labram", *steps(5), "adapt=probe", "training.limit_s=0.001")
    system.fit(noises.take(np.arange(16)), none_of(noises), seed=0)
    assert system.findings()["curve"][-1]["cut_short"]


def test_the_order_of_the_channels_of_a_recording_changes_no_answer(tmp_path):
    answers = []
    for names in (TEN_TWENTY, TEN_TWENTY[::-1]):
        examples = labelled_rows(sine_store(tmp_path / names[0], names, evidence=1.0), 1.0)
        system = made("cbramod", *steps(1, 4))
        system.fit(examples, none_of(examples), seed=1)
        answers.append(system.predict(examples))
    np.testing.assert_array_equal(*answers)


def test_between_trials_a_fingerprint_is_worth_nothing(tmp_path_factory):
    """Every trial has its own noise level. Windows of one trial on both sides give it away; whole trials apart do not."""
    store = listening_store(tmp_path_factory.mktemp("fingerprints") / "store", 3, 4, drift=0.5)

    def claims(name, protocol, settings):
        run = run_system(
            name, lambda: made(name, *settings), store, None, Classify(), protocol.folds(store.index, seed=0), [2.0], seed=0
        )
        return claims_above_chance(run.predictions(), "labels", 0)

    honest, leaky = BetweenTrial(n_folds=2, val_fraction=0), RandomWindows(n_folds=2, val_fraction=0)
    for name, settings in {"eegnet": steps(40, 16, 1e-2), "eegconformer": steps(20, 16)}.items():
        assert not claims(name, honest, settings), name
    assert claims("eegnet", leaky, steps(100, 16, 1e-2))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("labram", steps(100, 16, 5e-4)), ("cbramod", steps(40, 16, 5e-4)), ("biot", steps(60, 16, 5e-4)),
        ("eegpt", (*steps(100, 16, 1e-2), "adapt=probe")), ("bendr", (*steps(100, 16, 1e-2), "adapt=probe")),
    ],
)  # fmt: skip
def test_between_trials_a_fingerprint_is_worth_nothing_to_large_networks(name, settings, tmp_path, monkeypatch):
    monkeypatch.setattr(toy_listeners, "CHANNELS", TEN_TWENTY)
    store = listening_store(tmp_path / "store", 3, 4, drift=0.5)
    folds = BetweenTrial(n_folds=4, val_fraction=0).folds(store.index, seed=0)
    run = run_system(name, lambda: made(name, *settings), store, None, Classify(), folds, [4.0], seed=0)
    assert run.status == "ok"
    assert not claims_above_chance(run.predictions(), "labels", 0)


def test_attention_is_answered_through_the_class_that_a_stream_carries(tmp_path):
    store = listening_store(tmp_path / "store", 2, 4, trial_s=8)
    folds = BetweenTrial(n_folds=2, val_fraction=0).folds(store.index, seed=0)
    run = run_system("eegnet", lambda: made("eegnet", *steps(2)), store, None, Attention(), folds, [2.0], seed=0)
    assert run.status == "ok" and {cell.scores.shape[1] for cell in run.cells} == {2}


def test_what_cannot_be_served_is_not_applicable_in_one_sentence(tmp_path):
    store = listening_store(tmp_path / "store", 2, 4, trial_s=8)
    folds = BetweenTrial(n_folds=2, val_fraction=0).folds(store.index, seed=0)
    run = run_system("biot", lambda: made("biot"), store, None, Classify(), folds, [2.0], seed=0)
    assert run.status == "not applicable" and not run.cells
    assert run.why.startswith("BIOT reads 16 bipolar derivations of the 10-20 system and lacks channels Fp1, F7")
    short = run_system("labram", lambda: made("labram"), store, None, Classify(), folds, [0.5], seed=0)
    assert short.why == "LaBraM takes windows of 1 to 15 s, got 0.5 s; ask for such windows."


def test_rows_say_where_weights_come_from():
    config = EvaluateConfig(task="classify", settings=('labram.weights="some/labram.safetensors"',))
    assert contestant("labram", config, Classify()).weights == "labram.safetensors"
    assert contestant("eegnet", config, Classify()).weights == "from scratch"
    assert weights_at_start(made("biot", "weights=hub:someone/biot").config) == "biot"


@pytest.mark.parametrize(
    ("name", "longer", "table"), [("labram", 2.0, "temporal_embedding"), ("cbramod", 2.0, ""), ("biot", 1.0, "")]
)
def test_weights_fill_everything_but_the_head(name, longer, table, noises, tmp_path):
    """As the package saves a network: with a head of its own, and for longer windows or more channels where it has tables of them."""
    other = made(name, "training.steps=0")
    whole = labelled_rows(noises.store, longer)
    other.fit(whole, none_of(whole), seed=7)
    theirs = dict(other.model.body.state_dict())
    if name == "biot":
        tokens = theirs["encoder.channel_tokens.weight"]
        theirs["encoder.channel_tokens.weight"] = torch.cat([tokens, torch.ones(2, tokens.shape[1])])
    save_file(theirs | {"final_layer.weight": torch.zeros(5, 3)}, tmp_path / "theirs.safetensors")
    system = made(name, "training.steps=0", f"weights={tmp_path / 'theirs.safetensors'}")
    system.fit(noises.take(np.arange(8)), none_of(noises), seed=0)
    ours = system.model.body.state_dict()
    assert f"{len(ours)} tensors of theirs.safetensors" in system.findings()["encoder"]["weights"]
    for key, tensor in other.model.body.state_dict().items():
        rows = ours[key].shape[1] if key == table else tensor.shape[1] if tensor.ndim > 1 else 0
        assert torch.equal(ours[key], tensor[:, :rows] if key == table else tensor), key


def test_weights_that_do_not_fit_fill_nothing(noises, tmp_path):
    file = tmp_path / "wrong.safetensors"
    save_file({"cls_token": torch.zeros(1, 1, 200), "another": torch.zeros(2)}, file)
    with pytest.raises(ReadError, match=r"1 of \d+ tensors fit the encoder"):
        made("labram", f"weights={file}").fit(noises, none_of(noises), seed=0)


def test_the_hub_is_asked_only_where_it_is_named(monkeypatch, noises):
    import huggingface_hub
    from huggingface_hub.errors import OfflineModeIsEnabled

    asked = []

    def offline(name, **options):
        asked.append(name)
        raise OfflineModeIsEnabled("no connection")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", offline)
    with pytest.raises(BadInput, match="hub:someone/cbramod: the hub gave no such weights"):
        made("cbramod", "weights=hub:someone/cbramod").fit(noises, none_of(noises), seed=0)
    with pytest.raises(BadInput, match="wanted a file of weights"):
        made("cbramod", "weights=someone/cbramod").fit(noises, none_of(noises), seed=0)
    assert asked == ["someone/cbramod"]


def test_untrained_is_the_same_network_as_it_is_made(rhythms):
    system = made("eegnet", "weights=somewhere").untrained()
    assert (system.config.weights, system.config.training.steps, system.name) == ("", 0, "eegnet")
    system.fit(rhythms, none_of(rhythms), seed=0)
    assert system.findings()["curve"] == []


def test_what_the_authors_pretrained_on_is_no_fair_test(tmp_path):
    assert {name for network in NETWORKS.values() for name in network.saw} <= set(DATASETS)
    store = sine_store(tmp_path / "store", evidence=2.0, n_trials=8, dataset="tuab")
    theirs = made("cbramod", "training.steps=0")
    windows = labelled_rows(store, 1.0)
    theirs.fit(windows, none_of(windows), seed=0)
    save_file(dict(theirs.model.body.state_dict()), tmp_path / "theirs.safetensors")
    folds = BetweenTrial(n_folds=4, val_fraction=0).folds(store.index, seed=0)[:1]
    for weights, found in (("", 0), (str(tmp_path / "theirs.safetensors"), 1)):
        build = partial(made, "cbramod", "training.steps=0", f'weights="{weights}"')
        run = run_system("cbramod", build, store, None, Classify(), folds, [1.0], seed=0)
        told = list(_contaminations(Contestant("cbramod", build), run))
        assert len(told) == found and all("pretrained by others on tuab" in why for why in told)

"""MindMix and Leaf as models of braindecode: the conditions that its own suite sets for every model, on ours.

Its tests are no part of the installed package; these state the same in our words, and use its table of models and its signals.
"""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
import warnings

import mne
import numpy as np
import pytest
import torch
from torch import nn

from mindleaf.encoders.braindecode import braindecode_models
from mindleaf.errors import BadInput
from mindleaf.models.classifier import ClassifierConfig
from mindleaf.models.facts import ModelFacts
from mindleaf.models.tower_classifier import TowerClassifierConfig
from tests.adapters.arrays import NAMES, rhythms

pytest.importorskip("skorch")
try:
    braindecode_models("these tests")
except BadInput as missing:
    pytest.skip(str(missing), allow_module_level=True)

from braindecode import EEGClassifier
from braindecode.models import util

from mindleaf.adapters.braindecode import Leaf, MindMix

#: Signal parameters that each wants, as a row of the package's own table of cases.
CASES = {"MindMix": ["n_chans", "n_outputs", "n_times", "sfreq"], "Leaf": ["chs_info", "n_outputs", "n_times", "sfreq"]}
MODELS = {"MindMix": MindMix, "Leaf": Leaf}
RATE = {"sfreq": 200.0}


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def built(name: str, **more) -> nn.Module:
    torch.manual_seed(0)
    return MODELS[name](**util._get_signal_params(RATE, CASES[name]), **more).eval()


@pytest.fixture(scope="module", params=MODELS)
def case(request) -> tuple[str, nn.Module, torch.Tensor]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = built(request.param)
    return request.param, model, torch.randn(3, 3, 1000, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", MODELS)
def test_it_is_built_from_every_set_of_signal_parameters(name):
    signal = util._get_signal_params(RATE)
    for parameters in util._get_possible_signal_params(signal, CASES[name]):
        if name == "Leaf" and parameters["chs_info"] is None:
            continue
        assert MODELS[name](**parameters)(torch.randn(3, 3, 1000)).shape == (3, 2)


def test_it_tells_its_sizes_and_the_head_comes_last(case):
    _, model, _ = case
    assert (model.n_outputs, model.n_chans, model.n_times, model.sfreq, model.input_window_seconds) == (2, 3, 1000, 200.0, 5.0)
    assert model.get_output_shape() == (1, 2)
    assert [name for name, _ in model.named_children()][-1] == "final_layer"


def test_an_answer_belongs_to_its_window_and_changes_nothing(case):
    _, model, x = case
    given, state = x.clone(), {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with torch.no_grad():
        answer, turned = model(x), model(x.flip(0))
        other = torch.cat([x[:1], -3 * x[1:] + 1])
        torch.testing.assert_close(turned.flip(0), answer)
        torch.testing.assert_close(model(other)[0], answer[0])
    assert torch.equal(x, given) and torch.isfinite(answer).all() and len({tuple(row.tolist()) for row in answer}) == 3
    assert all(torch.equal(tensor, state[name]) for name, tensor in model.state_dict().items())


def test_features_are_what_the_head_reads_and_the_head_can_be_replaced(case):
    name, _, x = case
    model = built(name)
    with torch.no_grad():
        told = model(x, return_features=True)
        assert set(told) == {"features", "cls_token"} and told["cls_token"] is None
        torch.testing.assert_close(model.final_layer(told["features"]), model(x))
        model.reset_head(7)
        assert model(x).shape == (3, 7) and model.n_outputs == model.get_config()["n_outputs"] == 7
        torch.testing.assert_close(model(x, return_features=True)["features"], told["features"])
    with pytest.raises(ValueError, match="positive"):
        model.reset_head(0)


def test_config_and_weights_rebuild_it(case):
    _, model, x = case
    again = type(model).from_config(json.loads(json.dumps(model.get_config()))).eval()
    again.load_state_dict(model.state_dict(), strict=True)
    with torch.no_grad():
        assert torch.equal(again(x), model(x))


def test_the_hub_of_the_package_takes_it_and_gives_it_back(case, tmp_path):
    _, model, x = case
    model.save_pretrained(tmp_path / "hub")
    again = type(model).from_pretrained(tmp_path / "hub").eval()
    wider = type(model).from_pretrained(tmp_path / "hub", n_outputs=5).eval()
    with torch.no_grad():
        torch.testing.assert_close(again(x), model(x))
        assert wider(x).shape == (3, 5)


@pytest.mark.parametrize("name", MODELS)
def test_names_of_arguments_say_what_they_take(name):
    defaults = {key: p.default for key, p in inspect.signature(MODELS[name].__init__).parameters.items()}
    activations = [value for key, value in defaults.items() if "activation" in key]
    drops = [value for key, value in defaults.items() if "drop_prob" in key]
    assert activations and all(inspect.isclass(value) and issubclass(value, nn.Module) for value in activations)
    assert drops and all(isinstance(value, float) for value in drops)
    kinds = {type(part) for part in built(name, activation=nn.ELU).modules()}
    assert nn.ELU in kinds


def test_it_can_be_exported(case):
    _, model, x = case
    exported = torch.export.export(model, (x[:1],), strict=False)
    with torch.no_grad():
        torch.testing.assert_close(exported.module()(x[:1]), model(x[:1]))


@pytest.mark.slow
def test_it_can_be_compiled(case):
    _, model, x = case
    with torch.no_grad():
        torch.testing.assert_close(torch.compile(model, dynamic=False)(x), model(x), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", MODELS)
def test_a_batch_of_one_can_be_trained_on(name):
    model = built(name).train()
    model(torch.randn(1, 3, 1000)).sum().backward()
    assert model.final_layer.weight.grad is not None


def test_it_is_the_plain_module_with_the_same_weights():
    """What was trained in one form answers alike in the other."""
    from mindleaf.montage import Montage
    from mindleaf.preprocessing.pipeline import LEAF, MINDMIX
    from mindleaf.store.arrays import Windows
    from mindleaf.store.batches import BatchReader

    X, _ = rhythms(6, sfreq=200.0)
    windows = Windows(X, 200.0, Montage.from_names(NAMES)[0])
    info = mne.create_info(list(NAMES), 200.0, "eeg", verbose="error")
    signal = {"chs_info": info["chs"], "n_times": 400, "sfreq": 200.0, "n_outputs": 2}
    facts = ModelFacts(classes=("rest", "task"), n_tokens=4)
    for config, kind, pipeline in (
        (ClassifierConfig.preset("tiny"), MindMix, MINDMIX), (TowerClassifierConfig.preset("tiny"), Leaf, LEAF)
    ):  # fmt: skip
        plain = config.build(facts).eval()
        model = kind(**signal).eval()
        model.load_state_dict(plain.state_dict(), strict=True)
        batch = BatchReader([windows.examples(np.zeros(6, int), ("rest", "task"))], pipeline).read(np.arange(6))
        x = torch.from_numpy(windows.under(pipeline.model_copy(update={"normalise": "none"})))
        with torch.no_grad():
            torch.testing.assert_close(model(x), plain(batch), atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("name", MODELS)
def test_the_package_trains_it_by_its_name(name, monkeypatch):
    """The wrappers find a model in the table and tell it what the data are."""
    monkeypatch.setitem(util.models_dict, name, MODELS[name])
    X, y = rhythms(24, sfreq=200.0)
    epochs = mne.EpochsArray(X, mne.create_info(list(NAMES), 200.0, "eeg", verbose="error"), verbose="error")
    classifier = EEGClassifier(name, max_epochs=1, batch_size=8, train_split=None, classes=[0, 1], verbose=0)
    classifier.fit(epochs, (y == "task").astype(int))
    assert isinstance(classifier.module_, MODELS[name]) and classifier.module_.n_times == 400
    assert classifier.predict(X.astype(np.float32)).shape == (24,) and classifier.predict_proba(X.astype(np.float32)).shape == (
        24,
        2,
    )


def test_it_learns_in_the_packages_hands():
    X, y = rhythms(80, sfreq=200.0)
    X, y = X.astype(np.float32), (y == "task").astype(int)
    torch.manual_seed(0)
    classifier = EEGClassifier(
        MindMix, module__sfreq=200.0, module__n_outputs=2, module__n_chans=4, module__n_times=400, max_epochs=6, batch_size=16, lr=3e-3,
        optimizer=torch.optim.AdamW, train_split=None, classes=[0, 1], verbose=0,
    ).fit(X, y)  # fmt: skip
    other, truth = rhythms(40, seed=2, sfreq=200.0)
    assert np.mean(classifier.predict(other.astype(np.float32)) == (truth == "task")) > 0.85


def test_input_that_it_cannot_read_is_refused_in_one_sentence():
    chs = util._get_signal_params(RATE)["chs_info"]
    signal = {"n_outputs": 2, "n_times": 1000, "sfreq": 200.0}
    cases = {
        "resample": lambda: MindMix(n_outputs=2, n_chans=3, n_times=1000, sfreq=250.0),
        "got no chs_info": lambda: Leaf(n_chans=3, **signal),
        "no place of any channel": lambda: Leaf(chs_info=[{"ch_name": "blue"}, {"ch_name": "red"}], **signal),
        "windows of 0.5 to 10 s": lambda: Leaf(chs_info=chs, **{**signal, "n_times": 50}),
        "multiple of heads": lambda: MindMix(n_chans=3, width=63, **signal),
    }
    for sentence, wrong in cases.items():
        with pytest.raises(BadInput, match=sentence):
            wrong()


def test_everything_else_is_imported_without_the_package_and_it_says_what_is_missing():
    code = (
        "import sys; sys.modules['braindecode'] = None\n"
        "import mindleaf as ml\n"
        "ml.Classifier('mindmix', 200.0), ml.Embedder('mindmix:tiny', 200.0), ml.load_model, ml.push_to_hub\n"
        "assert not any(name.startswith('braindecode.') for name in sys.modules)\n"
        "import mindleaf.adapters.braindecode"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=300)
    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode == 1 and last.startswith("mindleaf.errors.BadInput") and "pip install braindecode" in last

"""Ways of fine-tuning a RUN inside a fold, and encoders that start from a file of weights: what is kept, what is said."""

from __future__ import annotations

import importlib.util
import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from mindleaf.encoders.labram import LabramConfig
from mindleaf.errors import BadInput
from mindleaf.models.facts import ModelFacts
from mindleaf.models.folder import save_model
from mindleaf.models.pretraining import PretrainingConfig
from mindleaf.montage import ELECTRODES
from mindleaf.preprocessing.pipeline import MINDMIX
from mindleaf.systems.registry import build_system
from tests.systems.listening import attended_rows, halves, labelled_rows, listening_store, none_of, rhythm_store

QUICK = ("training.batch_size=16", "training.device=cpu", "training.steps=2")
NEEDS_BRAINDECODE = pytest.mark.skipif(importlib.util.find_spec("braindecode") is None, reason="needs the package braindecode")
#: Parts beside the encoder that move, per kind of question and way.
MOVING = {
    ("candidates", "frozen"): {"stem", "unpatching", "audio_tower", "fusion", "logit_scale"},
    ("candidates", "lora"): {"stem", "unpatching", "audio_tower", "fusion", "logit_scale", "encoder"},
    ("candidates", "probe"): {"unpatching", "fusion", "logit_scale"},
    ("labels", "frozen"): {"stem", "gate", "token_norm", "final_layer"},
    ("labels", "lora"): {"stem", "gate", "token_norm", "final_layer", "encoder"},
    ("labels", "probe"): {"final_layer"},
}


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stores")
    heard = attended_rows(listening_store(folder / "heard", n_trials=3, trial_s=12.0), 2.0)
    return {"candidates": halves(heard, ("t2",)), "labels": halves(labelled_rows(rhythm_store(folder / "rhythms")), ("t11",))}


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory):
    """A RUN of stage 1 as ``pretrain`` writes it."""
    folder = tmp_path_factory.mktemp("pretrained") / "stage1"
    torch.manual_seed(123)
    config, facts = PretrainingConfig.preset("tiny"), ModelFacts(sfreq=MINDMIX.sfreq)
    save_model(folder, config.build(facts), config, facts, "card")
    return folder


def fitted(asks: str, parts, *settings: str):
    system = build_system("mindmix", [*QUICK, *settings], asks)
    train, _ = parts[asks]
    system.fit(train, none_of(train), seed=0)
    return system


def state(system) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in system.model.state_dict().items()}


@pytest.mark.parametrize(("asks", "way"), MOVING)
def test_what_learns_is_what_was_asked_and_the_run_says_so(asks, way, parts, pretrained, tmp_path):
    """Two systems with one seed, one with no step at all: what differs is what learned."""
    # The small gate and the zero maps of a fresh model let nothing through in the first steps unless the rate is high.
    settings = (
        f'start="{pretrained}"',
        f"adapt={way}",
        "lora.rank=2",
        "warm_start=false" if asks == "candidates" else "lora.alpha=8",
    )
    system = fitted(asks, parts, *settings, "training.optimiser.lr=0.05", "training.steps=4")
    before, after = state(fitted(asks, parts, *settings, "training.steps=0")), state(system)
    assert before.keys() == after.keys()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert {name.split(".")[0] for name in moved} == MOVING[asks, way]
    assert all("transformer.blocks" in name for name in moved if name.startswith("encoder."))
    found = system.findings()["encoder"]
    assert (found["weights"], found["adapt"]) == ("the RUN stage1", way)
    assert 0 < found["trainable_parameters"] < system.n_parameters == sum(p.numel() for p in system.model.parameters())
    system.save(tmp_path / "run", "# Card\n")
    assert load_file(tmp_path / "run" / "model.safetensors").keys() == after.keys()
    assert f"- adapt: {way}" in (tmp_path / "run" / "card.md").read_text()
    again = build_system("mindmix", QUICK, asks)
    again.load(tmp_path / "run")
    np.testing.assert_array_equal(again.predict(parts[asks][1]), system.predict(parts[asks][1]))
    assert again.findings()["encoder"] == found


def test_full_fine_tuning_is_what_it_was(parts):
    system = fitted("labels", parts)
    assert system.findings()["encoder"] == {
        "weights": "random at the start", "adapt": "full", "trainable_parameters": system.n_parameters
    }  # fmt: skip


@pytest.mark.parametrize("asks", ["candidates", "labels"])
def test_keeping_an_encoder_that_is_not_there_is_refused(asks, parts):
    settings = ["form=linear"] if asks == "candidates" else ["model.encoder=null"]
    for way in ("frozen", "probe", "lora"):
        with pytest.raises(BadInput, match="choose adapt=full"):
            fitted(asks, parts, *settings, f"adapt={way}")


@NEEDS_BRAINDECODE
@pytest.mark.parametrize("asks", ["candidates", "labels"])
def test_an_encoder_of_another_kind_starts_from_the_user_s_file(asks, parts, tmp_path):
    torch.manual_seed(7)
    known = LabramConfig.preset("tiny").build(len(ELECTRODES)).network.state_dict()
    save_file(known, tmp_path / "labram.safetensors")
    wish = json.dumps(LabramConfig.preset("tiny").model_dump() | {"weights": str(tmp_path / "labram.safetensors")})
    system = fitted(asks, parts, f"model.encoder={wish}", "adapt=frozen")
    network = system.model.encoder.network.state_dict()
    assert all(torch.equal(tensor, known[name]) for name, tensor in network.items())
    system.save(tmp_path / "run", "# Card\n")
    assert f"- weights: {len(known)} tensors of labram.safetensors" in (tmp_path / "run" / "card.md").read_text()
    # The RUN holds the weights; the file is not asked for again.
    (tmp_path / "labram.safetensors").unlink()
    again = build_system("mindmix", QUICK, asks)
    again.load(tmp_path / "run")
    np.testing.assert_array_equal(again.predict(parts[asks][1]), system.predict(parts[asks][1]))
    control = again.untrained()
    control.fit(parts[asks][0], none_of(parts[asks][0]), seed=0)
    random = control.model.encoder.network.state_dict()
    assert not torch.equal(random["blocks.0.attn.qkv.weight"], known["blocks.0.attn.qkv.weight"])
    on = fitted(asks, parts, f'start="{tmp_path / "run"}"', "training.steps=0")
    assert torch.equal(on.model.encoder.network.state_dict()["cls_token"], known["cls_token"])

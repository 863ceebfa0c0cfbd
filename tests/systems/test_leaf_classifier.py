"""LEAF with the paper's head for fine-tuning: it learns, comes back, starts from a RUN, is audited, and hears no words."""

import numpy as np
import pytest
import torch

from mindleaf.errors import BadInput
from mindleaf.layers.fitted_norm import fit_norms
from mindleaf.models.facts import ModelFacts
from mindleaf.models.folder import load_model, save_model
from mindleaf.models.spectral_temporal import SpectralTemporalConfig
from mindleaf.recipes.choice import filled
from mindleaf.recipes.leaf import finetuning
from mindleaf.stages.evaluate import evaluate
from mindleaf.stages.finetune import finetune
from mindleaf.stages.question import EvaluateConfig
from mindleaf.systems.registry import build_system
from tests.systems.listening import halves, labelled_rows, none_of, rhythm_store

pytestmark = pytest.mark.filterwarnings("ignore:.*electrodes are interpolated:UserWarning")
LAST = ("t06", "t07", "t08", "t09", "t10", "t11")
MLP = ("head=mlp", "training.device=cpu", "training.batch_size=16", "training.validate_every=100", "mlp.hidden=[32,16]")
ONE_LAYER = ("model.encoder.depth=1", "model.encoder.token_dropout=0.0")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return rhythm_store(tmp_path_factory.mktemp("rhythm"))


@pytest.fixture(scope="module")
def parts(store):
    return halves(labelled_rows(store), LAST)


@pytest.fixture(scope="module")
def tower(tmp_path_factory):
    """A RUN of reconstruction, as far as its folder is concerned."""
    torch.manual_seed(5)
    folder = tmp_path_factory.mktemp("tower") / "run"
    config = SpectralTemporalConfig.preset("tiny")
    model = config.build(ModelFacts())
    fit_norms(model, [[3.0 + torch.randn(4, 65, 100)]], model.encoder.tokenizer)  # as training does
    save_model(folder, model, config, ModelFacts(), "card")
    (folder / "exposure.json").write_text('{"subjects": [], "stimuli": [], "spans": []}')
    return folder


def fitted(parts, *settings, steps=60):
    system = build_system("leaf", [*MLP, f"training.steps={steps}", *settings])
    system.fit(parts[0], none_of(parts[0]), seed=0)
    return system


def right(system, examples) -> float:
    return float((system.predict(examples).argmax(axis=1) == examples.labels).mean())


def test_it_learns_a_tiny_set_and_comes_back_from_its_folder(parts, tmp_path):
    system = fitted(parts, *ONE_LAYER)
    assert right(system, parts[0]) > 0.95 and right(system, parts[1]) > 0.7
    assert system.findings()["curve"][-1]["loss"] < 0.3
    system.save(tmp_path / "run", "card")
    back = build_system("leaf", ["head=mlp"])
    back.load(tmp_path / "run")
    np.testing.assert_allclose(back.predict(parts[1]), system.predict(parts[1]), atol=1e-6)
    facts = load_model(tmp_path / "run").facts
    assert (facts.pipeline, facts.n_tokens, facts.classes) == ("leaf", 4, ("class0", "class1"))
    with pytest.raises(BadInput, match="align leaf first"):
        build_system("leaf").load(tmp_path / "run")


def test_it_takes_the_tower_of_a_run(parts, tower):
    system = fitted(parts, f'start="{tower}"', steps=0)
    wanted = load_model(tower).model.encoder.state_dict()
    assert all(torch.equal(value, wanted[name]) for name, value in system.model.encoder.state_dict().items())
    assert "RUN run" in system.findings()["encoder"]["weights"]


def test_frozen_below_the_head(parts, tower):
    system = fitted(parts, f'start="{tower}"', "adapt=frozen", steps=3)
    assert system.findings()["encoder"]["trainable_parameters"] == sum(p.numel() for p in system.model.head.parameters())
    wanted = load_model(tower).model.encoder.state_dict()
    assert all(torch.equal(value, wanted[name]) for name, value in system.model.encoder.state_dict().items())


def test_the_verbs_fine_tune_it_and_audit_it_without_questions_of_words(store, tower, tmp_path):
    config = EvaluateConfig.of(
        "classify", "leave_one_subject_out", None, "side", 0, "quick",
        [f"leaf.{setting}" for setting in (*MLP, "training.steps=2")], device="cpu", floor=False,
    )  # fmt: skip
    tuned = finetune("leaf", finetuning("leaf-tiny", "labels"), config, store.path, tmp_path / "tuned", tower, quiet=True)
    plain = EvaluateConfig.of("classify", "leave_one_subject_out", None, "side", 0, "quick", (), device="cpu", floor=False)
    entry = evaluate(plain, store.path, [str(tuned)], tmp_path / "scored", quiet=True).to_json()["systems"][0]
    assert entry["name"] == "leaf (tuned)" and entry["n_windows"] == 48
    assert entry["transductive"], "LEAF scales by the whole recording, whichever head reads it"
    controls = {row["control"] for row in entry["audit"]}
    assert "eeg_noise" in controls and not any("instruction" in control for control in controls)
    again = evaluate(config, store.path, [str(tower)], tmp_path / "again", quiet=True).to_json()["systems"][0]
    assert again["n_parameters"] == entry["n_parameters"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["head=mlp", "level=1"], "leave level out"),
        (["head=mlp", 'ask="Left or right?"', "tune=false"], "leave ask and tune out"),
        (["head=mlp", "model.encoder=mindmix:tiny"], "tokens of the LEAF tower"),
    ],
)
def test_what_only_words_can_ask_is_refused(settings, words):
    with pytest.raises(BadInput, match=words):
        build_system("leaf", settings)


def test_alignment_with_language_wants_a_head_that_listens():
    with pytest.raises(BadInput, match="hears no words"):
        filled("alignment", "leaf-tiny").with_settings(["reader.head=mlp"])

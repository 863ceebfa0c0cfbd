"""LEAF as a system: it learns from words, goes on from a RUN, answers tasks it has not seen, and refuses what makes no sense."""

import importlib.util
import warnings

import numpy as np
import pytest
import torch

from mindleaf.errors import BadInput
from mindleaf.layers.fitted_norm import fit_norms
from mindleaf.models.folder import load_model
from mindleaf.systems.registry import build_system
from tests.stages.two_data_sets import MANY, rhythms
from tests.systems.listening import halves, labelled_rows, none_of, rhythm_store

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*electrodes are interpolated:UserWarning"),
    pytest.mark.skipif(
        importlib.util.find_spec("sentence_transformers") is None, reason="needs the package sentence-transformers"
    ),
]
LAST = ("t06", "t07", "t08", "t09", "t10", "t11")
QUICK = (
    "training.device=cpu", "training.steps=40", "training.batch_size=16", "training.validate_every=100",
    "model.encoder.depth=1", "model.encoder.token_dropout=0.0", "model.depth=1", "model.head_dropout=0.0",
)  # fmt: skip
TEXTS = ('texts={"class0": "a rhythm at the back of the head", "class1": "a rhythm on the right side"}',)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return rhythm_store(tmp_path_factory.mktemp("rhythm"))


@pytest.fixture(scope="module")
def parts(store):
    return halves(labelled_rows(store), LAST)


@pytest.fixture(scope="module")
def run(parts, tmp_path_factory):
    """A model tuned on the first trials, in a folder."""
    system = build_system("leaf", [*QUICK, *TEXTS])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        system.fit(parts[0], none_of(parts[0]), seed=0)
    folder = tmp_path_factory.mktemp("leaf") / "run"
    system.save(folder, "card")
    return folder


def right(system, examples) -> float:
    return float((system.predict(examples).argmax(axis=1) == examples.labels).mean())


def test_it_tells_rhythms_apart_in_trials_it_has_not_seen_and_comes_back_from_its_folder(run, parts):
    system = build_system("leaf", TEXTS)
    system.load(run)
    assert right(system, parts[1]) > 0.9
    assert system.predict(none_of(parts[1])).size == 0
    facts = load_model(run).facts
    assert (facts.text, facts.text_width) == ("minilm", 384)
    assert facts.tasks[0].texts[0] == "a rhythm at the back of the head"
    assert "text encoder" in (run / "card.md").read_text() or system.findings()["language"]["text_encoder"] == "minilm"


@pytest.mark.parametrize("level", [0, 1, 2])
def test_every_level_of_instruction_is_asked(run, parts, level):
    system = build_system("leaf", [*TEXTS, f'start="{run}"', "tune=false", f"level={level}", "training.device=cpu"])
    system.fit(parts[0], none_of(parts[0]), seed=0)
    assert right(system, parts[1]) > 0.8


def test_a_run_answers_labels_worded_anew_without_training(run, parts):
    words = 'texts={"class0": "an occipital oscillation", "class1": "an oscillation over the right hemisphere"}'
    system = build_system("leaf", [words, f'start="{run}"', "tune=false", "training.device=cpu"])
    system.fit(parts[0], none_of(parts[0]), seed=0)
    assert right(system, parts[1]) > 0.7
    assert len(system.facts.tasks) == 2


def test_labels_asked_without_training_say_how_much_of_them_training_told_apart(run, parts):
    def shares(back, side):
        words = f'texts={{"class0": "{back}", "class1": "{side}"}}'
        system = build_system("leaf", [words, f'start="{run}"', "tune=false", "training.device=cpu"])
        system.fit(parts[0], none_of(parts[0]), seed=0)
        return system.findings()["language"]["labels_in_training"]

    same = shares("a rhythm at the back of the head", "a rhythm on the right side")
    anew = shares("activity at the back", "activity on the right")
    strange = shares("two places in step", "two places without relation")
    assert list(same) == ["class0", "class1"] and min(same.values()) > 0.999
    assert 0.25 < min(anew.values()) < 0.999 and max(strange.values()) < 0.25


def test_answers_change_with_the_controls_and_random_vectors_are_no_language(run, parts):
    scores = {}
    for control in ("none", "wrong_task", "shuffled", "constant", "random_answers"):  # the last one is trained in the audit
        system = build_system("leaf", [*TEXTS, f'start="{run}"', "tune=false", f'control="{control}"', "training.device=cpu"])
        system.fit(parts[0], none_of(parts[0]), seed=0)
        scores[control] = system.predict(parts[1])
    assert all(not np.allclose(scores["none"], scores[name]) for name in scores if name != "none")


def test_it_starts_from_a_reconstructing_tower(parts, tmp_path):
    from mindleaf.models.facts import ModelFacts
    from mindleaf.models.folder import save_model
    from mindleaf.models.spectral_temporal import SpectralTemporalConfig

    torch.manual_seed(5)
    config = SpectralTemporalConfig.preset("tiny")
    tower = config.build(ModelFacts())
    fit_norms(tower, [[3.0 + torch.randn(4, 65, 100)]], tower.encoder.tokenizer)  # as training does
    save_model(tmp_path / "tower", tower, config, ModelFacts(), "card")
    system = build_system("leaf", [*QUICK, f'start="{tmp_path / "tower"}"', "training.steps=0"])
    system.fit(parts[0], none_of(parts[0]), seed=0)
    wanted = load_model(tmp_path / "tower").model.encoder.state_dict()
    assert all(torch.equal(value, wanted[name]) for name, value in system.model.encoder.state_dict().items())


def test_a_run_that_is_asked_as_it_is_answers_as_it_did_when_it_was_saved(run, parts):
    saved = build_system("leaf", TEXTS)
    saved.load(run)
    asked = build_system("leaf", [*TEXTS, f'start="{run}"', "tune=false", "training.device=cpu"])
    asked.fit(parts[0], none_of(parts[0]), seed=0)
    assert saved.model.gate.abs() > 0
    np.testing.assert_allclose(asked.predict(parts[1]), saved.predict(parts[1]), atol=1e-6)


@pytest.mark.parametrize(("adapt", "moving"), [("frozen", ""), ("probe", "qformer.head."), ("lora", "")])
def test_what_stands_still_stands_still_to_the_bit(run, parts, adapt, moving):
    before = load_model(run).model.state_dict()
    system = build_system("leaf", [*TEXTS, f'start="{run}"', f"adapt={adapt}", "training.steps=3", "training.device=cpu"])
    system.fit(parts[0], none_of(parts[0]), seed=0)
    moved = {name for name, value in system.model.state_dict().items() if not torch.equal(value, before[name])}
    assert moved and all(name.startswith(moving) for name in moved)
    assert not any(name.startswith("encoder.tokenizer.") for name in moved)
    if adapt != "lora":
        assert not any(name.startswith("encoder.") for name in moved)


def test_mindmix_s_encoder_under_the_q_former(parts):
    system = build_system("leaf", [*TEXTS, "model.encoder=mindmix:tiny", "training.device=cpu", "training.steps=2"])
    system.fit(parts[0], none_of(parts[0]), seed=0)
    assert np.isfinite(system.predict(parts[1])).all()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["tune=false"], "wants a RUN"),
        (["level=3"], "level"),
        (['model.text="nowhere"'], "modules.json"),
        (['texts={"class7": "what"}'], "class7"),
    ],
)
def test_what_makes_no_sense_is_refused(parts, settings, words):
    with pytest.raises(BadInput, match=words):
        build_system("leaf", settings).fit(parts[0], none_of(parts[0]), seed=0)


def test_a_task_is_learned_beside_another_that_has_nothing_to_tell(store, parts, tmp_path):
    """Batches hold one data set each: neither the other's statistics nor its gradients may drown this one."""
    other = labelled_rows(rhythms(tmp_path / "other", "elsewhere", {"up": 3.0, "down": 3.0}, channels=MANY, n_subjects=8))
    settings = [setting for setting in QUICK if not setting.startswith("training.steps")]
    reader = build_system("leaf", [*settings, "training.steps=60"])
    reader.learn([parts[0], other], [], seed=1)
    assert len(other) == 8 * len(parts[0])
    assert right(reader, parts[1]) > 0.85

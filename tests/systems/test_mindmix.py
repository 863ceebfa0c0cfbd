"""MindMix as a system: it learns, each window stands alone, and what is saved, started from or left out is what it says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from mindleaf.errors import BadInput
from mindleaf.evaluation.audit import audit
from mindleaf.evaluation.predict import run_system
from mindleaf.fold import Fold, spans
from mindleaf.models.alignment import AlignedConfig
from mindleaf.models.facts import ModelFacts
from mindleaf.models.folder import load_model, save_model
from mindleaf.models.pretraining import PretrainingConfig
from mindleaf.preprocessing.pipeline import MINDMIX
from mindleaf.recipes.mindmix import finetuning
from mindleaf.store.batches import BatchReader
from mindleaf.store.writer import write_store
from mindleaf.systems.mindmix import MindMixListener
from mindleaf.systems.mindmix_classifier import MindMixClassifier
from mindleaf.systems.registry import build_system
from mindleaf.tasks import Attention
from tests.conftest import make_recording
from tests.systems.listening import attended_rows, halves, labelled_rows, listening_store, none_of, rhythm_store

QUICK = ("training.batch_size=16", "training.device=cpu", "training.validate_every=1000")


def listener(steps: int = 2, *settings: str) -> MindMixListener:
    return build_system("mindmix", [*QUICK, f"training.steps={steps}", *settings], "candidates")  # type: ignore[return-value]


def classifier(steps: int = 2, *settings: str) -> MindMixClassifier:
    return build_system("mindmix", [*QUICK, f"training.steps={steps}", *settings], "labels")  # type: ignore[return-value]


@pytest.fixture(scope="module")
def heard(tmp_path_factory):
    """Training and test windows of an easy listening store; whole trials are held out."""
    store = listening_store(tmp_path_factory.mktemp("heard") / "store", n_trials=4, trial_s=20.0, gain=2.0)
    return halves(attended_rows(store, 2.0), ("t3",))


@pytest.fixture(scope="module")
def rhythms(tmp_path_factory):
    return halves(labelled_rows(rhythm_store(tmp_path_factory.mktemp("rhythms") / "store")), ("t10", "t11"))


@pytest.fixture(scope="module")
def fitted(heard, rhythms):
    """One of each, trained for a few seconds, with the windows it was not trained on."""
    candidates, labels = listener(30), classifier(60, "training.optimiser.lr=0.003")
    candidates.fit(heard[0], none_of(heard[0]), seed=0)
    labels.fit(rhythms[0], none_of(rhythms[0]), seed=0)
    return {"candidates": (candidates, *heard), "labels": (labels, *rhythms)}


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory):
    """A RUN of stage 1 as ``pretrain`` writes it, its weights drawn with a seed no test uses."""
    folder = tmp_path_factory.mktemp("pretrained") / "run"
    torch.manual_seed(123)
    config, facts = PretrainingConfig.preset("tiny"), ModelFacts(sfreq=MINDMIX.sfreq)
    save_model(folder, config.build(facts), config, facts, "card")
    return folder


def right(system, examples) -> float:
    truth = examples.answers if system.asks == "candidates" else examples.labels
    return float((system.predict(examples).argmax(axis=1) == truth).mean())


def test_a_curriculum_begins_with_long_windows(heard):
    system = listener(9, "curriculum=[8, 4]", "warm_start=false")
    lengths = []
    reader_of = BatchReader.read

    def noted(self, ids, attended_first=True):
        batch = reader_of(self, ids, attended_first)
        lengths.append((batch.audio.shape[-1], len(ids)))
        return batch

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BatchReader, "read", noted)
        system.fit(heard[0], none_of(heard[0]), seed=0)
    rate = system.facts.frame_rate
    assert [frames / rate for frames, _ in lengths[:9]] == [8.0] * 3 + [4.0] * 3 + [2.0] * 3
    assert [max(size for _, size in lengths[k : k + 3]) for k in (0, 3, 6)] == [4, 8, 16]


@pytest.mark.parametrize("asks", ["candidates", "labels"])
def test_it_learns_a_small_set(fitted, asks):
    system, train, _ = fitted[asks]
    assert right(system, train) > 0.9
    assert system.n_parameters == sum(p.numel() for p in system.model.parameters())
    curve = system.findings()["curve"]
    assert curve[-1]["loss"] < max(curve[0]["loss"], 0.1)


def test_training_that_spoils_the_closed_form_start_is_not_kept(heard):
    started, spoiled = (listener(steps, "form=linear", "training.optimiser.lr=10") for steps in (0, 3))
    for system in (started, spoiled):
        system.fit(*heard, seed=0)
    np.testing.assert_array_equal(spoiled.predict(heard[1]), started.predict(heard[1]))
    assert right(started, heard[1]) > 0.7


@pytest.mark.parametrize("asks", ["candidates", "labels"])
def test_a_window_is_scored_by_itself(fitted, asks):
    system, _, test = fitted[asks]
    scores = system.predict(test)
    assert scores.shape == (len(test), 2) and np.isfinite(scores).all()
    order = np.random.default_rng(0).permutation(len(test))
    np.testing.assert_allclose(system.predict(test.take(order)), scores[order], atol=1e-4)
    np.testing.assert_allclose(system.predict(test.take([2])), scores[[2]], atol=1e-4)
    assert len(system.predict(none_of(test))) == 0


def test_the_order_of_candidates_and_the_answer_do_not_enter(fitted):
    system, _, test = fitted["candidates"]
    rows = test.rows.copy()
    for field in ("stimulus", "side", "talker", "audio_start"):
        rows[[f"{field}_1", f"{field}_2"]] = test.rows[[f"{field}_2", f"{field}_1"]].to_numpy()
    swapped = test.with_rows(rows.assign(answer=1 - rows["answer"]))
    np.testing.assert_allclose(system.predict(swapped)[:, ::-1], system.predict(test), atol=1e-4)
    wrong = test.with_rows(test.rows.assign(answer=1 - test.rows["answer"], attended=3 - test.rows["attended"]))
    np.testing.assert_allclose(system.predict(wrong), system.predict(test), atol=1e-4)


def test_the_same_seed_gives_the_same_scores_and_another_one_does_not(heard):
    scores = []
    for seed in (1, 1, 2):
        system = listener(3)
        system.fit(heard[0], none_of(heard[0]), seed=seed)
        scores.append(system.predict(heard[1]))
    np.testing.assert_array_equal(scores[0], scores[1])
    assert np.abs(scores[0] - scores[2]).max() > 1e-3


@pytest.mark.parametrize("asks", ["candidates", "labels"])
def test_what_is_saved_comes_back_the_same(fitted, asks, tmp_path):
    system, _, test = fitted[asks]
    system.save(tmp_path / "model", "card")
    again = listener() if asks == "candidates" else classifier()
    again.load(tmp_path / "model")
    np.testing.assert_array_equal(again.predict(test), system.predict(test))
    assert again.n_parameters == system.n_parameters
    kept, found = again.findings(), system.findings()
    assert kept.keys() == found.keys() and kept["curve"] == found["curve"]
    assert kept["topography"]["channel_names"] == found["topography"]["channel_names"]
    np.testing.assert_allclose(kept["topography"]["values"], found["topography"]["values"])


def test_a_folder_of_another_kind_is_refused(fitted, pretrained, tmp_path):
    fitted["labels"][0].save(tmp_path / "labels", "card")
    fitted["candidates"][0].save(tmp_path / "candidates", "card")
    for folder in (tmp_path / "labels", pretrained):
        with pytest.raises(BadInput, match="wanted an aligned model"):
            listener().load(folder)
    for folder in (tmp_path / "candidates", pretrained):
        with pytest.raises(BadInput, match="wanted a classifier"):
            classifier().load(folder)


def same_weights(first: torch.nn.Module, second: torch.nn.Module) -> bool:
    a, b = first.state_dict(), second.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_a_pretrained_encoder_is_where_training_starts(heard, rhythms, pretrained):
    """No step is taken, so what stands in the model is what was taken over."""
    known = load_model(pretrained).model.encoder
    for system, train in ((listener(0, f'start="{pretrained}"'), heard[0]), (classifier(0, f'start="{pretrained}"'), rhythms[0])):
        system.fit(train, none_of(train), seed=0)
        assert same_weights(system.model.encoder, known)
    fresh = classifier(0)
    fresh.fit(rhythms[0], none_of(rhythms[0]), seed=0)
    assert not same_weights(fresh.model.encoder, known)


def test_an_aligned_run_is_taken_over_whole(fitted, heard, tmp_path):
    system, train, test = fitted["candidates"]
    system.save(tmp_path / "aligned", "card")
    start = listener(0, f'start="{tmp_path / "aligned"}"')
    start.fit(train, none_of(train), seed=5)
    for name, part in start.model.named_children():
        if name != "logit_scale" and list(part.parameters()):
            assert same_weights(part, getattr(system.model, name)), name
    scores = start.predict(test)
    assert (scores.argmax(axis=1) == system.predict(test).argmax(axis=1)).all()


@pytest.mark.parametrize("wish", ["form=linear", "form=paper", "model.fusion=clip", "model.audio.depth=5"])
def test_a_model_that_is_not_the_aligned_run_s_is_refused(fitted, heard, tmp_path, wish):
    system, train, _ = fitted["candidates"]
    system.save(tmp_path / "aligned", "card")
    other = listener(0, f'start="{tmp_path / "aligned"}"', wish)
    with pytest.raises(BadInput, match="aligned brings a whole model, and form or model asks for one with another") as caught:
        other.fit(train, none_of(train), seed=0)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("wish", ["form=linear", "form=small", 'model.encoder="labram:tiny"', "model.encoder=null"])
def test_an_encoder_that_is_not_the_run_s_is_refused(heard, rhythms, pretrained, wish):
    asked = [(listener(0, f'start="{pretrained}"', wish), heard[0])]
    if wish.startswith("model"):
        asked.append((classifier(0, f'start="{pretrained}"', wish), rhythms[0]))
    for system, train in asked:
        with pytest.raises(
            BadInput, match=r"run brings its EEG encoder, and form or model\.encoder asks for (none|another one);"
        ):
            system.fit(train, none_of(train), seed=0)


@pytest.mark.parametrize(("form", "vq_input"), [("paper", "straight_through"), ("tiny", "bypass")])
def test_a_pretrained_encoder_is_fed_as_the_form_says(heard, pretrained, form, vq_input):
    system = listener(0, f'start="{pretrained}"', f"form={form}")
    system.fit(heard[0], none_of(heard[0]), seed=0)
    assert system.model.encoder.vq_input == system.config.model.encoder.vq_input == vq_input
    assert same_weights(system.model.encoder, load_model(pretrained).model.encoder)


@pytest.mark.parametrize("wishes", [("form=tiny",), finetuning("mindmix-small", "candidates"), ("model.chunk=2",)])
def test_what_the_aligned_run_is_and_what_a_recipe_fills_in_may_be_said(fitted, heard, tmp_path, wishes):
    system, train, _ = fitted["candidates"]
    system.save(tmp_path / "aligned", "card")
    start = listener(0, f'start="{tmp_path / "aligned"}"', *wishes)
    for seed in (0, 1):
        start.fit(train, none_of(train), seed=seed)
    assert start.config.model == system.config.model and same_weights(start.model.encoder, system.model.encoder)


@pytest.mark.parametrize("wish", ["model.fusion=clip", "model.audio.depth=5", "model.dims=32"])
def test_a_form_and_a_changed_model_do_not_go_together(wish):
    with pytest.raises(BadInput, match="form=linear is a whole model, and model was changed besides") as caught:
        listener(0, "form=linear", wish)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("recipe", ["mindmix-tiny", "mindmix-small", "mindmix"])
def test_a_form_replaces_the_preset_that_a_recipe_fills_in_and_stays(recipe):
    system = listener(0, *finetuning(recipe, "candidates"), "form=linear")
    assert system.config.model == AlignedConfig.preset("linear")
    assert system.untrained().config.model == system.config.model


def talkers(examples, names):
    """The same windows, the attended stream's talker given by ``names(row number)``."""
    rows = examples.rows.copy()
    for k in (1, 2):
        rows[f"talker_{k}"] = [names(i) if examples.answers[i] == k - 1 else "other" for i in range(len(rows))]
    return examples.with_rows(rows)


def test_the_unattended_stream_teaches_only_where_the_talker_changes(heard):
    train = heard[0]
    for names, taught in ((lambda i: "anna", False), (lambda i: ("anna", "other")[i % 2], True)):
        system = listener(1)
        system.fit(talkers(train, names), none_of(train), seed=0)
        assert ("unattended" in system.findings()["curve"][0]) == taught
    off = listener(1, "unattended=0")
    off.fit(talkers(train, lambda i: ("anna", "other")[i % 2]), none_of(train), seed=0)
    assert "unattended" not in off.findings()["curve"][0]


def audited(build, store):
    """Rows of the quick audit for one system on one fold of whole trials, by control."""
    index = store.index
    test = index["trial"].isin(["t0", "t1"]).to_numpy()
    parts = {"train": spans(index, np.flatnonzero(~test)), "test": spans(index, np.flatnonzero(test))}
    fold = Fold("0", **parts, validation=pd.DataFrame(parts["train"].iloc[:0]), group="trial", groups_test=("t0", "t1"))
    run = run_system("mindmix", build, store, None, Attention(), [fold], [2.0], seed=0)
    rows = audit([run], [fold], store, None, Attention(), seed=0)["mindmix"]
    return float(run.predictions()["correct"].mean()), {row.control: row.status for row in rows}


def test_the_paper_s_rule_is_told_the_answer_and_is_caught(tmp_path):
    store = write_store([make_recording(k, n_trials=6) for k in range(3)], tmp_path / "noise", "toy", {})
    _, status = audited(lambda: listener(5, "form=paper_paired"), store)
    assert status["answers_hidden"] == "fail"
    right_share, status = audited(lambda: listener(5, "warm_start=false"), store)
    assert right_share < 0.75
    assert status["answers_hidden"] == status["eeg_noise"] == status["batch_size"] == "pass"

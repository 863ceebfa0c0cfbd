"""Emotion: EEG alone, EEG with the sound, and the sound alone, side by side; a clip that is known gives its label away."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from mindleaf.evaluation.audit import audit
from mindleaf.evaluation.predict import run_system
from mindleaf.evaluation.prepared_rows import PreparedRows
from mindleaf.models.alignment import AlignedConfig
from mindleaf.models.facts import ModelFacts
from mindleaf.models.folder import load_model, save_model
from mindleaf.protocols import BetweenTrial, LeaveOneStimulusOut
from mindleaf.stages.question import EvaluateConfig
from mindleaf.systems.mindmix import MindMixListener
from mindleaf.systems.neural import audio_frontend
from mindleaf.systems.registry import build_system, floor_for
from mindleaf.tasks import build_task
from tests.protocols.tables import audiobooks, cut, eegmat
from tests.stages.command import worked
from tests.systems.listening import none_of
from tests.tasks.sounds import sound_store

QUICK = ("training.batch_size=16", "training.device=cpu", "training.validate_every=1000", "training.optimiser.lr=0.01")


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """The label in EEG only, or in the sound only: each clip then has a label of its own, drawn by lot."""
    folder = tmp_path_factory.mktemp("emotion")
    same = {"trial_s": 6.0, "tones": True}
    return {
        "eeg": sound_store(folder / "eeg", n_clips=4, repeats=3, label_in_eeg=True, **same),
        "sound": sound_store(folder / "sound", n_clips=8, repeats=2, n_subjects=2, **same),
    }


def scored(store, name, folds, *settings):
    """The run of one system on the task."""
    return run_system(
        name, lambda: build_system(name, settings, "labels"), store, None, build_task("emotion"), folds, [2.0], seed=0
    )


def credit(run):
    rows = run.predictions()
    return np.mean([rows.loc[rows["answer"] == k, "correct"].mean() for k in sorted(rows["answer"].unique())])


def between(store):
    return BetweenTrial(n_folds=3, only=(0,), stratify="emotion").folds(store.index, seed=0)


def mindmix(store, inputs, steps=25):
    return scored(store, "mindmix", between(store), *QUICK, f"training.steps={steps}", f'inputs="{inputs}"')


def test_eeg_that_carries_the_label_is_read_with_and_without_the_sound(stores):
    store = stores["eeg"]
    found = {inputs: credit(mindmix(store, inputs)) for inputs in ("eeg", "both", "audio")}
    assert found["eeg"] > 0.8 and found["both"] > 0.8, found
    assert abs(found["audio"] - 0.5) < 0.25, found
    assert credit(scored(store, "bandpower_lr", between(store))) > 0.8


def test_a_clip_that_training_knows_gives_its_label_without_eeg(stores):
    store = stores["sound"]
    runs = {inputs: mindmix(store, inputs, 40) for inputs in ("eeg", "both", "audio")}
    runs["sound_lr"] = scored(store, "sound_lr", between(store))
    assert abs(credit(runs["eeg"]) - 0.5) < 0.25
    for name in ("both", "audio", "sound_lr"):
        assert credit(runs[name]) > 0.9, name
    runs["both"].name, runs["sound_lr"].name = "both", "sound_lr"
    rows = audit([runs["both"], runs["sound_lr"]], between(store), store, None, build_task("emotion"), seed=0)
    status = {name: {row.control: row.status for row in own} for name, own in rows.items()}
    assert status["both"]["eeg_noise"] == status["both"]["eeg_permuted"] == status["both"]["eeg_zeroed"] == "fail"
    assert status["sound_lr"]["eeg_noise"] == status["sound_lr"]["eeg_permuted"] == "skipped"
    assert status["sound_lr"]["answers_hidden"] == status["sound_lr"]["batch_size"] == "pass"


def test_with_new_clips_the_sound_says_nothing(stores):
    store = stores["sound"]
    folds = LeaveOneStimulusOut(n_folds=4).folds(store.index, seed=0)
    run = scored(store, "sound_lr", folds)
    per_clip = run.predictions().merge(store.index[["recording", "trial", "stimulus_1"]], on=["recording", "trial"])
    right = per_clip.groupby("stimulus_1")["correct"].mean()
    assert len(right) == 8 and abs(credit(run) - 0.5) <= 0.3
    assert credit(run) < credit(scored(store, "sound_lr", between(store))) - 0.2


def test_the_heard_stream_becomes_the_one_candidate():
    windows = cut(audiobooks(), 10.0).assign(emotion=lambda w: np.where(w["trial"].str[0] < "2", "joy", "fear"))
    rows = build_task("emotion").prepare(windows)
    assert (rows["n_candidates"] == 1).all() and "stimulus_2" not in rows and len(rows) == len(windows)
    attended = [row[f"stimulus_{row['attended']}"] for _, row in windows.iterrows()]
    assert rows["stimulus_1"].tolist() == attended
    silent = build_task("emotion").prepare(cut(eegmat(3), 10.0))
    assert (silent["n_candidates"] == 0).all() and build_task("emotion").classes(silent) == ("arithmetic", "rest")
    assert build_task("emotion:emotion").prepare(windows)["target"].tolist() == rows["target"].tolist()


def test_where_some_windows_have_no_sound_all_answer_those_that_have():
    windows = cut(audiobooks(2), 20.0)
    windows["label"] = [("a", "b", "c")[k % 3] for k in range(len(windows))]
    windows.loc[windows["label"] == "b", "attended"] = 0
    rows = build_task("emotion").prepare(windows)
    task = build_task("emotion")
    assert task.classes(windows) == task.classes(rows) == ("a", "c")
    assert rows["label"].tolist() == [task.classes(rows)[k] for k in rows["target"]]


def test_without_a_sound_only_the_rows_of_eeg_are_filled(tmp_path):
    from tests.systems.listening import rhythm_store

    store = rhythm_store(tmp_path / "silent")
    folds = BetweenTrial(n_folds=2, only=(0,)).folds(store.index, seed=0)
    for name, settings in (("sound_lr", ()), ("mindmix", ('inputs="both"',))):
        run = scored(store, name, folds, *settings)
        assert run.status == "not applicable" and "no sound is recorded" in run.why
    assert scored(store, "bandpower_lr", folds).status == "ok"


@pytest.mark.parametrize("preset", ["tiny", "linear"])
def test_an_aligned_run_brings_tower_and_fusion(stores, tmp_path, preset):
    store, folds = stores["sound"], between(stores["sound"])
    listener: MindMixListener = build_system(
        "mindmix", [*QUICK, "training.steps=2", "warm_start=false", f"form={preset}"], "candidates"
    )  # type: ignore[assignment]
    run_system("m", lambda: listener, store, None, build_task("retrieval_duo"), folds, [2.0], seed=0)
    listener.save(tmp_path / "aligned", "card")
    settings = [*QUICK, "training.steps=0", 'inputs="both"', f'start="{tmp_path / "aligned"}"']
    if preset == "linear":
        assert isinstance(listener.config.model, AlignedConfig) and listener.config.model.encoder is None
    system = build_system("mindmix", settings, "labels")
    run = run_system("mindmix", lambda: system, store, None, build_task("emotion"), folds, [2.0], seed=0)
    known = load_model(tmp_path / "aligned").model.state_dict()
    assert all(torch.equal(value, known[name]) for name, value in system.model.aligned.state_dict().items())
    system.save(tmp_path / "emotion", "card")
    again = build_system("mindmix", QUICK, "labels")
    again.load(tmp_path / "emotion")
    assert again.inputs == "both"
    np.testing.assert_array_equal(again.predict(run.cells[0].test), system.predict(run.cells[0].test))
    assert again.untrained().inputs == "both" and len(again.predict(none_of(run.cells[0].test))) == 0


def test_of_an_aligned_run_that_hears_otherwise_the_encoder_is_left_and_this_is_said(stores, tmp_path):
    heard = PreparedRows(stores["sound"], None, build_task("emotion"), 0)
    train = heard.examples(between(stores["sound"])[0], "train", 2.0, "labels")
    config, frontend = AlignedConfig.preset("tiny"), audio_frontend("mel")
    facts = ModelFacts(n_audio_features=frontend.n_features, audio="mel", audio_fingerprint=frontend.fingerprint())
    save_model(tmp_path / "aligned", config.build(facts), config, facts, "card")
    settings = [*QUICK, "training.steps=0", 'inputs="both"', f'start="{tmp_path / "aligned"}"', 'audio="envelope"']
    system = build_system("mindmix", settings, "labels")
    with pytest.warns(UserWarning, match="hears through mel, here it is envelope: its EEG encoder is taken"):
        system.fit(train, none_of(train), seed=0)
    known = load_model(tmp_path / "aligned").model.encoder.state_dict()
    assert all(torch.equal(value, known[name]) for name, value in system.model.eeg.encoder.state_dict().items())
    assert system.model.aligned is None


def test_the_sound_alone_is_heard_as_the_run_to_start_from_hears(stores, tmp_path):
    config, frontend = AlignedConfig.preset("tiny"), audio_frontend("envelope")
    facts = ModelFacts(n_audio_features=frontend.n_features, audio="envelope", audio_fingerprint=frontend.fingerprint())
    save_model(tmp_path / "aligned", config.build(facts), config, facts, "card")
    heard = PreparedRows(stores["sound"], None, build_task("emotion"), 0)
    train = heard.examples(between(stores["sound"])[0], "train", 2.0, "labels")
    for start, audio in (([f'start="{tmp_path / "aligned"}"'], "envelope"), ([], "mel")):
        settings = [*QUICK, "training.steps=0", 'inputs="audio"', *start]
        system = build_system("mindmix", settings, "labels")
        system.fit(train, none_of(train), seed=0)
        assert system.facts.audio == audio and system.config.start == ""


def test_one_command_gives_three_rows_of_mindmix_beside_the_floor(stores, tmp_path):
    few = ("--set", "mindmix.training.steps=1", "--set", "protocol.only=[0]", "--set", "protocol.n_folds=2", "--quiet")
    question = ("--store", stores["sound"].path, "--model", "mindmix", "--task", "emotion")
    worked("evaluate", *question, "--protocol", "between_trial", *few, "--out", tmp_path / "out")
    content = json.loads((tmp_path / "out" / "results.json").read_text())
    assert [system["name"] for system in content["systems"]] == [
        "mindmix, EEG", "mindmix, EEG + audio", "mindmix, audio", *floor_for("emotion"),
    ]  # fmt: skip
    assert "heard in training, too" in (tmp_path / "out" / "report.html").read_text()
    worked(
        "evaluate",
        *question,
        "--protocol",
        "leave_one_stimulus_out",
        *few,
        "--set",
        "mindmix.inputs=audio",
        "--out",
        tmp_path / "new",
    )
    content = json.loads((tmp_path / "new" / "results.json").read_text())
    assert [system["name"] for system in content["systems"]] == ["mindmix", *floor_for("emotion")]
    assert "heard in training, too" not in (tmp_path / "new" / "report.html").read_text()
    assert EvaluateConfig.of("emotion", None, None, "side", 0, "quick", []).task == "emotion"

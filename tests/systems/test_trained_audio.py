"""MindMix with a speech model: frozen frames or trained inside the tower, and what a saved model needs afterwards."""

from __future__ import annotations

import json
import shutil
import warnings
from functools import partial

import numpy as np
import pytest
import torch

from mindleaf.errors import BadInput
from mindleaf.evaluation.prepared_rows import PreparedRows
from mindleaf.models.folder import load_model
from mindleaf.montage import Montage
from mindleaf.protocols import BetweenTrial
from mindleaf.recipes.mindmix import alignment
from mindleaf.recording import Candidate, Recording, Stimulus, Trial
from mindleaf.stages.align import align
from mindleaf.store.writer import write_store
from mindleaf.systems.neural import audio_frontend
from mindleaf.systems.registry import build_system
from mindleaf.tasks import build_task
from tests.encoders.speech_folders import speech_folder
from tests.systems.listening import CHANNELS, attended_rows, none_of
from tests.tasks.sounds import sound_store

pytest.importorskip("transformers", reason="speech models need the package transformers")
QUICK = ("training.batch_size=4", "training.device=cpu", "training.steps=2", "training.optimiser.lr=0.01")


def noise(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=8 * 16_000).astype(np.float32)


@pytest.fixture(scope="module")
def heard(tmp_path_factory):
    """Windows of one recording with two trials of two voices."""
    eeg = np.random.default_rng(9).normal(0, 10, size=(len(CHANNELS), 20 * 64)).astype(np.float32)
    sounds = tuple(Stimulus(f"s{k}", 16_000.0, partial(noise, k), "audio", "speech") for k in range(4))
    pairs = [(Candidate(f"s{2 * t}", side="left"), Candidate(f"s{2 * t + 1}", side="right")) for t in range(2)]
    trials = tuple(Trial(f"t{t}", 1 + 9.0 * t, 8.0, {}, pairs[t], 1 + t) for t in range(2))
    recording = Recording(
        dataset="voices", subject="s", id="r", sfreq=64.0, montage=Montage.from_names(CHANNELS)[0], n_times=eeg.shape[1],
        load=partial(np.asarray, eeg), stimuli=sounds, trials=trials,
    )  # fmt: skip
    return attended_rows(write_store([recording], tmp_path_factory.mktemp("voices") / "store", "voices", {}), 2.0)


@pytest.fixture
def folder(tmp_path):
    return speech_folder(tmp_path / "wav2vec2")


def trained(heard, *settings: str, seed: int = 0):
    system = build_system("mindmix", [*QUICK, *settings], "candidates")
    system.fit(heard, none_of(heard), seed=seed)
    return system


def inside(folder, *more: str) -> list[str]:
    return ["model.audio.kind=speech", f"model.audio.speech.folder={folder}", *more]


@pytest.mark.parametrize("form", ["", "paper"])
def test_a_speech_model_trains_inside_and_its_run_needs_no_folder(heard, folder, tmp_path, form):
    system = trained(heard, *inside(folder), f"form={form}" if form else "warm_start=true")
    assert system.facts.audio == "samples" and system.facts.n_audio_features == 320
    start = load_weights(folder)
    now = system.model.audio_tower.speech.model.state_dict()
    moved = {name for name in start if not torch.equal(start[name], now[name])}
    assert any("encoder.layers.1" in name for name in moved)
    assert not any("feature_extractor" in name for name in moved)
    scores = system.predict(heard)
    system.save(tmp_path / "run", "card")
    shutil.rmtree(folder)
    assert str(folder) not in (tmp_path / "run" / "config.json").read_text()
    again = build_system("mindmix", list(QUICK), "candidates")
    again.load(tmp_path / "run")
    np.testing.assert_array_equal(again.predict(heard), scores)
    further = trained(heard, f"start={json.dumps(str(tmp_path / 'run'))}", "training.steps=0")
    np.testing.assert_array_equal(further.predict(heard), scores)


@pytest.fixture(scope="module")
def felt(tmp_path_factory):
    """Windows of clips with an emotion, to train on."""
    store = sound_store(tmp_path_factory.mktemp("felt") / "store", n_clips=4, n_subjects=1, trial_s=4.0, tones=True)
    (fold,) = BetweenTrial(n_folds=2, only=(0,), stratify="emotion").folds(store.index, seed=0)
    return PreparedRows(store, None, build_task("emotion"), 0).examples(fold, "train", 2.0, "labels")


@pytest.mark.parametrize("inputs", ["both", "audio"])
def test_emotion_trains_a_speech_model_inside_and_its_run_needs_no_folder(felt, folder, tmp_path, inputs):
    system = build_system("mindmix", [*QUICK, *inside(folder), f'inputs="{inputs}"'], "labels")
    system.fit(felt, none_of(felt), seed=0)
    start, now = load_weights(folder), system.model.audio_tower.speech.model.state_dict()
    moved = {name for name in start if not torch.equal(start[name], now[name])}
    assert any("encoder.layers.1" in name for name in moved)
    assert not any("feature_extractor" in name for name in moved)
    system.save(tmp_path / "run", "# Card\n")
    assert "- audio encoder: wav2vec2 from wav2vec2, trained with the rest" in (tmp_path / "run" / "card.md").read_text()
    control = system.untrained()
    control.fit(felt, none_of(felt), seed=0)
    name = "encoder.layers.0.attention.k_proj.weight"
    assert not torch.equal(control.model.audio_tower.speech.model.state_dict()[name], start[name])
    shutil.rmtree(folder)
    again = build_system("mindmix", list(QUICK), "labels")
    again.load(tmp_path / "run")
    assert again.inputs == inputs
    np.testing.assert_array_equal(again.predict(felt), system.predict(felt))


def test_an_aligned_run_s_speech_model_is_not_exchanged_in_silence(heard, felt, folder, tmp_path):
    trained(heard, *inside(folder)).save(tmp_path / "aligned", "card")
    start = (*QUICK, 'inputs="both"', f"start={json.dumps(str(tmp_path / 'aligned'))}", "training.steps=0")
    taken = build_system("mindmix", start, "labels")
    taken.fit(felt, none_of(felt), seed=0)
    known = load_model(tmp_path / "aligned").model.audio_tower.state_dict()
    assert all(torch.equal(value, known[name]) for name, value in taken.model.aligned.audio_tower.state_dict().items())
    deeper = speech_folder(tmp_path / "deeper", num_hidden_layers=3)
    other = build_system("mindmix", [*start, *inside(deeper)], "labels")
    with pytest.raises(BadInput, match=r"aligned brings a whole model, .* another audio"):
        other.fit(felt, none_of(felt), seed=0)


def load_weights(folder) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return load_file(folder / "model.safetensors")


def test_a_fit_starts_from_the_checkpoint_each_time(heard, folder):
    system = trained(heard, *inside(folder, "training.steps=0"))
    for _ in range(2):
        now, start = system.model.audio_tower.speech.model.state_dict(), load_weights(folder)
        assert all(torch.equal(now[name], start[name]) for name in start)
        system.fit(heard, none_of(heard), seed=3)


@pytest.mark.parametrize("name", ["wav2vec2", "speech"])
def test_frozen_frames_are_cached_and_the_saved_model_says_what_it_wants(heard, folder, tmp_path, name):
    system = trained(heard, f"audio={name}:{folder}")
    assert system.facts.n_audio_features == 24
    kept = heard.store.path / "features" / system.facts.audio_fingerprint
    assert len(list(kept.glob("*.npy"))) == 4
    system.save(tmp_path / "run", "card")
    assert load_model(tmp_path / "run").facts.audio == name
    with pytest.raises(BadInput, match=f"audio={name}:FOLDER"):
        again = build_system("mindmix", list(QUICK), "candidates")
        again.load(tmp_path / "run")
        again.predict(heard)
    again = build_system("mindmix", [*QUICK, f"audio={name}:{folder}"], "candidates")
    again.load(tmp_path / "run")
    np.testing.assert_array_equal(again.predict(heard), system.predict(heard))


@pytest.mark.parametrize("other", ["wav2vec2", "mel", "inside"])
def test_of_a_run_that_hears_otherwise_only_the_encoder_is_taken_and_this_is_said(heard, folder, tmp_path, other):
    """The other speech model has frames of the same size."""
    system = trained(heard, f"audio=wav2vec2:{folder}")
    system.save(tmp_path / "run", "card")
    again = speech_folder(tmp_path / "again", seed=1)
    hears = {"wav2vec2": [f"audio=wav2vec2:{again}"], "mel": ["audio=mel"], "inside": inside(again)}[other]
    start = (f"start={json.dumps(str(tmp_path / 'run'))}", "training.steps=0", "warm_start=false")
    with pytest.warns(
        UserWarning, match="hears through wav2vec2, .*: its EEG encoder is taken and all else it learned left behind"
    ):
        moved = trained(heard, *start, *hears, seed=3)
    saved, now = system.model.state_dict(), moved.model.state_dict()
    same = {name for name in saved if name in now and torch.equal(saved[name], now[name])}
    assert {name for name in saved if name.startswith("encoder.")} <= same
    assert not same & {"stem.linear.weight", "audio_tower.linear.weight", "unpatching.spread.weight"}
    assert np.isfinite(moved.predict(heard)).all()


def test_a_run_that_hears_the_same_is_taken_whole_without_a_word(heard, folder, tmp_path):
    system = trained(heard, f"audio=wav2vec2:{folder}")
    system.save(tmp_path / "run", "card")
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        start = f"start={json.dumps(str(tmp_path / 'run'))}"
        moved = trained(heard, start, f"audio=wav2vec2:{folder}", "training.steps=0", seed=3)
    np.testing.assert_array_equal(moved.predict(heard).argmax(1), system.predict(heard).argmax(1))
    for part in ("encoder", "stem", "audio_tower", "unpatching"):
        saved, now = (getattr(one.model, part).state_dict() for one in (system, moved))
        assert all(torch.equal(saved[name], now[name]) for name in saved), part


def test_whether_frames_are_cached_already_does_not_change_a_training(heard, folder):
    scores = []
    for _ in range(2):
        shutil.rmtree(heard.store.path / "features", ignore_errors=True)
        heard.store._features.clear()
        scores += [trained(heard, f"audio=wav2vec2:{folder}").predict(heard) for _ in range(2)]
    for other in scores[1:]:
        np.testing.assert_array_equal(other, scores[0])


@pytest.mark.parametrize("choice", ["wav2vec", "mel:x", "hubert", "wav2vec2:", "spectrum"])
def test_a_choice_that_names_nothing_is_refused(choice):
    with pytest.raises(BadInput, match="FOLDER") as caught:
        audio_frontend(choice)
    assert "\n" not in str(caught.value)


def test_the_type_of_the_checkpoint_is_held_against_the_choice(folder):
    with pytest.raises(BadInput, match="hubert"):
        audio_frontend(f"hubert:{folder}")


def test_align_says_once_that_log_mel_is_used_and_how_to_get_wav2vec2(heard, folder, tmp_path, capsys):
    for number, settings in enumerate([(), (f"listener.audio=wav2vec2:{folder}",), ("listener.audio=mel",)]):
        config = alignment("mindmix-tiny").with_settings([*(f"listener.{setting}" for setting in QUICK), *settings])
        align(config, [heard.store.path], tmp_path / str(number))
        said = " ".join(capsys.readouterr().err.split())
        assert said.count("log-mel") == said.count("listener.audio=wav2vec2:FOLDER") == (number == 0)

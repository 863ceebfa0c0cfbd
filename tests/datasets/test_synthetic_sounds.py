"""Sounds that are told in words: do they sound as their words say, and does the EEG answer what it claims to answer?"""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import find_peaks

from mindleaf.datasets import DATASETS, open_dataset
from mindleaf.datasets.synthesis.beeps import DESCRIPTIONS, PITCHES, BeepsConfig, beeps
from mindleaf.datasets.synthesis.beeps_session import as_heard
from mindleaf.datasets.synthesis.speech import SAMPLE_RATE
from mindleaf.datasets.synthetic_sounds import write_sounds
from mindleaf.tasks.wording import kind_of, sentence

#: Nothing between the ears and the electrodes.
CLEAR = BeepsConfig(
    n_subjects=2, n_sounds=1, n_channels=19, sfreq=128, answer_uv=5.0, background_uv=1.0, alpha_uv=0.0, blink_uv=0.0, line_uv=0.0,
    sensor_uv=0.2,
)  # fmt: skip


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    return write_sounds(tmp_path_factory.mktemp("sounds") / "data", CLEAR, seed=0)


def _files(root: Path) -> dict[str, str]:
    files = (path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _answered(root: Path) -> dict[str, np.ndarray]:
    """Mean correlation, over trials and subjects, of each channel with the sound's loudness 0 to 400 ms before: by pitch."""
    found: dict[str, list[np.ndarray]] = {pitch: [] for pitch in PITCHES}
    for recording in open_dataset("synthetic_sounds", root):
        sounds = {stimulus.id: stimulus for stimulus in recording.stimuli}
        for trial in recording.trials:
            stimulus = sounds[trial.candidates[0].stimulus]
            heard = as_heard(stimulus.load(), round(recording.sfreq)).onsets.sum(axis=0)
            first = round(trial.onset * recording.sfreq)
            eeg = recording.signal[:, first : first + len(heard)]
            lags = [np.corrcoef(heard[: len(heard) - lag], eeg[:, lag:])[0, 1:] for lag in range(6, 40, 4)]
            found[DESCRIPTIONS[trial.labels["label"]][1]].append(np.array(lags))
    return {pitch: np.mean(trials, axis=0) for pitch, trials in found.items()}


def test_recordings_hold_what_the_facts_say(root):
    facts, recordings = DATASETS["synthetic_sounds"].facts, list(open_dataset("synthetic_sounds", root))
    assert [recording.subject for recording in recordings] == ["01", "02"]
    for recording in recordings:
        assert Counter(trial.labels["label"] for trial in recording.trials) == dict.fromkeys(facts.labels, 1)
        assert all(trial.attended == 1 and len(trial.candidates) == 1 and trial.duration == 4.0 for trial in recording.trials)
        assert {stimulus.kind for stimulus in recording.stimuli} == {"audio"} and not recording.issues
    orders = [[trial.candidates[0].stimulus for trial in recording.trials] for recording in recordings]
    assert orders[0] != orders[1] and set(orders[0]) == set(orders[1]), "subjects hear the same sounds in orders of their own"


def test_equal_settings_give_equal_files(root, tmp_path):
    assert _files(write_sounds(tmp_path / "again", CLEAR, seed=0)) == _files(root)
    other = _files(write_sounds(tmp_path / "other", CLEAR, seed=1))
    assert {name for name, sha in _files(root).items() if other[name] == sha and name.endswith((".wav", ".eeg"))} == set()


def test_every_description_is_a_sentence_of_its_own():
    kind = kind_of(DATASETS["synthetic_sounds"].facts.paradigm)
    sentences = {sentence(kind, label) for label in DESCRIPTIONS}
    assert kind == "hearing" and len(sentences) == 12 and "The person hears slow low beeps." in sentences


@pytest.mark.parametrize("description", DESCRIPTIONS)
def test_a_sound_is_as_high_and_as_fast_as_its_words_say(description):
    rhythm, pitch = DESCRIPTIONS[description]
    audio = beeps(rhythm, pitch, 20.0, np.random.default_rng(3))
    spectrum = np.abs(np.fft.rfft(audio))
    peak = np.fft.rfftfreq(len(audio), 1 / SAMPLE_RATE)[spectrum.argmax()]
    assert min(PITCHES, key=lambda word: abs(np.log(PITCHES[word] / peak))) == pitch
    loudness = np.abs(audio).reshape(-1, SAMPLE_RATE // 100).mean(axis=1)
    onsets, _ = find_peaks(loudness, height=0.3 * loudness.max(), distance=5)
    intervals = np.diff(onsets) / 100
    longest, shortest = {
        "slow": (0.75, 0.75), "fast": (0.2, 0.2), "bursting": (0.9, 0.1), "limping": (0.65, 0.25),
    }[rhythm]  # fmt: skip
    assert intervals.max() == pytest.approx(longest, rel=0.35) and intervals.min() == pytest.approx(shortest, rel=0.35)


def test_the_eeg_answers_the_sound_later_and_elsewhere_for_other_pitches(root, tmp_path):
    answers = _answered(root)
    for by_lag in answers.values():
        strongest = np.abs(by_lag).max(axis=1)
        assert strongest.max() > 0.3 and 0.05 < (6 + 4 * strongest.argmax()) / CLEAR.sfreq < 0.3
    low, high = (answers[pitch][np.abs(answers[pitch]).max(axis=1).argmax()] for pitch in ("low", "high"))
    assert np.corrcoef(low, high)[0, 1] < 0.95
    silent = write_sounds(tmp_path / "silent", CLEAR.model_copy(update={"answer_uv": 0.0, "n_subjects": 1}), seed=0)
    assert max(np.abs(by_lag).max() for by_lag in _answered(silent).values()) < 0.2


def test_without_tonotopy_pitches_are_answered_alike(tmp_path):
    flat = write_sounds(tmp_path / "flat", CLEAR.model_copy(update={"tonotopy": 0.0, "n_subjects": 1}), seed=0)
    low, high = (by_lag[np.abs(by_lag).max(axis=1).argmax()] for by_lag in (_answered(flat)[p] for p in ("low", "high")))
    assert abs(np.corrcoef(low, high)[0, 1]) > 0.9

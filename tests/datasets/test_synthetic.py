"""The synthetic experiment: a valid BIDS data set, deterministic, counterbalanced, and with the relations it claims."""

from __future__ import annotations

import hashlib
import json
import pickle
from pathlib import Path

import mne_bids
import numpy as np
import pandas as pd
import pytest
from scipy.io import wavfile
from scipy.signal import butter, resample_poly, sosfiltfilt

from mindleaf.datasets import open_dataset
from mindleaf.datasets.synthesis import design, head, hearing, speech
from mindleaf.datasets.synthesis.background import alpha
from mindleaf.datasets.synthesis.listener import CORTEX, DIRECTION, listener, standardised
from mindleaf.datasets.synthesis.truth import heard_sounds, settings_of, truth
from mindleaf.datasets.synthetic import DATASET, PRESETS, SyntheticConfig, preset, write_synthetic
from mindleaf.errors import BadInput

TINY = PRESETS["tiny"]
SHORT = SyntheticConfig(n_subjects=2, n_trials=2, trial_s=3.0, n_channels=16)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> Path:
    return write_synthetic(tmp_path_factory.mktemp("synthetic") / "tiny", TINY, seed=0)


def _files(root: Path) -> dict[str, str]:
    files = (path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_mne_bids_reads_every_recording(tiny):
    for subject in range(1, TINY.n_subjects + 1):
        where = mne_bids.BIDSPath(root=tiny, subject=f"{subject:02d}", task="listening", datatype="eeg", suffix="eeg")
        raw = mne_bids.read_raw_bids(where, verbose="error")
        assert raw.info["sfreq"] == TINY.sfreq
        assert raw.get_channel_types() == ["eeg"] * TINY.n_channels
        assert raw.info["line_freq"] == TINY.line_frequency
        assert len(raw.annotations) == TINY.n_trials
        assert raw.get_montage() is not None
    assert mne_bids.get_entity_vals(tiny, "subject") == ["01", "02", "03"]
    described = json.loads((tiny / "task-listening_events.json").read_text())
    assert set(described) == set(pd.read_csv(tiny / "sub-01/eeg/sub-01_task-listening_events.tsv", sep="\t").columns)


def test_recordings_carry_trials_sounds_and_truth(tiny):
    recordings = list(open_dataset("synthetic", tiny))
    assert [recording.subject for recording in recordings] == ["01", "02", "03"]
    for recording in recordings:
        assert recording.dataset == "synthetic"
        assert not recording.issues
        assert 5 < recording.signal.std() < 60
        assert len(recording.trials) == TINY.n_trials
        assert len(recording.stimuli) == 2 * TINY.n_trials
        for trial in recording.trials:
            assert trial.duration == TINY.trial_s
            assert trial.labels["label"] == trial.candidates[trial.attended - 1].side
            assert {candidate.side for candidate in trial.candidates} == {"left", "right"}
            assert all(candidate.stimulus.endswith(f"_{candidate.talker}") for candidate in trial.candidates)
    assert len({stimulus.id for recording in recordings for stimulus in recording.stimuli}) == 2 * TINY.n_trials
    assert np.array_equal(pickle.loads(pickle.dumps(recordings[0])).signal, recordings[0].signal)


def test_same_seed_same_files_other_seed_other_files(tmp_path):
    first, again, other = (write_synthetic(tmp_path / name, SHORT, seed) for name, seed in (("a", 1), ("b", 1), ("c", 2)))
    assert _files(first) == _files(again)
    changed = {name for name, digest in _files(first).items() if _files(other)[name] != digest}
    assert {name for name in _files(first) if name.endswith((".wav", ".eeg"))} <= changed
    assert not list(tmp_path.glob(".*"))


def test_files_already_there_are_kept_and_nothing_foreign_is_touched(tmp_path):
    root = write_synthetic(tmp_path / "data", SHORT, seed=1)
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    assert write_synthetic(root, SHORT, seed=1) == root
    with pytest.raises(BadInput, match="other settings or another seed"):
        write_synthetic(root, SHORT, seed=2)
    assert before == {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "thesis.txt").write_text("mine")
    with pytest.raises(BadInput, match="not a synthetic data set"):
        write_synthetic(foreign, SHORT, seed=1)
    assert (foreign / "thesis.txt").read_text() == "mine"
    with pytest.raises(BadInput, match="is a file"):
        write_synthetic(foreign / "thesis.txt", SHORT, seed=1)
    with pytest.raises(BadInput, match="could not write"):
        write_synthetic(foreign / "thesis.txt" / "deeper", SHORT, seed=1)


def test_a_failure_half_way_leaves_nothing(tmp_path):
    class Stopped(RuntimeError):
        pass

    def stop(done: int, total: int, what: str) -> None:
        if done == total - 1:
            raise Stopped

    with pytest.raises(Stopped):
        write_synthetic(tmp_path / "data", SHORT, seed=1, progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_missing_data_name_the_generator(tmp_path):
    with pytest.raises(BadInput, match="mindleaf prepare synthetic"):
        list(DATASET.recordings(tmp_path / "nowhere"))
    with pytest.raises(BadInput, match="mindleaf prepare synthetic"):
        list(open_dataset("synthetic", tmp_path))
    with pytest.raises(BadInput, match="realistic, easy, tiny, planted_leak"):
        preset("hard")


@pytest.mark.parametrize("n_trials", [4, 8, 12])
def test_attended_talker_side_and_story_are_balanced_within_subjects(n_trials):
    for subject in range(4):
        trials = design.presentations(subject, n_trials, np.random.default_rng(subject))
        assert sorted(trial.pair.number for trial in trials) == list(range(n_trials))
        facts = pd.DataFrame(
            {
                "talker": [trial.attended_talker for trial in trials],
                "side": [trial.attended_side for trial in trials],
                "story": [trial.pair.story(trial.attended_talker) for trial in trials],
                "attended": [trial.attended for trial in trials],
            }
        )
        for column in facts:
            assert facts[column].value_counts().tolist() == [n_trials // 2] * 2
        for a, b in (("talker", "side"), ("talker", "story"), ("side", "story")):
            assert pd.crosstab(facts[a], facts[b]).to_numpy().ravel().tolist() == [n_trials // 4] * 4


def test_neither_a_pair_nor_a_side_tells_who_is_attended_across_subjects():
    everyone = [
        (trial.pair.number, trial.attended_talker, trial.attended_side)
        for subject in range(4)
        for trial in design.presentations(subject, 8, np.random.default_rng(subject))
    ]
    table = pd.DataFrame(everyone, columns=["pair", "talker", "side"])
    assert (table.groupby(["pair", "talker", "side"]).size() == 1).all()
    assert len(table.groupby(["pair", "talker", "side"])) == 32
    ids = [pair.stimulus(talker) for pair in design.pairs(12) for talker in design.TALKERS]
    assert len(set(ids)) == 24


def test_speech_has_a_syllable_rhythm_pauses_and_two_voices():
    pitch = {}
    for name, voice in speech.VOICES.items():
        audio = speech.speech(voice, 20.0, np.random.default_rng(3))
        assert audio.shape == (20 * speech.SAMPLE_RATE,)
        assert np.abs(audio).max() <= 0.95
        envelope = hearing.features(audio, speech.SAMPLE_RATE, 64).envelope
        assert 0.03 < np.mean(envelope < 0.1 * envelope.max()) < 0.4
        slow = np.abs(np.fft.rfft(envelope - envelope.mean())) ** 2
        rates = np.fft.rfftfreq(len(envelope), 1 / 64)
        syllables, faster = slow[(rates > 3) & (rates < 8)].mean(), slow[rates > 12].mean()
        assert syllables > 5 * faster
        pulses = np.maximum(audio, 0.0) ** 2
        repeats = np.fft.irfft(np.abs(np.fft.rfft(pulses - pulses.mean())) ** 2)[60:230]
        pitch[name] = speech.SAMPLE_RATE / (60 + repeats.argmax())
    assert 85 < pitch["male"] < 145
    assert 160 < pitch["female"] < 260


def test_an_onset_after_silence_counts_more_than_one_in_running_sound():
    tone = np.sin(2 * np.pi * 700 * np.arange(4 * 16000) / 16000).astype(np.float32)
    gate = np.zeros(len(tone), np.float32)
    for first in (16000, 32000, 36000, 40000, 44000):
        gate[first : first + 3200] = 1.0
    onsets = hearing.features(tone * gate, 16000, 64).onsets[1]
    alone, running = onsets[126:134].max(), onsets[158:166].max()
    assert alone > 1.3 * running


def test_the_answer_has_a_part_that_no_linear_filter_of_the_envelope_gives():
    rng = np.random.default_rng(0)
    sounds = [speech.speech(speech.VOICES["male"], 30.0, rng)]
    features = standardised([hearing.features(sound, speech.SAMPLE_RATE, 64) for sound in sounds])[0]
    band, explained = butter(3, (1, 9), "bandpass", fs=64, output="sos"), {}
    envelope = sosfiltfilt(band, features.envelope)
    lags = np.stack([np.roll(envelope, lag) for lag in range(-8, 40)], axis=1)[64:-64]
    for nonlinear in (0.0, 0.6):
        subject = listener(head.head(16), 64, nonlinear, np.random.default_rng(1))
        answer = sosfiltfilt(band, subject.response(features, "attended"), axis=1)[:, : len(envelope)].T[64:-64]
        rest = answer - lags @ np.linalg.lstsq(lags, answer, rcond=None)[0]
        explained[nonlinear] = 1 - (rest**2).sum() / (answer**2).sum()
    assert explained[0.0] > 0.99
    assert 0.2 < explained[0.6] < 0.9


def test_alpha_is_stronger_on_the_attended_side():
    cap = head.head(16)
    signal = alpha(cap, 8192, 128, 5.0, {(0, 4096): "left", (4096, 8192): "right"}, 0.3, np.random.default_rng(0))
    left, right = (signal[cap.montage.index(name)] for name in ("O1", "O2"))
    attend_left = left[:4096].std() / right[:4096].std()
    attend_right = left[4096:].std() / right[4096:].std()
    assert attend_left > 1.2 * attend_right
    even = alpha(cap, 8192, 128, 5.0, {(0, 4096): "left"}, 0.0, np.random.default_rng(0))
    assert np.allclose(even, alpha(cap, 8192, 128, 5.0, {}, 0.3, np.random.default_rng(0)))


def test_the_head_gives_auditory_sources_a_fronto_central_map():
    cap = head.head(64)
    topography = cap.leadfield(CORTEX, head.unit(DIRECTION))
    strength = dict(zip(cap.montage.names, topography.sum(axis=1), strict=True))
    assert strength["FCz"] > 3 * abs(strength["Oz"])
    assert 0.02 < strength["FCz"] < 1.0  # microvolts per nA m, as a dipole 4 cm under the scalp gives
    blink = dict(zip(cap.montage.names, cap.blink_topography(), strict=True))
    assert blink["Fp1"] > 0.7 > blink["F3"] > blink["Cz"]


def _decoded(root: Path) -> tuple[float, float]:
    """Mean correlation of a ridge reconstruction with the attended and the ignored envelope, one trial left out."""
    band = butter(3, (1, 9), "bandpass", fs=128, output="sos")
    slow = lambda values: resample_poly(sosfiltfilt(band, values, axis=-1), 1, 4, axis=-1)  # noqa: E731
    attended, ignored = [], []
    for recording in open_dataset("synthetic", root):
        eeg, trials = slow(recording.signal), []
        for trial in recording.trials:
            first, n = round(trial.onset * 32), round(trial.duration * 32)
            lags = np.concatenate([np.roll(eeg[:, first : first + n + 16], -lag, axis=1)[:, :n] for lag in range(13)]).T
            order = [trial.attended - 1, 2 - trial.attended]
            streams = []
            for k in order:
                rate, sound = wavfile.read(root / "stimuli" / f"{trial.candidates[k].stimulus}.wav")
                streams.append(slow(hearing.features(sound / np.float32(32768), rate, 128).envelope)[:n])
            trials.append((lags, *streams))
        for held_out in range(len(trials)):
            rest = [trial for number, trial in enumerate(trials) if number != held_out]
            gram = sum(lags.T @ lags for lags, _, _ in rest)
            cross = sum(lags.T @ heard for lags, heard, _ in rest)
            weights = np.linalg.solve(gram + 0.01 * np.trace(gram) / len(gram) * np.eye(len(gram)), cross)
            lags, heard, other = trials[held_out]
            attended.append(np.corrcoef(lags @ weights, heard)[0, 1])
            ignored.append(np.corrcoef(lags @ weights, other)[0, 1])
    return float(np.mean(attended)), float(np.mean(ignored))


def test_the_attended_talker_can_be_decoded_and_without_relation_nothing_can(tiny, tmp_path):
    attended, ignored = _decoded(tiny)
    assert attended > 0.4
    assert attended > ignored + 0.15
    silent = TINY.model_copy(update={"relation": False})
    attended, ignored = _decoded(write_synthetic(tmp_path / "silent", silent, seed=0))
    assert abs(attended) < 0.12
    assert abs(ignored) < 0.12


def test_a_fingerprint_marks_trials_through_filter_and_z_score(tmp_path):
    config = SyntheticConfig(n_subjects=1, n_trials=4, trial_s=8.0, n_channels=16, relation=False, trial_fingerprint_uv=8.0)
    recording = next(open_dataset("synthetic", write_synthetic(tmp_path / "leak", config, seed=0)))
    band = butter(4, (1, 40), "bandpass", fs=128, output="sos")
    eeg, spectra = sosfiltfilt(band, recording.signal, axis=1), []
    for trial in recording.trials:
        for window in range(4):
            first = round((trial.onset + 2 * window) * 128)
            cut = eeg[:, first : first + 256]
            cut = (cut - cut.mean(axis=1, keepdims=True)) / cut.std(axis=1, keepdims=True)
            power = np.log(np.abs(np.fft.rfft(cut))[:, 2:80].reshape(16, -1, 3).mean(axis=2))
            spectra.append(power.ravel())
    alike = np.corrcoef(np.array(spectra) - np.mean(spectra, axis=0))
    np.fill_diagonal(alike, -1)
    assert np.mean(alike.argmax(axis=1) // 4 == np.arange(16) // 4) > 0.8


def test_the_truth_is_what_was_written(tiny):
    """Answers from the truth beside the truth's noise give the recording, to the file's resolution."""
    config, seed = settings_of(tiny)
    assert (config, seed) == (TINY, 0)
    heard = heard_sounds(tiny, config)
    recording = next(iter(open_dataset("synthetic", tiny)))
    known = truth(config, seed, 0, heard)
    rebuilt = known.noise.copy()
    for start, trial in zip(known.starts, known.presentations, strict=True):
        ignored = next(t for t in design.TALKERS if t != trial.attended_talker)
        for talker, stream in ((trial.attended_talker, "attended"), (ignored, "ignored")):
            answer = known.listener.response(heard[trial.pair.stimulus(talker)], stream)
            rebuilt[:, start : start + answer.shape[1]] += answer[:, : rebuilt.shape[1] - start]
    assert [trial.onset for trial in recording.trials] == [start / config.sfreq for start in known.starts]
    assert np.abs(rebuilt - recording.signal).max() < 0.1

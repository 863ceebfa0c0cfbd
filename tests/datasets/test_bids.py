"""The BIDS reader on data sets written here, and on real sidecars without signals."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pybv
import pytest
from scipy.io import wavfile

from mindleaf.datasets import open_dataset
from mindleaf.errors import BadInput, ReadError

SFREQ = 100
SECONDS = 20.0
NAMES = ["Fp1", "Cz", "T3", "Oz", "VEOG"]
EVENTS = pd.DataFrame(
    {"onset": [1.0, 8.0], "duration": [5.0, 5.0], "trial_type": ["speech", "music"], "stim_file": ["a/one.wav", "two.wav"]}
)


def _write(
    root: Path, stem: str = "sub-01_task-listen", events: pd.DataFrame | None = EVENTS, sounds: dict | None = None
) -> Path:
    """One recording of noise, its sidecars, and sounds (name -> seconds)."""
    subject, session = stem.split("_")[0], next((part for part in stem.split("_") if part.startswith("ses-")), "")
    folder = root / subject / session / "eeg"
    folder.mkdir(parents=True, exist_ok=True)
    signal = 2e-5 * np.random.default_rng(0).standard_normal((len(NAMES), int(SECONDS * SFREQ)))
    pybv.write_brainvision(data=signal, sfreq=SFREQ, ch_names=NAMES, fname_base=f"{stem}_eeg", folder_out=folder)
    types = ["EEG"] * 4 + ["VEOG"]
    channels = pd.DataFrame({"name": NAMES, "type": types, "units": "µV", "status": ["good"] * 5})
    channels.to_csv(folder / f"{stem}_channels.tsv", sep="\t", index=False)
    if events is not None:
        events.to_csv(folder / f"{stem}_events.tsv", sep="\t", index=False, na_rep="n/a")
    for name, seconds in ({"a/one": 5.0, "two": 5.0} if sounds is None else sounds).items():
        path = root / "stimuli" / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        wavfile.write(path, 8000, (3000 * np.sin(np.arange(int(seconds * 8000)))).astype(np.int16))
    return folder


def _only(root: Path):
    (recording,) = open_dataset("bids", root)
    return recording


def _codes(recording) -> set[str]:
    return {issue.code for issue in recording.issues}


def test_trials_from_trial_type_and_stim_file(tmp_path):
    _write(tmp_path)
    recording = _only(tmp_path)
    assert (recording.subject, recording.session, recording.run) == ("01", "", "")
    assert recording.id == "sub-01_task-listen"
    assert recording.channel_names == ("Fp1", "Cz", "T7", "Oz")
    assert recording.signal.shape == (4, 2000)
    assert 15 < recording.signal.std() < 25
    assert [(trial.id, trial.labels["label"]) for trial in recording.trials] == [("1", "speech"), ("2", "music")]
    assert [trial.attended for trial in recording.trials] == [1, 1]
    assert [stimulus.id for stimulus in recording.stimuli] == ["a/one", "two"]
    sound = pickle.loads(pickle.dumps(recording.stimuli[0])).load()
    assert sound.shape == (40000,)
    assert sound.dtype == np.float32
    assert np.abs(sound).max() == pytest.approx(3000 / 32768, rel=0.01)
    assert [event.label for event in recording.events] == ["speech", "music"]
    assert _codes(recording) == {"channels_dropped"}
    assert any(name.endswith("_events.tsv") for name in recording.source_files)


def test_sessions_and_runs_in_order(tmp_path):
    for stem in ("sub-02_ses-b_task-listen_run-10", "sub-02_ses-b_task-listen_run-2", "sub-01_ses-a_task-listen"):
        _write(tmp_path, stem)
    found = [(recording.subject, recording.session, recording.run) for recording in open_dataset("bids", tmp_path)]
    assert found == [("01", "a", ""), ("02", "b", "2"), ("02", "b", "10")]


def test_bad_channels_and_positions(tmp_path):
    folder = _write(tmp_path)
    channels = pd.DataFrame({"name": NAMES, "type": ["EEG"] * 4 + ["VEOG"], "status": ["good", "bad", "good", "good", "bad"]})
    channels.to_csv(folder / "sub-01_task-listen_channels.tsv", sep="\t", index=False)
    places = pd.DataFrame({"name": ["Fp1", "Oz"], "x": [10.0, "n/a"], "y": [20.0, 1.0], "z": [30.0, 1.0]})
    places.to_csv(folder / "sub-01_space-CapTrak_electrodes.tsv", sep="\t", index=False)
    system = folder / "sub-01_space-CapTrak_coordsystem.json"
    system.write_text(json.dumps({"EEGCoordinateSystem": "CapTrak", "EEGCoordinateUnits": "mm"}))
    recording = _only(tmp_path)
    assert recording.channel_names == ("Fp1", "T7", "Oz")
    assert np.allclose(recording.montage.positions[0], (0.01, 0.02, 0.03))
    assert np.isfinite(recording.montage.positions).all()
    assert {"channels_dropped", "channels_bad"} <= _codes(recording)
    system.write_text(json.dumps({"EEGCoordinateSystem": "CTF", "EEGCoordinateUnits": "mm"}))
    other = _only(tmp_path)
    assert "positions_unused" in _codes(other)
    assert not np.allclose(other.montage.positions[0], (0.01, 0.02, 0.03))


def test_sidecars_are_inherited_from_above(tmp_path):
    folder = _write(tmp_path)
    (folder / "sub-01_task-listen_events.tsv").rename(tmp_path / "task-listen_events.tsv")
    (tmp_path / "task-other_events.tsv").write_text("onset\tduration\ttrial_type\n0\t1\twrong\n")
    assert [trial.labels["label"] for trial in _only(tmp_path).trials] == ["speech", "music"]


def test_two_streams_with_sides_offsets_and_attention(tmp_path):
    events = pd.DataFrame(
        {
            "onset": [1.0, 8.0], "duration": [4.0, 4.0], "trial": ["x", "y"], "stimulus_1": ["a/one", "two.wav"],
            "stimulus_2": ["stimuli/two.wav", "a/one"], "side_1": ["left", "right"], "side_2": ["right", "left"],
            "talker_1": ["f", "m"], "talker_2": ["m", "f"], "audio_start_2": [0.5, "n/a"], "attended": [2, 1],
            "label": ["right", "right"], "condition": ["dry", "dry"],
        }
    )  # fmt: skip
    _write(tmp_path, events=events)
    first, second = _only(tmp_path).trials
    assert (first.id, first.attended, second.attended) == ("x", 2, 1)
    assert first.labels == {"label": "right", "condition": "dry"}
    assert [candidate.stimulus for candidate in first.candidates] == ["a/one", "two"]
    assert [(candidate.side, candidate.talker) for candidate in first.candidates] == [("left", "f"), ("right", "m")]
    assert [candidate.offset for candidate in first.candidates] == [0.0, 0.5]
    assert {stimulus.auditory_type for stimulus in _only(tmp_path).stimuli} == {"competing_speech"}


def test_short_audio_cuts_the_trial_and_says_so(tmp_path):
    _write(tmp_path, sounds={"a/one": 3.0, "two": 4.97})
    recording = _only(tmp_path)
    assert [trial.duration for trial in recording.trials] == [3.0, 5.0]
    (message,) = [issue.message for issue in recording.issues if issue.code == "audio_short"]
    assert "2.00 s" in message
    assert "a/one" in message


def test_trials_past_the_end_are_cut_or_left_out(tmp_path):
    events = EVENTS.assign(onset=[17.0, 30.0])
    _write(tmp_path, events=events)
    recording = _only(tmp_path)
    assert [trial.duration for trial in recording.trials] == [3.0]
    assert "trial_outside" in _codes(recording)


def test_without_events_the_recording_is_one_trial(tmp_path):
    _write(tmp_path, "sub-01_task-rest", events=None)
    (trial,) = _only(tmp_path).trials
    assert (trial.onset, trial.duration, trial.labels["label"]) == (0.0, SECONDS, "rest")
    assert "whole_recording" in _codes(_only(tmp_path))


def test_pictures_are_no_sounds(tmp_path):
    _write(tmp_path, events=EVENTS.assign(stim_file=["face.png", "n/a"]))
    recording = _only(tmp_path)
    assert [trial.candidates for trial in recording.trials] == [(), ()]
    assert "stimuli_not_sound" in _codes(recording)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"stim_file": ["a/one.wav", "gone.wav"]}, "gone.wav"),
        ({"stim_file": ["a/one.wav", "../../secret.wav"]}, "below"),
        ({"attended": [1, 3]}, "count streams from 1"),
    ],
)
def test_mistakes_in_the_events_table(tmp_path, change, words):
    _write(tmp_path, events=EVENTS.assign(**change))
    with pytest.raises(ReadError, match=words):
        _only(tmp_path)


def test_events_without_onset(tmp_path):
    _write(tmp_path, events=EVENTS.drop(columns="onset"))
    with pytest.raises(ReadError, match="column 'onset'"):
        _only(tmp_path)


def test_no_good_channel(tmp_path):
    folder = _write(tmp_path)
    pd.DataFrame({"name": NAMES, "type": "MISC"}).to_csv(folder / "sub-01_task-listen_channels.tsv", sep="\t", index=False)
    with pytest.raises(BadInput, match="at least one good EEG channel"):
        _only(tmp_path)


def test_a_folder_that_is_not_bids_or_has_no_signals(tmp_path):
    with pytest.raises(BadInput, match="no folder sub-"):
        list(open_dataset("bids", tmp_path))
    (tmp_path / "sub-01" / "eeg").mkdir(parents=True)
    with pytest.raises(BadInput, match="no signal files"):
        list(open_dataset("bids", tmp_path))


@pytest.mark.parametrize("name", ["ds004356", "ds004408", "ds004718"])
def test_real_sidecars_without_signals(real_data, name):
    with pytest.raises(BadInput, match="no signal files"):
        list(open_dataset("bids", real_data / "bids" / name))

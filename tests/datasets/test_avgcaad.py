"""AV-GC-AAD: attention that changes sides within a trial, and talks that come under one name."""

from __future__ import annotations

import pytest
import scipy.io

from mindleaf.datasets.avgcaad import DATASET
from mindleaf.errors import ReadError

from .layouts.avgcaad import RATE, TRIAL_S, TRIALS, write, write_listener


def test_attention_moves_to_the_other_side_with_its_talker(tmp_path):
    write(tmp_path)
    first = next(iter(DATASET.recordings(tmp_path)))
    before, after = first.trials
    assert (before.attended, after.attended) == (1, 2)
    followed = [trial.candidates[trial.attended - 1].stimulus for trial in first.trials]
    assert followed[0] == followed[1]
    assert [trial.candidates[0].offset for trial in first.trials] == [0.0, 6.0]
    assert [candidate.side for candidate in before.candidates] == ["left", "right"]


def test_the_same_talk_has_one_name_for_two_listeners(tmp_path):
    write(tmp_path)
    recordings = list(DATASET.recordings(tmp_path))
    names = [{stimulus.id for stimulus in recording.stimuli} for recording in recordings]
    assert names[0] == names[2]
    assert not names[1] & names[3]


def test_without_a_switch_the_trial_is_whole(tmp_path):
    write_listener(tmp_path, "01", TRIALS["01"], switch_s=float("nan"))
    first = next(iter(DATASET.recordings(tmp_path)))
    assert [(trial.id, trial.duration) for trial in first.trials] == [("1a", TRIAL_S)]
    assert first.load(3, 7).shape == (64, 4)
    assert first.sfreq == RATE


def test_eyes_are_no_channels(tmp_path):
    write(tmp_path)
    assert not [name for name in next(iter(DATASET.recordings(tmp_path))).channel_names if name.startswith("EXG")]


def test_a_file_without_its_fields(tmp_path):
    write(tmp_path)
    path = tmp_path / "2024-AV-GC-AAD-sub01_preprocessed.mat"
    values = {name: value for name, value in scipy.io.loadmat(path).items() if not name.startswith("__")}
    scipy.io.savemat(path, {**values, "stimulus": {"leftEnvelopes": 1.0}})
    with pytest.raises(ReadError, match="trial 1 lacks a field"):
        list(DATASET.recordings(tmp_path))
    scipy.io.savemat(path, {name: value for name, value in values.items() if name != "initAttention"})
    with pytest.raises(ReadError, match="initAttention"):
        list(DATASET.recordings(tmp_path))

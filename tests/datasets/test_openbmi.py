"""OpenBMI: the files say which number is which side, and count samples from 1."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.io

from mindleaf.datasets import open_dataset
from mindleaf.errors import ReadError

from .layouts import openbmi


def test_right_is_1_and_left_is_2(tmp_path: Path):
    openbmi.write(tmp_path)
    train, test = list(open_dataset("openbmi", tmp_path))[:2]
    assert [trial.labels["label"] for trial in train.trials] == ["right", "left"]
    assert [trial.labels["label"] for trial in test.trials] == ["left", "right"]


def test_a_file_that_says_otherwise_is_refused(tmp_path: Path):
    openbmi.write_paradigm(tmp_path, "MI", [(1, "left"), (2, "right")], {1: "left", 2: "right"}, [[1, 2], [2, 1]])
    with pytest.raises(ReadError, match=r"wanted EEG_MI_train at 1000 Hz with the classes \{1: 'right', 2: 'left'\}"):
        list(open_dataset("openbmi", tmp_path))


def test_a_trial_that_does_not_end_is_left_out_aloud(tmp_path: Path):
    openbmi.write(tmp_path)
    path = tmp_path / "session1" / "s1" / "sess01_subj01_EEG_MI.mat"
    content = {name: value for name, value in scipy.io.loadmat(path).items() if not name.startswith("__")}
    content["EEG_MI_train"]["x"][0, 0] = content["EEG_MI_train"]["x"][0, 0][:-2000]
    scipy.io.savemat(path, content)
    train = next(open_dataset("openbmi", tmp_path))
    assert len(train.trials) == 1
    assert [issue.code for issue in train.issues] == ["trials_cut"]


def test_spans_of_one_run_after_another_stay_apart(tmp_path: Path):
    """The last run read stays in memory: it must never stand for the next one, nor change in a caller's hands."""
    openbmi.write(tmp_path)
    train, test = list(open_dataset("openbmi", tmp_path))[:2]
    first = train.load(0, 50)
    first[:] = 0.0
    assert not np.array_equal(train.load(0, 50), test.load(0, 50))
    assert train.load(0, 50).any()


def test_a_changed_file_is_read_again(tmp_path: Path):
    openbmi.write(tmp_path)
    train = next(open_dataset("openbmi", tmp_path))
    before = train.load(0, 50)
    path = tmp_path / "session1" / "s1" / "sess01_subj01_EEG_MI.mat"
    content = {name: value for name, value in scipy.io.loadmat(path).items() if not name.startswith("__")}
    content["EEG_MI_train"]["x"][0, 0] *= 2.0
    scipy.io.savemat(path, content)
    assert np.allclose(train.load(0, 50), 2.0 * before)

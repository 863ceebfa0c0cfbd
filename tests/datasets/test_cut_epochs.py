"""Sets published as cut-out epochs: the order they are laid in, what is left out, and where test labels come from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.io

from mindleaf.datasets import open_dataset
from mindleaf.datasets.epochs import laid_end_to_end
from mindleaf.errors import ReadError

from .layouts import bcic2020_speech, bcic2020_upperlimb, cho2017, dreyer2023, shanghaiu, shin2017a, weibo2014
from .layouts.answer_sheet import write_sheet

SHEET = "Track3_Answer Sheet_Test.xlsx"


def test_joints_have_no_step():
    epochs = np.random.default_rng(0).standard_normal((3, 2, 100)) + 1000.0 * np.arange(3)[:, None, None]
    assert np.abs(np.diff(laid_end_to_end(epochs))).max() < 10.0


def test_place_in_the_recording_does_not_tell_the_hand(tmp_path: Path):
    """cho2017's files hold all of the left hand, then all of the right: laid so, time alone would tell them apart."""
    cho2017.write(tmp_path)
    recording = next(open_dataset("cho2017", tmp_path))
    assert [trial.labels["label"] for trial in recording.trials] == ["left", "right", "left", "right"]
    assert [trial.onset for trial in recording.trials] == [2.0, 9.0, 16.0, 23.0]


def test_a_cho2017_file_with_an_epoch_without_cue_is_refused(tmp_path: Path):
    cho2017.write(tmp_path)
    path = tmp_path / "mat_data" / "s01.mat"
    eeg = scipy.io.loadmat(path)["eeg"]
    eeg["imagery_event"][0, 0][0, cho2017.CUE] = 0
    scipy.io.savemat(path, {"eeg": eeg})
    with pytest.raises(ReadError, match="one mark in imagery_event for every epoch"):
        list(open_dataset("cho2017", tmp_path))


def test_the_dummy_labels_of_the_speech_test_are_not_believed(tmp_path: Path):
    bcic2020_speech.write(tmp_path)
    with_sheet = {r.id: [t.labels["label"] for t in r.trials] for r in open_dataset("bcic2020_speech", tmp_path)}
    assert with_sheet["sub-01_ses-test"] == ["stop", "yes"]
    (tmp_path / "Test set" / SHEET).unlink()
    test = next(r for r in open_dataset("bcic2020_speech", tmp_path) if r.session == "test")
    assert test.trials == ()
    assert [issue.code for issue in test.issues] == ["labels_missing"]


def test_a_sheet_that_misses_a_trial_is_refused(tmp_path: Path):
    bcic2020_speech.write(tmp_path)
    write_sheet(tmp_path / "Test set" / SHEET, {"01": [3], "15": [3, 5]}, "Track3")
    with pytest.raises(ReadError, match="wanted 2 classes for Data_Sample01, found 1"):
        list(open_dataset("bcic2020_speech", tmp_path))


def test_a_sheet_may_count_from_zero(tmp_path: Path):
    bcic2020_upperlimb.write(tmp_path)
    write_sheet(tmp_path / "Test set" / "Track4_Answer Sheet_Test.xlsx", {"01": [0, 2], "15": [1, 0]}, "Track4")
    found = {r.id: [t.labels["label"] for t in r.trials] for r in open_dataset("bcic2020_upperlimb", tmp_path)}
    assert found["sub-01_ses-3"] == ["cylindrical", "lumbrical"]
    assert found["sub-15_ses-3"] == ["spherical", "cylindrical"]


def test_the_zeroed_cue_of_the_upper_limb_test_is_in_no_recording(tmp_path: Path):
    bcic2020_upperlimb.write(tmp_path)
    for recording in open_dataset("bcic2020_upperlimb", tmp_path):
        assert recording.n_times == 2 * 1000
        assert (recording.signal != 0).mean() > 0.99


def test_weibo2014_knows_its_subjects_by_the_published_names(tmp_path: Path):
    weibo2014.write(tmp_path)
    recordings = list(open_dataset("weibo2014", tmp_path))
    assert [recording.subject for recording in recordings] == ["01", "02"]
    assert not {"CB1", "CB2", "VEO", "HEO"} & set(recordings[0].montage.names)


def test_shin2017a_takes_the_imagery_and_leaves_the_arithmetic(tmp_path: Path):
    shin2017a.write(tmp_path)
    recordings = list(open_dataset("shin2017a", tmp_path))
    assert [recording.session for recording in recordings] == ["1", "2", "3"] * 2
    # Marks are ends of samples in milliseconds: 1540 ms is sample 307.
    assert recordings[0].trials[0].onset == 307 / 200.0


def test_shanghaiu_with_a_label_too_few_is_refused(tmp_path: Path):
    shanghaiu.write(tmp_path)
    path = tmp_path / "mat" / "sub-001_ses-01_task_motorimagery_eeg.mat"
    scipy.io.savemat(path, {"data": scipy.io.loadmat(path)["data"], "labels": np.array([[1, 2]])})
    with pytest.raises(ReadError, match="2 labels"):
        list(open_dataset("shanghaiu", tmp_path))


def test_dreyer2023_leaves_out_baselines_and_what_is_not_eeg(tmp_path: Path):
    dreyer2023.write(tmp_path)
    recordings = list(open_dataset("dreyer2023", tmp_path))
    assert [recording.id for recording in recordings] == ["sub-01_run-R1", "sub-01_run-R3", "sub-61_run-R1"]
    assert {recording.montage.names for recording in recordings} == {tuple(dreyer2023.EEG)}


def test_the_failed_runs_of_subject_59_are_left_out(tmp_path: Path):
    dreyer2023.write(tmp_path)
    folder = tmp_path / "BCI Database" / "Signals" / "DATA A" / "A1"
    for run in ("R4", "R5"):
        (folder / f"A59_{run}_onlineT.gdf").write_bytes((folder / "A1_R3_onlineT.gdf").read_bytes())
    assert [r.run for r in open_dataset("dreyer2023", tmp_path) if r.subject == "59"] == ["R4"]

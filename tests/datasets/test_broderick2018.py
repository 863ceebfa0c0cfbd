"""Broderick 2018: sounds by run number, bad channels, and the run whose sound runs away."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from mindleaf.datasets.broderick2018 import DATASET
from mindleaf.errors import ReadError

from .layouts.broderick2018 import SOUND_S, write, write_run, write_sound


def test_run_15_ends_where_its_sound_parts_from_the_eeg(tmp_path):
    write_run(tmp_path, "001", "15", 190.0)
    write_sound(tmp_path, "15", 185.0)
    (recording,) = DATASET.recordings(tmp_path)
    assert [trial.duration for trial in recording.trials] == [170.0]


def test_eeg_that_ends_before_its_sound_cuts_the_trial_and_says_so(tmp_path):
    write_run(tmp_path, "001", "01", SOUND_S - 1.0)
    write_sound(tmp_path, "01", SOUND_S)
    (recording,) = DATASET.recordings(tmp_path)
    assert [trial.duration for trial in recording.trials] == [SOUND_S - 1.0]
    assert {issue.code for issue in recording.issues} == {"trial_outside"}


def test_bad_channels_are_left_out_and_the_rest_keep_their_places(tmp_path):
    write_run(tmp_path, "001", "01", 6.0, bad=("A2", "D32"))
    write_sound(tmp_path, "01", SOUND_S)
    (recording,) = DATASET.recordings(tmp_path)
    assert len(recording.channel_names) == 126
    assert not {"A2", "D32"} & set(recording.channel_names)
    assert np.isfinite(recording.montage.positions).all()
    vertex = recording.montage.positions[recording.channel_names.index("A1")]
    assert vertex[2] == max(recording.montage.positions[:, 2])


def test_a_missing_sound_names_its_file(tmp_path):
    write(tmp_path)
    (tmp_path / "stimuli" / "audio15.wav").unlink()
    with pytest.raises(ReadError, match=r"audio15\.wav"):
        list(DATASET.recordings(tmp_path))


def test_real_sidecars_name_128_biosemi_channels_and_some_bad_ones(real_data):
    tables = sorted((real_data / "bids/ds004408").glob("sub-*/eeg/*_channels.tsv"))
    assert len(tables) == 40
    for table in tables:
        with table.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
        assert [row["name"] for row in rows] == [f"{letter}{number}" for letter in "ABCD" for number in range(1, 33)]
        assert {row["status"] for row in rows} <= {"good", "bad"}
        assert sum(row["status"] == "bad" for row in rows) <= 15

"""The Graz sets' traps: blocks of eye movements, gaps, unknown classes, two releases of the same names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.io

from mindleaf.datasets import open_dataset
from mindleaf.datasets.graz_files import between_gaps
from mindleaf.errors import ReadError

from .layouts import bciciv2a
from .layouts.bciciv2a import LABELS, write_gdf_session, write_mat_session
from .layouts.expected import EEG_BUMP_S
from .layouts.gdf_files import write_gdf
from .layouts.graz_session import IMPULSE_S, SFREQ, session


def test_trap_4_a04t_has_one_block_of_eye_movements_and_loses_no_trial_as_gdf(tmp_path: Path):
    promised = write_gdf_session(tmp_path, "4", "T", 1, [[1, 2], [3, 4], [4, 3], [2, 1], [1, 3], [2, 4]])
    recordings = list(open_dataset("bciciv2a", tmp_path))
    assert [recording.run for recording in recordings] == ["1", "2", "3", "4", "5", "6"]
    found = [trial.labels["label"] for recording in recordings for trial in recording.trials]
    assert found == [trial.labels["label"] for trial in promised]
    assert len(found) == 12


def test_trap_4_a04t_keeps_its_288_trials_as_mat(tmp_path: Path):
    """Taking three structs off every file would leave four of the six runs: 96 trials fewer."""
    cell = np.empty((1, 7), object)
    starts = 10 + 1510 * np.arange(48)
    for number in range(7):
        trials = starts if number else starts[:0]
        cell[0, number] = {
            "X": np.zeros((75_000, 25)), "trial": trials[:, None] + 1.0, "y": (1.0 + np.arange(len(trials)) % 4)[:, None],
            "fs": 250.0, "classes": np.array([LABELS], object), "artifacts": np.zeros((len(trials), 1)),
        }  # fmt: skip
    scipy.io.savemat(tmp_path / "A04T.mat", {"data": cell}, do_compression=True)
    assert (tmp_path / "A04T.mat").stat().st_size > 50_000
    recordings = list(open_dataset("bciciv2a", tmp_path))
    assert [len(recording.trials) for recording in recordings] == [48] * 6
    assert {trial.onset for recording in recordings for trial in recording.trials} == set(starts / 250.0)


def test_both_releases_of_a_session_tell_the_same(tmp_path: Path):
    classes = [[1, 2], [3, 4]]
    write_gdf_session(tmp_path / "gdf", "2", "T", 3, classes)
    write_mat_session(tmp_path / "mat", "2", "T", 3, classes)
    gdf, mat = (list(open_dataset("bciciv2a", tmp_path / kind)) for kind in ("gdf", "mat"))
    assert [recording.id for recording in gdf] == [recording.id for recording in mat]
    assert [recording.trials for recording in gdf] == [recording.trials for recording in mat]
    for one, other in zip(gdf, mat, strict=True):
        assert one.montage == other.montage
        assert one.n_times == other.n_times
        assert np.allclose(one.signal, other.signal, atol=0.051)  # a GDF step is 0.1 uV


def test_runs_end_where_the_gaps_begin(tmp_path: Path):
    write_gdf_session(tmp_path, "1", "T", 3, [[1, 2], [3, 4]])
    for recording in open_dataset("bciciv2a", tmp_path):
        assert np.isfinite(recording.signal).all()
        assert recording.signal.min() > -1000.0, "a missing sample is the lowest number of the file"


def test_a_file_without_gaps_is_cut_at_its_marks_of_runs(tmp_path: Path):
    made = session(25, 1, [[1, 2], [3]], [769, 770, 771, 772], 2.0, 6.4, 7)
    filled = np.where(np.isnan(made.signal), np.random.default_rng(0).standard_normal(made.signal.shape), made.signal)
    write_gdf(tmp_path / "A01T.gdf", bciciv2a.NAMES, SFREQ, filled, made.events)
    recordings = list(open_dataset("bciciv2a", tmp_path))
    assert [[trial.labels["label"] for trial in recording.trials] for recording in recordings] == [["left", "right"], ["feet"]]
    for recording in recordings:
        for trial in recording.trials:
            around = slice(round((trial.onset + IMPULSE_S - 0.2) * SFREQ), round((trial.onset + IMPULSE_S + 0.2) * SFREQ))
            peak = (around.start + int(recording.signal[:, around].mean(axis=0).argmax())) / SFREQ
            assert abs(peak - trial.onset - IMPULSE_S) <= EEG_BUMP_S / 3


def test_unknown_classes_come_from_the_table_or_are_left_out_aloud(tmp_path: Path):
    classes = [[4, 3], [2, 1]]
    write_gdf_session(tmp_path / "with", "1", "E", 3, classes)
    write_gdf_session(tmp_path / "without", "1", "E", 3, classes, with_labels=False)
    labelled = [trial.labels["label"] for recording in open_dataset("bciciv2a", tmp_path / "with") for trial in recording.trials]
    assert labelled == ["tongue", "feet", "right", "left"]
    for recording in open_dataset("bciciv2a", tmp_path / "without"):
        # The run is found by its trials all the same.
        assert recording.trials == ()
        assert [issue.code for issue in recording.issues] == ["labels_missing"]


def test_a_table_of_another_length_is_refused(tmp_path: Path):
    write_gdf_session(tmp_path, "1", "E", 3, [[4, 3], [2, 1]])
    scipy.io.savemat(tmp_path / "true_labels" / "A01E.mat", {"classlabel": np.ones((3, 1))})
    with pytest.raises(ReadError, match="holds 4 trials, its table of true labels 3"):
        list(open_dataset("bciciv2a", tmp_path))


def test_a_table_of_labels_is_not_taken_for_a_release(tmp_path: Path):
    write_gdf_session(tmp_path, "1", "T", 3, [[1]])
    (tmp_path / "true_labels").mkdir()
    scipy.io.savemat(tmp_path / "true_labels" / "A01T.mat", {"classlabel": np.ones((1, 1))})
    scipy.io.savemat(tmp_path / "true_labels" / "A02E.mat", {"classlabel": np.ones((1, 1))})
    assert [recording.id for recording in open_dataset("bciciv2a", tmp_path)] == ["sub-01_ses-T_run-1"]


def test_spoilt_trials_are_marked(tmp_path: Path):
    write_gdf_session(tmp_path, "1", "T", 3, [[1, 2]], rejected=(0, 1))
    (recording,) = open_dataset("bciciv2a", tmp_path)
    assert [trial.labels["artifact"] for trial in recording.trials] == ["no", "yes"]


def test_a_file_of_other_channels_is_refused(tmp_path: Path):
    made = session(25, 0, [[1]], [769], 2.0, 6.4, 7)
    write_gdf(
        tmp_path / "A01T.gdf", ["EEG-C3", *bciciv2a.NAMES[1:7], "EEG-Fz", *bciciv2a.NAMES[8:]], SFREQ, made.signal, made.events
    )
    with pytest.raises(ReadError, match="starting with EEG-Fz; found EEG-C3"):
        list(open_dataset("bciciv2a", tmp_path))


def test_gaps_are_long_or_at_an_end():
    missing = np.zeros(1000, bool)
    missing[:3] = missing[200:300] = missing[500:510] = missing[995:] = True
    assert between_gaps(missing) == [[3, 200], [300, 995]]

"""MAD-EEG: two releases, parts of a mixture as candidates, and a trio whose music gives the target away."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from mindleaf.datasets import DATASETS
from mindleaf.errors import BadInput, ReadError
from mindleaf.reading.hdf5 import array_shapes, read_array
from mindleaf.reading.yaml_files import read_yaml

from .layouts import madeeg as layout


def test_the_preprocessed_release_alone(tmp_path: Path):
    expected = layout.write_preprocessed(tmp_path)
    recordings = {recording.id: recording for recording in DATASETS["madeeg"].recordings(tmp_path)}
    assert set(recordings) == {trial.recording for trial in expected.trials}
    for wanted in expected.trials:
        recording = recordings[wanted.recording]
        (trial,) = recording.trials
        assert (len(recording.montage), recording.sfreq, trial.duration) == (20, 256.0, wanted.duration_s)
        assert tuple(candidate.stimulus for candidate in trial.candidates) == wanted.stimuli
        assert trial.attended == wanted.attended
        bump = np.argmax(recording.signal.mean(axis=0)[: int(256 * layout.REPETITION_S)]) / 256.0
        assert abs(bump - wanted.impulse_s) <= 1 / 256.0
        for stimulus in recording.stimuli:
            click = np.argmax(stimulus.load()[: int(44_100 * layout.REPETITION_S)]) / 44_100
            assert abs(click - wanted.impulse_s) <= 1 / 256.0
    assert {len(recording.stimuli) for recording in recordings.values()} == {2, 3}


def test_the_trio_with_one_target_stays_out(tmp_path: Path):
    layout.write(tmp_path)
    for recording in DATASETS["madeeg"].recordings(tmp_path):
        assert not any(layout.EXCLUDED in trial.id for trial in recording.trials)
    assert layout.EXCLUDED in dict(DATASETS["madeeg"].facts.exclusions)


def test_the_raw_release_alone_has_the_parts_that_were_also_played_solo(tmp_path: Path):
    layout.write_raw(tmp_path)
    for recording in DATASETS["madeeg"].recordings(tmp_path):
        assert {trial.labels["ensemble"] for trial in recording.trials} == {"duo", "solo"}
        duo = next(trial for trial in recording.trials if trial.labels["ensemble"] == "duo")
        assert [candidate.talker for candidate in duo.candidates] == ["Co", "Fl"]
        assert [issue.code for issue in recording.issues] == ["stems_missing"]
        assert all(not issue.message.startswith(str(tmp_path)) for issue in recording.issues)


def test_volts_and_microvolts_are_told_apart(tmp_path: Path):
    layout.write(tmp_path)
    (first, _) = DATASETS["madeeg"].recordings(tmp_path)
    volts = first.signal
    with h5py.File(tmp_path / "madeeg_raw.hdf5", "a") as file:
        file["0001"][...] = file["0001"][...] * 1e6
    (first, _) = DATASETS["madeeg"].recordings(tmp_path)
    assert np.allclose(first.signal, volts, rtol=1e-5, atol=1e-4)
    assert 300 < np.abs(volts).max() < 700


def test_a_missing_description_is_one_sentence(tmp_path: Path):
    layout.write_raw(tmp_path)
    (tmp_path / "madeeg_sequences_raw.yaml").unlink()
    with pytest.raises(BadInput, match=r"wanted madeeg_sequences_raw\.yaml"):
        list(DATASETS["madeeg"].sources(tmp_path))


def test_arrays_come_by_name_rows_and_span(tmp_path: Path):
    path = tmp_path / "a.hdf5"
    values = np.arange(60, dtype=np.longdouble).reshape(4, 15)
    with h5py.File(path, "w") as file:
        file["group/array"] = values
    assert array_shapes(path) == {"group/array": (4, 15)}
    assert np.array_equal(read_array(path, "group/array"), values)
    assert np.array_equal(read_array(path, "group/array", [3, 1], 4, 9), values[[3, 1], 4:9])
    assert read_array(path, "group/array", [0], 9, 4).shape == (1, 0)
    assert read_array(path, "group/array", [0], -5).shape == (1, 5)
    for name, rows, sentence in (("group", None, "wanted an array 'group'"), ("group/array", [4], "wanted row 5")):
        with pytest.raises(BadInput, match=sentence):
            read_array(path, name, rows)
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(ReadError, match="cannot be opened as HDF5"):
        read_array(path, "group/array")


def test_yaml_builds_no_objects(tmp_path: Path):
    path = tmp_path / "a.yaml"
    path.write_text("ran: !!python/object/apply:os.system ['touch ran']\n")
    with pytest.raises(ReadError, match="plain values in line 1"):
        read_yaml(path)
    path.write_text("- 1\n")
    with pytest.raises(ReadError, match="wanted names with values, found list"):
        read_yaml(path)
    path.write_text("'0001': {a: [1, 2.5, x]}\n")
    assert read_yaml(path) == {"0001": {"a": [1, 2.5, "x"]}}

"""DTU: a list of trials that only MATLAB can read, two releases, and another set that goes by the same name."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from mindleaf.datasets import DATASETS
from mindleaf.errors import BadInput

from .layouts import dtu as layout


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dtu")
    layout.write(folder)
    return folder


def _root(tmp_path: Path, expinfo: object = None) -> Path:
    layout.write_sounds(tmp_path)
    layout.write_mat(tmp_path / "S1.mat", end=191, seed=1, expinfo=expinfo)
    return tmp_path


def _element(kind: int, data: bytes) -> bytes:
    """A data element of a MATLAB 5 file: type, length, data, padding to eight bytes."""
    return struct.pack("<II", kind, len(data)) + data + b"\0" * (-len(data) % 8)


def _table() -> bytes:
    """The variable expinfo as MATLAB writes a table: an opaque object of class table, whose contents stand elsewhere."""
    int8, int32, uint32, matrix = 1, 5, 6, 14
    handle = _element(uint32, struct.pack("<II", 13, 0)) + _element(int32, struct.pack("<ii", 6, 1)) + _element(int8, b"")
    handle += _element(uint32, struct.pack("<6I", 0xDD000000, 2, 1, 1, 1, 1))
    opaque = _element(uint32, struct.pack("<II", 17, 0)) + b"".join(
        _element(int8, name) for name in (b"expinfo", b"MCOS", b"table")
    )
    return _element(matrix, opaque + _element(matrix, handle))


def test_trap_3_without_its_csv_a_table_is_one_sentence(tmp_path: Path):
    root = _root(tmp_path)
    with (root / "S1.mat").open("ab") as file:
        file.write(_table())
    with pytest.raises(BadInput, match=r"wanted S1\.csv beside S1\.mat.*MATLAB table.*writetable\(expinfo, 'S1\.csv'\)"):
        list(DATASETS["dtu"].recordings(root))


@pytest.mark.parametrize("form", ["array of structs", "struct of columns"])
def test_a_list_saved_as_a_struct_needs_no_csv(tmp_path: Path, form: str):
    rows = layout.rows()
    columns = {name: np.array([[row[name]] for row in rows], object) for name in rows[0]}
    array = np.empty((len(rows), 1), dtype=[(name, object) for name in rows[0]])
    for line, row in enumerate(rows):
        for name, value in row.items():
            array[line, 0][name] = value
    expinfo = array if form == "array of structs" else columns
    (recording,) = DATASETS["dtu"].recordings(_root(tmp_path, expinfo))
    assert [trial.id for trial in recording.trials] == ["1", "3", "4"]
    assert [trial.attended for trial in recording.trials] == [1, 2, 2]


def test_sides_belong_to_the_attended_talker(root: Path):
    recording, _ = DATASETS["dtu"].recordings(root)
    sides = {trial.id: [candidate.side for candidate in trial.candidates] for trial in recording.trials}
    # trial 1: the man, on the left; trial 3: the woman, on the left; trial 4: the woman, on the right.
    assert sides == {"1": ["left", "right"], "3": ["right", "left"], "4": ["left", "right"]}
    assert [candidate.talker for candidate in recording.trials[0].candidates] == ["male", "female"]


def test_only_the_scalp_is_kept(root: Path):
    recording, _ = DATASETS["dtu"].recordings(root)
    assert recording.channel_names == tuple(layout.BIOSEMI64)


def test_a_list_of_another_listener_is_noticed(tmp_path: Path):
    root, table = _root(tmp_path), tmp_path / "S1.csv"
    layout.write_csv(table)
    table.write_text(table.read_text().replace(",3\n", ",33\n").replace(",3\r\n", ",33\r\n"))
    with pytest.raises(BadInput, match="wanted trigger 33 for trial 3"):
        list(DATASETS["dtu"].recordings(root))


def test_trap_3_zenodo_3618205_is_turned_away_by_name(tmp_path: Path):
    (tmp_path / "sub-001" / "eeg").mkdir(parents=True)
    with pytest.raises(BadInput, match="3618205 is another study"):
        list(DATASETS["dtu"].sources(tmp_path))


def test_the_preprocessed_release_gives_the_same_story_the_same_id(tmp_path: Path):
    expected = layout.write_preprocessed(tmp_path)
    recordings = {recording.id: recording for recording in DATASETS["dtu"].recordings(tmp_path)}
    assert len(recordings) == expected.n_recordings
    for wanted in expected.trials:
        recording = recordings[wanted.recording]
        (trial,) = recording.trials
        assert (len(recording.montage), recording.sfreq, trial.attended) == (64, 64.0, wanted.attended)
        assert [candidate.talker for candidate in trial.candidates] == ["male", "female"]
        assert abs(np.argmax(recording.signal.mean(axis=0)) / 64.0 - wanted.impulse_s) <= 1 / 64.0
        for stimulus in recording.stimuli:
            assert stimulus.kind == "envelope"
            assert abs(np.argmax(stimulus.load()) / 64.0 - wanted.impulse_s) <= 1 / 64.0
    # Listener 2 attends to the other talker, so wavA and wavB change places; the stories stay what they are.
    for run in (1, 2, 3):
        first, second = (recordings[f"sub-0{subject}_run-{run}"] for subject in (1, 2))
        assert [s.id for s in first.stimuli] == [s.id for s in second.stimuli]
        assert all(np.array_equal(a.load(), b.load()) for a, b in zip(first.stimuli, second.stimuli, strict=True))

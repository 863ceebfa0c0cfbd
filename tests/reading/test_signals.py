"""Signal files: what is written comes back, and what is wrong with a file is said."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from mindleaf.errors import BadInput, ReadError
from mindleaf.reading.signals import open_signal

from .written_files import NAMES, SECONDS, SFREQ, eeg, field_position, overwrite, write_edf


def codes(file) -> list[str]:
    return [issue.code for issue in file.issues]


@pytest.mark.parametrize("bdf", [False, True])
def test_edf_and_bdf_come_back_in_microvolts(tmp_path: Path, bdf: bool):
    path = tmp_path / ("a.bdf" if bdf else "a.edf")
    values = write_edf(path, bdf=bdf)
    file = open_signal(path)
    assert (file.sfreq, file.channel_names, file.n_times, codes(file)) == (SFREQ, NAMES, SECONDS * SFREQ, [])
    loaded = pickle.loads(pickle.dumps(file.load))()
    assert loaded.dtype == np.float32
    assert np.abs(loaded - values).max() < 0.01


@pytest.mark.parametrize(("unit", "factor"), [("nV", 1e-3), ("uV", 1.0), ("mV", 1e3), ("V", 1e6)])
def test_units_on_the_list_are_converted(tmp_path: Path, unit: str, factor: float):
    values = write_edf(tmp_path / "a.edf", unit=unit)
    loaded = open_signal(tmp_path / "a.edf").load()
    assert np.allclose(loaded, values * factor, atol=0.01 * factor)


@pytest.mark.parametrize("unit", ["", "microV", ".V", "MV"])
def test_a_strange_unit_is_said_and_can_be_replaced(tmp_path: Path, unit: str):
    values = write_edf(tmp_path / "a.edf", unit=unit)
    assert codes(open_signal(tmp_path / "a.edf")) == ["unit_unknown", "unit_implausible"]
    told = open_signal(tmp_path / "a.edf", unit="uV")
    assert codes(told) == []
    assert np.abs(told.load() - values).max() < 0.01
    with pytest.raises(BadInput, match="choose one of"):
        open_signal(tmp_path / "a.edf", unit="furlong")


def test_picked_channels_come_in_the_order_asked_for(tmp_path: Path):
    values = eeg()
    values[1] = 7.0
    write_edf(tmp_path / "a.edf", values)
    file = open_signal(tmp_path / "a.edf")
    assert codes(file) == ["channel_flat"]
    picked = file.pick(["EEG Cz", "EEG Fp1"])
    assert codes(picked) == []
    assert np.array_equal(picked.load(), file.load()[[3, 0]])
    assert np.array_equal(picked.pick(["EEG Fp1"]).load(), file.load()[[0]])
    with pytest.raises(BadInput, match="Pz"):
        file.pick(["EEG Pz"])


def test_shuffled_channels_with_shuffled_names_are_the_same_signal(tmp_path: Path):
    values, order = eeg(), [2, 0, 3, 1]
    write_edf(tmp_path / "a.edf", values)
    write_edf(tmp_path / "b.edf", values[order], [NAMES[i] for i in order])
    a, b = open_signal(tmp_path / "a.edf"), open_signal(tmp_path / "b.edf")
    assert np.array_equal(a.load(), b.pick(a.channel_names).load())


def test_annotations_in_annotations_out_without_free_text(tmp_path: Path):
    marks = [(0.5, 0.25, "T1"), (1.0, None, "769"), (2.5, None, "Jane Roe sneezed"), (3.0, None, "left hand")]
    write_edf(tmp_path / "a.edf", annotations=marks)
    events = open_signal(tmp_path / "a.edf", event_labels=["left hand"]).events
    assert [event.label for event in events] == ["annotation", "T1", "769", "annotation", "left hand"]
    assert np.allclose([event.onset for event in events], [0.0, 0.5, 1.0, 2.5, 3.0], atol=1 / SFREQ)
    assert events[1].duration == pytest.approx(0.25)


def test_other_signals_are_told_from_eeg(tmp_path: Path):
    write_edf(tmp_path / "a.edf", names=("EEG Fp1", "ECG ECG", "EOG left", "SaO2 X9"))
    file = open_signal(tmp_path / "a.edf")
    assert file.channel_types == ("eeg", "ecg", "eog", "misc")
    assert file.pick_types("eeg").channel_names == ("EEG Fp1",)
    with pytest.raises(BadInput, match="wanted emg"):
        file.pick_types("emg")


def test_truncated_edf_loads_with_the_seconds_that_are_lost(tmp_path: Path):
    values = write_edf(tmp_path / "a.edf")
    content = (tmp_path / "a.edf").read_bytes()
    record = (len(content) - 256 * 6) // SECONDS
    (tmp_path / "a.edf").write_bytes(content[: len(content) - 2 * record - 17])
    file = open_signal(tmp_path / "a.edf")
    assert [issue.code for issue in file.issues if issue.code == "truncated"]
    assert "lost_s=3" in file.issues[0].message
    assert np.abs(file.load() - values[:, : 5 * SFREQ]).max() < 0.01


@pytest.mark.parametrize("kept", [0, 100, 300, 256 * 6 + 10])
def test_an_edf_without_a_whole_record_is_refused(tmp_path: Path, kept: int):
    write_edf(tmp_path / "a.edf")
    (tmp_path / "a.edf").write_bytes((tmp_path / "a.edf").read_bytes()[:kept])
    with pytest.raises(ReadError, match=r"a\.edf.*(empty|header|complete record)"):
        open_signal(tmp_path / "a.edf")


def test_line_end_conversion_is_named(tmp_path: Path):
    write_edf(tmp_path / "a.edf", values=eeg(seconds=60))
    content = (tmp_path / "a.edf").read_bytes()
    (tmp_path / "a.edf").write_bytes(content[: 256 * 6] + content[256 * 6 :].replace(b"\n", b"\r\n")[: len(content) - 256 * 6])
    with pytest.raises(ReadError, match="line-end conversion"):
        open_signal(tmp_path / "a.edf")


@pytest.mark.parametrize(
    ("offset", "width", "text", "words"),
    [
        (0, 16, b" " * 16, "channel without a name"),
        (112, 8, b"400     ", "digital range|physical range|values|calibration|empty"),
        (216, 8, b"64      ", "time stamp|samples|values|complete"),
        (216, 8, b"-1      ", "samples"),
        (104, 8, b"Jane Roe", "not a number"),
    ],
)
def test_a_mutated_signal_header_is_refused(tmp_path: Path, offset: int, width: int, text: bytes, words: str):
    write_edf(tmp_path / "a.edf")
    if offset == 112:  # physical maximum = physical minimum
        text = b"-400    "
    overwrite(tmp_path / "a.edf", field_position(5, offset, width, 1), text)
    with pytest.raises(ReadError, match=words) as caught:
        open_signal(tmp_path / "a.edf")
    assert "Jane" not in str(caught.value)


def test_a_changed_record_duration_is_caught_by_the_time_stamps(tmp_path: Path):
    write_edf(tmp_path / "a.edf")
    overwrite(tmp_path / "a.edf", 244, b"2       ")
    with pytest.raises(ReadError, match="sampling rate cannot be trusted"):
        open_signal(tmp_path / "a.edf")


def test_a_changed_calibration_of_one_channel_is_an_issue(tmp_path: Path):
    write_edf(tmp_path / "a.edf")
    overwrite(tmp_path / "a.edf", field_position(5, 112, 8, 1), b"900     ")
    file = open_signal(tmp_path / "a.edf")
    assert codes(file) == ["scale_differs"]
    assert "EEG Fp2" in file.issues[0].message


def test_pointer_files_missing_files_and_folders_are_named(tmp_path: Path):
    (tmp_path / "lfs.edf").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 99\n")
    (tmp_path / "annex.edf").write_text("/annex/objects/MD5E-s99--0.edf\n")
    (tmp_path / "link.edf").symlink_to(tmp_path / ".git/annex/objects/aa/bb")
    (tmp_path / "dangling.edf").symlink_to(tmp_path / "nowhere")
    (tmp_path / "empty.edf").touch()
    (tmp_path / "notes.txt").write_text("hello")
    for name, words in {
        "lfs.edf": "git-LFS pointer", "annex.edf": "git-annex pointer", "link.edf": "git-annex pointer",
        "dangling.edf": "link to a file", "empty.edf": "empty", "notes.txt": "not a signal file", "none.edf": "no such file",
    }.items():  # fmt: skip
        with pytest.raises(ReadError, match=words):
            open_signal(tmp_path / name)
    with pytest.raises(ReadError, match="folder"):
        open_signal(tmp_path)


def test_brainvision_comes_back_and_its_truncation_is_seen(tmp_path: Path):
    from pybv import write_brainvision

    values = eeg()
    marks = [{"onset": SFREQ, "duration": 1, "description": 7, "type": "Stimulus"}]
    write_brainvision(
        data=values * 1e-6,
        sfreq=SFREQ,
        ch_names=["Fp1", "Fp2", "C3", "Cz"],
        fname_base="a",
        folder_out=tmp_path,
        events=marks,
        unit="µV",
    )
    file = open_signal(tmp_path / "a.vhdr")
    assert np.abs(file.load() - values).max() < 0.2
    assert [(event.onset, event.label) for event in file.events if "S" in event.label] == [(1.0, "Stimulus/S  7")]
    data = (tmp_path / "a.eeg").read_bytes()
    (tmp_path / "a.eeg").write_bytes(data[:-5])
    assert "truncated" in codes(open_signal(tmp_path / "a.vhdr"))
    (tmp_path / "a.eeg").unlink()
    with pytest.raises(ReadError):
        open_signal(tmp_path / "a.vhdr")


def test_fif_comes_back(tmp_path: Path):
    import mne

    values = eeg()
    values[2] = np.nan
    info = mne.create_info(["Fp1", "Fp2", "C3", "Cz"], SFREQ, "eeg", verbose="ERROR")
    mne.io.RawArray(values * 1e-6, info, first_samp=100, verbose="ERROR").save(tmp_path / "a_raw.fif", verbose="ERROR")
    file = open_signal(tmp_path / "a_raw.fif")
    assert np.allclose(file.load(), values, atol=1e-3, equal_nan=True)
    assert codes(file) == ["channel_nan"]
    assert "C3" in file.issues[0].message


def test_tables_of_numbers(tmp_path: Path):
    values = eeg()
    np.save(tmp_path / "a.npy", values)
    with pytest.raises(ReadError, match="sampling rate"):
        open_signal(tmp_path / "a.npy")
    (tmp_path / "a.json").write_text(json.dumps({"sfreq": SFREQ, "channel_names": ["Fp1", "Fp2", "C3", "Cz"]}))
    assert np.allclose(open_signal(tmp_path / "a.npy").load(), values, atol=1e-4)
    lines = ["time,Fp1,Cz", *(f"{i / SFREQ},{values[0, i]},{values[3, i]}" for i in range(values.shape[1]))]
    (tmp_path / "b.csv").write_text("\n".join(lines))
    table = open_signal(tmp_path / "b.csv", unit="mV")
    assert (table.channel_names, round(table.sfreq, 3)) == (("Fp1", "Cz"), SFREQ)
    assert np.allclose(table.load(), 1e3 * values[[0, 3]], rtol=1e-4, atol=1e-2)
    np.save(tmp_path / "c.npy", np.array([{"a": 1}], dtype=object))
    (tmp_path / "c.json").write_text(json.dumps({"sfreq": SFREQ, "channel_names": ["Fp1"]}))
    with pytest.raises(ReadError, match=r"c\.npy"):
        open_signal(tmp_path / "c.npy")


def test_an_implausible_amplitude_is_an_issue_and_nothing_is_rescaled(tmp_path: Path):
    np.savez(tmp_path / "a.npz", signal=1e-6 * eeg(), sfreq=SFREQ, channel_names=np.array(["Fp1", "Fp2", "C3", "Cz"]))
    file = open_signal(tmp_path / "a.npz")
    assert codes(file) == ["unit_implausible"]
    assert np.allclose(file.load(), 1e-6 * eeg())


def test_a_large_offset_does_not_look_implausible(tmp_path: Path):
    np.savez(tmp_path / "a.npz", signal=eeg() + 20_000.0, sfreq=SFREQ, channel_names=np.array(["Fp1", "Fp2", "C3", "Cz"]))
    assert codes(open_signal(tmp_path / "a.npz")) == []

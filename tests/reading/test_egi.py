"""EGI simple binary and .mff: written after their descriptions, read back, and held against MNE-Python's readers."""

from __future__ import annotations

import struct
from pathlib import Path

import mne
import numpy as np
import pytest

from mindleaf.errors import ReadError
from mindleaf.reading.signals import open_signal

from .egi_writers import N_CHANNELS, SFREQ, write_mff, write_simple_binary
from .mutations import outcomes
from .written_files import overwrite

VERSIONS = [dict(version=2, span=20_000, bits=16), dict(version=4), dict(version=6)]
GAPPED = dict(epochs=((0, 500), (1000, 300)), events=((377, "T1"), (1100, "T2")))


def codes(file) -> list[str]:
    return [issue.code for issue in file.issues]


@pytest.mark.parametrize("layout", VERSIONS)
def test_simple_binary_comes_back(tmp_path: Path, layout: dict):
    values = write_simple_binary(tmp_path / "a.raw", **layout)
    file = open_signal(tmp_path / "a.raw", event_labels=["stm+"])
    assert (file.sfreq, file.n_times, codes(file)) == (SFREQ, 2000, [])
    assert file.channel_names == tuple(f"E{number}" for number in range(1, N_CHANNELS + 1))
    found = [(event.onset * SFREQ, round(event.duration * SFREQ), event.label) for event in file.events]
    assert found == [(0, 1, "DIN1"), (377, 1, "D255"), (500, 3, "DIN1"), (1999, 1, "stm+")]
    loaded = file.load()
    assert np.allclose(loaded, values, rtol=1e-6, atol=1e-5)
    assert np.array_equal(file.load(433, 1771), loaded[:, 433:1771])


@pytest.mark.parametrize("layout", VERSIONS)
def test_simple_binary_agrees_with_mne(tmp_path: Path, layout: dict):
    write_simple_binary(tmp_path / "a.raw", **layout)
    raw = mne.io.read_raw_egi(tmp_path / "a.raw", verbose="ERROR")
    file = open_signal(tmp_path / "a.raw")
    eeg = raw.copy().pick("eeg")
    assert (tuple(eeg.ch_names), raw.info["sfreq"], raw.n_times) == (file.channel_names, file.sfreq, file.n_times)
    # MNE takes range / 2^bits for volts; EGI's description says microvolts.
    factor = 1.0 if layout["version"] == 2 else 1e6
    assert np.allclose(file.load(), factor * eeg.get_data(), rtol=1e-6, atol=1e-5)
    assert {event.onset for event in file.events} <= set(raw.annotations.onset)


@pytest.mark.parametrize(
    ("place", "packed", "words"),
    [
        (0, struct.pack(">i", 3), "cut into segments"),
        (0, b"\x89HDF", "does not begin as one"),
        (6, struct.pack(">h", 13), "no date"),
        (22, struct.pack(">h", 0), "0 channels"),
        (20, struct.pack(">h", -250), "sampling rate"),
        (26, struct.pack(">h", 16), "no calibration"),
        (30, struct.pack(">i", -1), "-1 samples"),
    ],
)
def test_other_raw_files_are_refused(tmp_path: Path, place: int, packed: bytes, words: str):
    write_simple_binary(tmp_path / "a.raw")
    overwrite(tmp_path / "a.raw", place, packed)
    with pytest.raises(ReadError, match=words):
        open_signal(tmp_path / "a.raw")


def test_a_short_file_of_another_kind_is_refused(tmp_path: Path):
    (tmp_path / "a.raw").write_bytes(b"II*\0")
    with pytest.raises(ReadError, match="does not begin as one"):
        open_signal(tmp_path / "a.raw")


def test_simple_binary_cut_short_or_too_long(tmp_path: Path):
    path = tmp_path / "a.raw"
    values = write_simple_binary(path)
    content = path.read_bytes()
    path.write_bytes(content[: 36 + 12 + 4 * 9 * 1500 + 2])
    file = open_signal(path)
    assert (codes(file), file.n_times) == (["truncated"], 1500)
    assert np.allclose(file.load(), values[:, :1500], rtol=1e-6)
    path.write_bytes(content + b"more")
    assert codes(open_signal(path)) == ["trailing_bytes"]


def test_odd_calibrations_and_rates_are_named(tmp_path: Path):
    path = tmp_path / "a.raw"
    write_simple_binary(path, version=2, span=20_001, bits=16)
    assert codes(open_signal(path)) == ["scale_unusual"]
    write_simple_binary(path, version=2)
    assert codes(open_signal(path)) == ["scale_unusual"]
    write_simple_binary(path)
    overwrite(path, 20, struct.pack(">h", 249))
    assert codes(open_signal(path)) == ["rate_unusual"]


@pytest.mark.parametrize("nanoseconds", [False, True])
def test_mff_comes_back(tmp_path: Path, nanoseconds: bool):
    values = write_mff(tmp_path / "a.mff", nanoseconds=nanoseconds)
    file = open_signal(tmp_path / "a.mff", event_labels=["stm+"])
    assert (file.sfreq, file.n_times, codes(file)) == (SFREQ, 2000, [])
    assert file.channel_names == ("E1", "E2", "E3", "E4", "E5", "VREF")
    found = [(round(event.onset * SFREQ, 6), event.label) for event in file.events]
    assert found == [(0, "DIN1"), (377, "D255"), (500, "stm+"), (1999, "T1")]
    loaded = file.load()
    assert np.array_equal(loaded, values.astype(np.float32))
    for start, stop in ((0, 1), (433, 1771), (699, 701), (1400, 2000)):
        assert np.array_equal(file.load(start, stop), loaded[:, start:stop])
    assert "Roe" not in repr(file)


def test_pauses_of_the_recorder_keep_event_times_true(tmp_path: Path):
    gains = (1.0, 1.013, 0.991, 1.002, 0.998, 1.004)
    values = write_mff(tmp_path / "a.mff", gains=gains, **GAPPED)
    file = open_signal(tmp_path / "a.mff")
    assert (file.n_times, codes(file)) == (1300, ["gaps", "samples_nan"])
    assert [round(event.onset * SFREQ, 6) for event in file.events] == [377, 1100]
    loaded = file.load()
    assert np.isnan(loaded[:, 500:1000]).all()
    together = np.concatenate([loaded[:, :500], loaded[:, 1000:]], axis=1)
    assert np.allclose(together, values * np.array(gains)[:, None], rtol=1e-6)
    assert np.array_equal(file.load(450, 1100), loaded[:, 450:1100], equal_nan=True)


@pytest.mark.parametrize("layout", [{}, dict(nanoseconds=True), dict(gains=(1.0, 1.013, 0.991, 1.002, 0.998, 1.004), **GAPPED)])
def test_mff_agrees_with_mne(tmp_path: Path, layout: dict):
    pytest.importorskip("mffpy")
    write_mff(tmp_path / "a.mff", **layout)
    raw = mne.io.read_raw_egi(tmp_path / "a.mff", verbose="ERROR")
    eeg = raw.copy().pick("eeg")
    file = open_signal(tmp_path / "a.mff")
    assert (eeg.ch_names, raw.info["sfreq"], raw.n_times) == (list(file.channel_names), file.sfreq, file.n_times)
    assert np.allclose(np.nan_to_num(file.load()), 1e6 * eeg.get_data(), rtol=1e-6, atol=1e-5)
    theirs = [onset for onset, text in zip(raw.annotations.onset, raw.annotations.description, strict=True) if "BAD" not in text]
    assert np.allclose(theirs, [event.onset for event in file.events], atol=1e-9)


def test_physiology_is_left_out_and_said(tmp_path: Path):
    values = write_mff(tmp_path / "a.mff", physiology=True)
    file = open_signal(tmp_path / "a.mff")
    assert codes(file) == ["signals_left_out"]
    assert np.array_equal(file.load(), values.astype(np.float32))


@pytest.mark.parametrize(
    ("part", "before", "after", "words"),
    [
        ("epochs.xml", "<endTime>8000000", "<endTime>7000000", "lasts 7 s by its times and 8 s"),
        ("epochs.xml", "<lastBlock>3", "<lastBlock>2", "lasts 8 s by its times and 5.6 s|belong to no epoch"),
        ("epochs.xml", "<epoch>", "<epoc>", "not the XML"),
        ("epochs.xml", 'encoding="UTF-8"', 'encoding="UTF-9"', "not the XML"),
        ("epochs.xml", "<epochs", '<!DOCTYPE x [<!ENTITY a "b">]><epochs', "entities"),
        ("sensorLayout.xml", "<number>2</number>", "<number>7</number>", "channel 2 has the number '7'"),
        ("sensorLayout.xml", "<type>1</type>", "<type>2</type>", "names 5 channels, the signal has 6"),
        ("info1.xml", "<EEG>", "<EEH>", "not the XML"),
        ("info1.xml", "EEG", "EMG", "none that does"),
        ("info.xml", "2009-10", "2009-1o", "when the recording began"),
    ],
)
def test_contradictions_in_an_mff_are_refused(tmp_path: Path, part: str, before: str, after: str, words: str):
    write_mff(tmp_path / "a.mff")
    text = (tmp_path / "a.mff" / part).read_text()
    assert before in text
    (tmp_path / "a.mff" / part).write_text(text.replace(before, after))
    with pytest.raises(ReadError, match=words):
        open_signal(tmp_path / "a.mff")


def test_parts_of_an_mff_that_are_missing(tmp_path: Path):
    for name in ("signal1.bin", "info1.xml", "info.xml", "epochs.xml", "sensorLayout.xml"):
        write_mff(tmp_path / "a.mff")
        (tmp_path / "a.mff" / name).unlink()
        with pytest.raises(ReadError, match=r"no such file|found 0 info files"):
            open_signal(tmp_path / "a.mff")
    (tmp_path / "empty.mff").mkdir()
    with pytest.raises(ReadError, match="folder is empty"):
        open_signal(tmp_path / "empty.mff")
    (tmp_path / "file.mff").write_bytes(b"PK")
    with pytest.raises(ReadError, match="wanted a folder"):
        open_signal(tmp_path / "file.mff")


def test_an_mff_cut_short_loses_its_last_block(tmp_path: Path):
    values = write_mff(tmp_path / "a.mff")
    signal = tmp_path / "a.mff" / "signal1.bin"
    signal.write_bytes(signal.read_bytes()[:-100])
    file = open_signal(tmp_path / "a.mff")
    assert (codes(file), file.n_times) == (["truncated", "events_outside"], 1400)
    assert np.array_equal(file.load(), values[:, :1400].astype(np.float32))


def test_a_damaged_event_track_is_an_issue(tmp_path: Path):
    write_mff(tmp_path / "a.mff")
    (tmp_path / "a.mff" / "Events_ECI.xml").write_text("<eventTrack>")
    assert codes(open_signal(tmp_path / "a.mff")) == ["events_damaged"]


@pytest.mark.parametrize("part", ["", "signal1.bin", "epochs.xml", "sensorLayout.xml"])
def test_no_damage_to_headers_goes_unseen(tmp_path: Path, part: str):
    path = tmp_path / ("a.mff" if part else "a.raw")
    if part:
        write_mff(path)
    else:
        write_simple_binary(path)
    target = path / part if part else path
    end = {"": 36, "signal1.bin": 4 * (4 + 2 * N_CHANNELS) + 28}.get(part, target.stat().st_size)
    found = outcomes(path, target, end, 24)
    assert not found["silent"] + found["untyped"], found

"""Curry recordings: written after their description, read back, and held against MNE-Python where its parts are installed."""

from __future__ import annotations

from pathlib import Path

import mne
import numpy as np
import pytest

from mindleaf.errors import ReadError
from mindleaf.reading.signals import open_signal

from .mutations import outcomes
from .neuroscan_writers import EVENTS, NAMES, SFREQ, write_curry


def codes(file) -> list[str]:
    return [issue.code for issue in file.issues]


@pytest.mark.parametrize("name", ["a.cdt", "a.dat"])
@pytest.mark.parametrize("trigger", [True, False])
def test_values_and_events_come_back(tmp_path: Path, name: str, trigger: bool):
    values = write_curry(tmp_path / name, trigger=trigger)
    file = open_signal(tmp_path / name)
    assert (file.sfreq, file.channel_names, file.n_times, codes(file)) == (SFREQ, NAMES, 2000, [])
    assert file.channel_types == ("eeg", "eeg", "eeg", "eeg", "eog")
    assert [(event.onset * SFREQ, event.label) for event in file.events] == [(sample, str(code)) for sample, code in EVENTS]
    loaded = file.load()
    assert np.array_equal(loaded, values.astype(np.float32))
    assert np.array_equal(file.load(433, 1771), loaded[:, 433:1771])
    assert "Roe" not in repr(file)


@pytest.mark.parametrize("name", ["a.cdt", "a.dat"])
def test_values_agree_with_mne(tmp_path: Path, name: str):
    pytest.importorskip("curryreader")
    write_curry(tmp_path / name)
    raw = mne.io.read_raw_curry(tmp_path / name, verbose="ERROR")
    file = open_signal(tmp_path / name)
    assert (raw.ch_names[:-1], raw.info["sfreq"], raw.n_times) == (list(file.channel_names), file.sfreq, file.n_times)
    assert np.allclose(file.load(), 1e6 * raw.get_data(raw.ch_names[:-1]), rtol=1e-6, atol=1e-9)
    assert np.allclose(raw.annotations.onset, [event.onset for event in file.events], atol=1e-9)


@pytest.mark.parametrize(("unit", "factor"), [("uV", 1.0), ("mV", 1e3), ("nV", 1e-3)])
def test_units_are_converted(tmp_path: Path, unit: str, factor: float):
    values = write_curry(tmp_path / "a.cdt", unit=unit)
    assert np.allclose(open_signal(tmp_path / "a.cdt").load(), values * factor, rtol=1e-6)
    assert np.allclose(open_signal(tmp_path / "a.cdt", unit="uV").load(), values, rtol=1e-6)


def test_an_unknown_unit_is_named(tmp_path: Path):
    write_curry(tmp_path / "a.cdt", unit="furlong")
    assert codes(open_signal(tmp_path / "a.cdt")) == ["unit_unknown"]
    assert codes(open_signal(tmp_path / "a.cdt", unit="uV")) == []


def test_channels_come_in_the_order_of_the_data(tmp_path: Path):
    swap = ("CHAN_IN_FILE START_LIST  # Do not edit!\n1\n2", "CHAN_IN_FILE START_LIST  # Do not edit!\n2\n1")
    values = write_curry(tmp_path / "a.cdt", replaced=[swap])
    file = open_signal(tmp_path / "a.cdt")
    assert file.channel_names[:2] == ("Fp2", "Fp1")
    assert np.array_equal(file.load(), values.astype(np.float32))


def test_a_label_without_data_is_left_out(tmp_path: Path):
    """Some caps list a reference that is not in the file: its place is 0."""
    replaced = [
        ("CHAN_IN_FILE START_LIST  # Do not edit!\n1\n2\n3\n4\n5", "CHAN_IN_FILE START_LIST  # Do not edit!\n1\n0\n2\n3\n4"),
        ("CHAN_IN_FILE_OTHERS START_LIST  # Do not edit!\n6", "CHAN_IN_FILE_OTHERS START_LIST  # Do not edit!\n5"),
        ("NumChannels          =  6", "NumChannels          =  5"),
        ("NumSamples           =  2000", "NumSamples           =  2400"),
    ]
    write_curry(tmp_path / "a.cdt", replaced=replaced)
    file = open_signal(tmp_path / "a.cdt")
    assert (file.channel_names, file.n_times) == (("Fp1", "C3", "Cz", "VEO"), 2400)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("SampleTimeUsec       =  4000", "SampleTimeUsec       =  5000", "contradicts the interval"),
        ("SampleFreqHz         =  250", "SampleFreqHz         =  2a0", "not a number"),
        ("NumChannels          =  6", "NumChannels          =  7", "promises 7 channels"),
        ("NumTrials            =  1", "NumTrials            =  4", "4 epochs"),
        ("DataFormat           =  FLOAT", "DataFormat           =  ASCII", "written as text"),
        ("DataByteOrder        =  INTEL", "DataByteOrder        =  OTHER", "databyteorder INTEL"),
        ("DataSampOrder        =  SAMP", "DataSampOrder        =  CHAN", "datasamporder SAMP"),
        ("NumTrials            =  1", "NumTrials = 1\n DataGuid = {2912E8D8-F5C8-4E25-A8E7-A1385967DA09}", "compressed"),
        ("LABELS START_LIST", "LABELZ START_LIST", "labels"),
    ],
)
def test_contradictions_are_refused(tmp_path: Path, before: str, after: str, words: str):
    write_curry(tmp_path / "a.cdt", replaced=[(before, after)])
    with pytest.raises(ReadError, match=words):
        open_signal(tmp_path / "a.cdt")


def test_a_rounded_interval_is_no_contradiction(tmp_path: Path):
    replaced = [("SampleFreqHz         =  250", "SampleFreqHz = 1024"), ("SampleTimeUsec       =  4000", "SampleTimeUsec = 977")]
    write_curry(tmp_path / "a.cdt", replaced=replaced)
    assert open_signal(tmp_path / "a.cdt").sfreq == 1024


def test_curry_six_writes_its_keys_with_underscores(tmp_path: Path):
    replaced = [("NumSamples ", "NUM_SAMPLES "), ("NumChannels ", "NUM_CHANNELS "), ("SampleFreqHz ", "SAMPLE_FREQ_HZ ")]
    values = write_curry(tmp_path / "a.dat", replaced=replaced)
    assert np.array_equal(open_signal(tmp_path / "a.dat").load(), values.astype(np.float32))


def test_a_file_cut_short_says_what_is_lost(tmp_path: Path):
    path = tmp_path / "a.cdt"
    values = write_curry(path)
    path.write_bytes(path.read_bytes()[: 4 * 6 * 1500 + 3])
    file = open_signal(path)
    assert (codes(file), file.n_times) == (["truncated", "events_outside"], 1500)
    assert "lost_s=2" in file.issues[0].message
    assert np.array_equal(file.load(), values[:, :1500].astype(np.float32))


def test_missing_companions_are_named(tmp_path: Path):
    write_curry(tmp_path / "a.cdt")
    (tmp_path / "a.cdt.cef").unlink()
    assert codes(open_signal(tmp_path / "a.cdt")) == ["events_missing"]
    (tmp_path / "a.cdt.dpo").rename(tmp_path / "a.cdt.dpa")
    open_signal(tmp_path / "a.cdt")
    (tmp_path / "a.cdt.dpa").unlink()
    with pytest.raises(ReadError, match=r"a\.cdt\.dpa or a\.cdt\.dpo"):
        open_signal(tmp_path / "a.cdt")
    (tmp_path / "other.dat").write_bytes(b"1 2 3\n")
    with pytest.raises(ReadError, match=r"other\.dap"):
        open_signal(tmp_path / "other.dat")
    write_curry(tmp_path / "b.dat")
    (tmp_path / "b.rs3").unlink()
    with pytest.raises(ReadError, match="labels of a Curry"):
        open_signal(tmp_path / "b.dat")


def test_a_damaged_event_file_is_an_issue(tmp_path: Path):
    write_curry(tmp_path / "a.cdt")
    marks = tmp_path / "a.cdt.cef"
    content = marks.read_text()
    marks.write_text(content.replace("100\t0\t12", "1x0\t0\t12"))
    assert codes(open_signal(tmp_path / "a.cdt")) == ["events_damaged"]
    marks.write_text(content[: content.index("377\t0")])
    assert codes(open_signal(tmp_path / "a.cdt")) == ["events_lost"]


@pytest.mark.parametrize("name", ["a.cdt", "a.dat"])
def test_no_damage_to_the_parameters_goes_unseen(tmp_path: Path, name: str):
    path = tmp_path / name
    write_curry(path)
    part = tmp_path / ("a.dap" if name == "a.dat" else "a.cdt.dpo")
    found = outcomes(path, part, part.stat().st_size, 24, seed=3)
    assert not found["silent"] + found["untyped"], found

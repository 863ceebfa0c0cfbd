"""Neuroscan CNT: written after its description, read back, and held against MNE-Python's reader."""

from __future__ import annotations

import struct
from pathlib import Path

import mne
import numpy as np
import pytest

from mindleaf.errors import ReadError
from mindleaf.reading.signals import open_signal

from .mutations import outcomes
from .neuroscan_writers import CNT_STEP, EVENTS, NAMES, SFREQ, eeg, write_cnt
from .written_files import overwrite

LAYOUTS = [
    dict(width=2, table=2),
    dict(width=4, table=2),
    dict(width=4, table=3),
    dict(width=2, table=1, baseline=7),
    dict(width=2, block=20),
    dict(width=4, block=20, baseline=-3),
]


def codes(file) -> list[str]:
    return [issue.code for issue in file.issues]


def onsets(file) -> list[tuple[float, str]]:
    return [(event.onset * file.sfreq, event.label) for event in file.events]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_values_and_events_come_back(tmp_path: Path, layout: dict):
    values = write_cnt(tmp_path / "a.cnt", **layout)
    file = open_signal(tmp_path / "a.cnt")
    assert (file.sfreq, file.channel_names, file.n_times) == (SFREQ, NAMES, 2000)
    assert file.channel_types == ("eeg", "eeg", "eeg", "eeg", "eog")
    assert codes(file) == (["blocked"] if "block" in layout else [])
    assert onsets(file) == [(sample, str(code)) for sample, code in EVENTS]
    loaded = file.load()
    assert loaded.dtype == np.float32
    assert np.allclose(loaded, values, rtol=1e-6, atol=1e-5)
    for start, stop in ((0, 1), (433, 1771), (1990, 2000), (15, 45)):
        assert np.array_equal(file.load(start, stop), loaded[:, start:stop])
    assert np.array_equal(file.pick(["Cz", "Fp1"]).load(7, 99), loaded[[3, 0], 7:99])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_values_agree_with_mne(tmp_path: Path, layout: dict):
    write_cnt(tmp_path / "a.cnt", **layout)
    raw = mne.io.read_raw_cnt(tmp_path / "a.cnt", data_format=f"int{8 * layout['width']}", verbose="ERROR")
    file = open_signal(tmp_path / "a.cnt")
    assert (tuple(raw.ch_names), raw.info["sfreq"], raw.n_times) == (file.channel_names, file.sfreq, file.n_times)
    assert np.allclose(file.load(), 1e6 * raw.get_data(), rtol=1e-6, atol=1e-5)
    # MNE places events a sample early, and subtracts the header's length from type 3 as well.
    early = 1 + (900 + 75 * 5) / (5 * 4) * (layout["table"] == 3) if "table" in layout else 1
    found = raw.annotations.onset * SFREQ
    assert np.allclose(found, np.floor(np.maximum([sample - early for sample, _ in EVENTS], 0)), atol=1)


@pytest.mark.parametrize("width", [2, 4])
@pytest.mark.parametrize("marker", [True, False])
def test_the_sample_width_is_found_where_the_header_miscounts(tmp_path: Path, width: int, marker: bool):
    values = write_cnt(tmp_path / "a.cnt", width=width, n_samples=12, marker=marker)
    file = open_signal(tmp_path / "a.cnt")
    assert (codes(file), file.n_times) == (["length_differs"], 2000)
    assert np.allclose(file.load(), values, rtol=1e-6, atol=1e-5)


def test_a_header_that_takes_four_bytes_for_two_is_refused(tmp_path: Path):
    write_cnt(tmp_path / "a.cnt", width=4, n_samples=4000)
    with pytest.raises(ReadError, match="look like 4"):
        open_signal(tmp_path / "a.cnt")


def test_marks_other_than_stimuli_have_names_of_their_own(tmp_path: Path):
    events = [(10, 5), (20, 0), (30, 0), (80, 0), (90, 0), (100, 6)]
    write_cnt(tmp_path / "a.cnt", events=events, flags=[0x00, 0x03, 0xC0, 0xD0, 0xE0, 0x00])
    file = open_signal(tmp_path / "a.cnt")
    assert onsets(file) == [(10, "5"), (20, "response/3"), (30, "bad/12"), (90, "boundary/14"), (100, "6")]
    assert file.events[2].duration * SFREQ == 50
    assert codes(file) == ["rejected_in_file", "gaps"]


def test_a_unit_asked_for_replaces_microvolts(tmp_path: Path):
    values = write_cnt(tmp_path / "a.cnt")
    assert np.allclose(open_signal(tmp_path / "a.cnt", unit="mV").load(), 1000 * values, rtol=1e-6)


def test_trigger_channels_and_names_of_people_stay_out(tmp_path: Path):
    names = (*NAMES[:4], "Trigger")
    write_cnt(tmp_path / "a.cnt", names=names)
    file = open_signal(tmp_path / "a.cnt")
    assert file.channel_names == NAMES[:4]
    assert "Roe" not in repr(file)


def test_names_used_twice_are_told_apart(tmp_path: Path):
    write_cnt(tmp_path / "a.cnt", names=("Fp1", "Fp1", "C3", "Cz", "Pz"))
    file = open_signal(tmp_path / "a.cnt")
    assert file.channel_names[:2] == ("Fp1-0", "Fp1-1")
    assert "channel_renamed" in codes(file)


def test_a_file_cut_short_says_what_is_lost(tmp_path: Path):
    path = tmp_path / "a.cnt"
    values = write_cnt(path)
    start = 900 + 75 * 5
    path.write_bytes(path.read_bytes()[: start + 1500 * 10 + 3])
    file = open_signal(path)
    assert (codes(file), file.n_times, file.events) == (["truncated", "events_lost"], 1500, ())
    assert "lost_s=2" in file.issues[0].message
    assert np.allclose(file.load(), values[:, :1500], rtol=1e-6, atol=1e-5)


def test_other_formats_under_the_same_suffix_are_told_apart(tmp_path: Path):
    write_cnt(tmp_path / "a.cnt")
    content = (tmp_path / "a.cnt").read_bytes()
    (tmp_path / "ant.cnt").write_bytes(b"RIFF" + struct.pack("<I", 5000) + b"CNT " + content)
    (tmp_path / "odd.cnt").write_bytes(b"12 bytes and" + content)
    (tmp_path / "short.cnt").write_bytes(content[:700])
    (tmp_path / "list.cnt").write_bytes(content[:1000])
    for name, words in {
        "ant": "ANT Neuro",
        "odd": "does not begin",
        "short": "does not begin",
        "list": "inside their list",
    }.items():
        with pytest.raises(ReadError, match=words):
            open_signal(tmp_path / f"{name}.cnt")


@pytest.mark.parametrize(
    ("place", "packed", "code"),
    [
        (376, struct.pack("<H", 251), "rate_unusual"),
        (900 + 71, struct.pack("<f", 1.25), "scale_differs"),
        (900 + 47, struct.pack("<h", 9), "baseline_differs"),
        (900 + 14, b"\x01", "channel_marked_bad"),
        (353, struct.pack("<i", 9), "events_differ"),
        (886, struct.pack("<I", 2**31), "table_moved"),
    ],
)
def test_odd_header_fields_are_named(tmp_path: Path, place: int, packed: bytes, code: str):
    write_cnt(tmp_path / "a.cnt")
    overwrite(tmp_path / "a.cnt", place, packed)
    assert code in codes(open_signal(tmp_path / "a.cnt"))


@pytest.mark.parametrize(
    ("place", "packed", "words"),
    [
        (376, b"\0\0", "sampling rate"),
        (900 + 59, struct.pack("<f", np.nan), "sensitivity"),
        (900 + 71, struct.pack("<f", 0.0), "calibration"),
        (886, struct.pack("<I", 3000), "no event table"),
        (894, struct.pack("<i", 7), "in a row"),
        (900, b"\0" * 10, "no readable name"),
    ],
)
def test_impossible_header_fields_are_refused(tmp_path: Path, place: int, packed: bytes, words: str):
    write_cnt(tmp_path / "a.cnt", n_samples=12)
    overwrite(tmp_path / "a.cnt", place, packed)
    with pytest.raises(ReadError, match=words):
        open_signal(tmp_path / "a.cnt")


def test_events_outside_are_left_out_and_counted(tmp_path: Path):
    write_cnt(tmp_path / "a.cnt", eeg(), events=[(10, 1), (2000, 2), (-3, 3)])
    file = open_signal(tmp_path / "a.cnt")
    assert onsets(file) == [(10, "1")]
    assert "events_outside" in codes(file)


def test_no_damage_to_the_header_goes_unseen(tmp_path: Path):
    path = tmp_path / "a.cnt"
    write_cnt(path)
    assert not outcomes(path, path, 900 + 75 * 5, 24)["silent"]


def test_the_step_is_the_published_formula():
    assert pytest.approx(np.float32(1.0247) * 1.0 / 204.8) == CNT_STEP

"""What the second looks say of one known damage each; test_fuzz.py does it at random."""

from __future__ import annotations

import struct
from pathlib import Path

import h5py
import numpy as np
import pytest

from mindleaf.errors import ReadError
from mindleaf.reading.audio import read_audio
from mindleaf.reading.channel_names import name_notes
from mindleaf.reading.signals import open_signal

from .fuzz_files import N_TIMES, SFREQ, eeg
from .fuzz_formats import FORMATS
from .fuzz_mutations import mutate, write_parts


def damaged(folder: Path, name: str, before: bytes, after: bytes, part: str = "", count: int = 1) -> Path:
    """The recording of a format with ``after`` put for the first ``count`` ``before`` in a part; the path to open."""
    form = FORMATS[name]
    parts = form.build()
    which = part or form.opened
    assert before in parts[which].content
    write_parts(folder, parts, which, parts[which].content.replace(before, after, count))
    return folder / form.opened


def codes(path: Path) -> list[str]:
    return [issue.code for issue in open_signal(path).issues]


def test_gdf_in_millivolts_is_brought_to_microvolts(tmp_path: Path):
    old = open_signal(damaged(tmp_path / "1", "gdf_1", b"uV".ljust(8), b"mV".ljust(8), count=8))
    new = open_signal(damaged(tmp_path / "2", "gdf", struct.pack("<H", 4275) * 8, struct.pack("<H", 4276) * 8))
    assert np.allclose(old.load(), 1e3 * eeg(), rtol=1e-5)
    assert np.allclose(new.load(), 1e-3 * eeg(), atol=2e-5)  # nanovolts
    assert {issue.code for issue in (*old.issues, *new.issues)} == {"unit_implausible"}


def test_a_gdf_whose_events_count_at_another_rate_is_named(tmp_path: Path):
    path = damaged(tmp_path, "gdf", struct.pack("<f", SFREQ), struct.pack("<f", 500.0))
    assert codes(path) == ["rate_differs"]


def test_a_gdf_whose_numbers_leave_their_range_is_named(tmp_path: Path):
    content = FORMATS["gdf"].build()["a.gdf"].content
    place = 256 + 8 * 120  # after label, transducer, unit, physical minimum and maximum of eight channels: the digital minima
    path = damaged(tmp_path, "gdf", content[place : place + 64], bytes(64))
    assert "range_exceeded" in codes(path)


@pytest.mark.parametrize(
    ("before", "after"),
    [(b"SamplingInterval=4000", b"SamplingInterval=8000"), (b"Ch3=C3,,0.1", b"Ch3=C3,,0.5")],
)
def test_brainvision_is_held_against_the_amplifiers_own_setup(tmp_path: Path, before: bytes, after: bytes):
    assert set(codes(damaged(tmp_path, "brainvision", before, after))) & {"rate_differs", "scale_differs"}


@pytest.mark.parametrize(
    ("before", "after"), [(b"Mk5=", b"Mk6="), (b"Mk5=Stimulus", b"mk5=Stimulus"), (b"\r\nMk5=", b"\r\n\r\nJunk\r\nMk5=")]
)
def test_marker_lines_that_are_no_markers_are_named(tmp_path: Path, before: bytes, after: bytes):
    assert "events_damaged" in codes(damaged(tmp_path, "brainvision", before, after, part="a.vmrk"))


def test_an_eeglab_set_whose_rate_and_length_disagree_is_named(tmp_path: Path):
    path = damaged(tmp_path, "eeglab", struct.pack("<d", SFREQ), struct.pack("<d", 500.0))
    assert codes(path) == ["rate_differs"]


def test_a_short_fdt_is_refused_with_the_seconds_that_are_lost(tmp_path: Path):
    form = FORMATS["eeglab"]
    parts = form.build()
    write_parts(tmp_path, parts, "a.fdt", parts["a.fdt"].content[: 4 * 8 * (N_TIMES - SFREQ)])
    with pytest.raises(ReadError, match="lost_s=1"):
        open_signal(tmp_path / form.opened)


def test_a_fif_of_half_its_rate_contradicts_its_filter(tmp_path: Path):
    with pytest.raises(ReadError, match="impossible at 125 Hz"):
        open_signal(damaged(tmp_path, "fif", struct.pack(">f", SFREQ), struct.pack(">f", SFREQ / 2)))


def test_an_xdf_that_was_cut_says_so(tmp_path: Path):
    parts = FORMATS["xdf"].build()
    write_parts(tmp_path, parts, "a.xdf", parts["a.xdf"].content[:40_000])
    file = open_signal(tmp_path / "a.xdf")
    assert "truncated" in [issue.code for issue in file.issues]
    assert file.n_times < N_TIMES


def test_an_xdf_whose_header_and_time_stamps_disagree_is_named(tmp_path: Path):
    path = damaged(tmp_path, "xdf", b"<nominal_srate>250<", b"<nominal_srate>500<")
    assert "rate_differs" in codes(path)


def test_a_csv_that_lost_lines_says_how_much(tmp_path: Path):
    parts = FORMATS["csv"].build()
    lines = parts["a.csv"].content.splitlines(keepends=True)
    write_parts(tmp_path, parts, "a.csv", b"".join(lines[: -2 * SFREQ]))
    assert [issue.message.partition(":")[0] for issue in open_signal(tmp_path / "a.csv").issues] == ["truncated, lost_s=2"]


def test_an_npy_of_another_shape_is_refused(tmp_path: Path):
    with pytest.raises(ReadError, match="take"):
        open_signal(damaged(tmp_path, "npy", b"(8, 1500)", b"(8, 1000)"))


def test_flac_samples_are_held_against_their_checksum(tmp_path: Path):
    content = bytearray(FORMATS["flac"].build()["a.flac"].content)
    content[30] ^= 1
    (tmp_path / "a.flac").write_bytes(bytes(content))
    with pytest.raises(ReadError, match="checksum"):
        read_audio(tmp_path / "a.flac")


_CAP = ["Fp1", "Fp2", "F3", "F4", "C3", "C4", "Fz", "Cz", "Pz", "O1", "O2"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, ""),
        ({"C3": "C5"}, "channel_alone"),
        ({"C3": "Q3"}, "channel_unknown"),
        ({"Cz": "cz"}, "label_letters"),
        ({"Fp2": "FP2"}, "label_letters"),
        ({"O1": "O1       O"}, "label_characters"),
    ],
)
def test_names_that_do_not_fit_a_cap_are_named(change: dict[str, str], code: str):
    names = [change.get(name, name) for name in _CAP]
    found = [item["code"] for item in name_notes(names, ["eeg"] * len(names), ())]
    assert code in found if code else not found


@pytest.mark.parametrize(
    "names",
    [["FP1", "FP2", "Fz", "Cz", "Pz", "O1", "O2"], ["A1", "C3", "C4", "O1", "O2", "Cz"], ["C3", "Cz"], ["A1", "A2", "B7", "B8"]],
)
def test_usual_ways_to_write_names_are_no_issue(names: list[str]):
    assert name_notes(names, ["eeg"] * len(names), ()) == []


def test_a_piece_of_a_matlab_array_that_is_not_found_is_no_zeros(tmp_path: Path):
    from mindleaf.reading.hdf5 import read_array
    from mindleaf.reading.matfile import read_mat

    form = FORMATS["mat_73"]
    parts = form.build()
    _, which, content, _ = mutate("mat_73", 4657, parts)  # one bit of the index by which pieces are found
    write_parts(tmp_path, parts, which, content)
    with h5py.File(tmp_path / "a.mat") as file:
        assert not file["eeg"][225:].any()  # what HDF5 says of it
    with pytest.raises(ReadError, match="cannot be found"):
        read_mat(tmp_path / "a.mat", ("eeg",))
    with pytest.raises(ReadError, match="cannot be found"):
        read_array(tmp_path / "a.mat", "eeg", start=2, stop=6)
    write_parts(tmp_path, parts)
    assert read_array(tmp_path / "a.mat", "eeg", start=2, stop=6).shape == (300, 4)


@pytest.mark.parametrize(
    ("name", "number", "code"),
    [
        ("fif", 3619, "scale_differs"),  # one bit of a channel's range: its values change in the seventh digit
        ("xdf", 2313, "streams_left_out"),  # the type of the markers became another word
        ("egi_mff", 4159, "channel_unknown"),  # VREF became VBEF
        ("egi_mff", 4801, "channel_unknown"),  # VREF became VREN
    ],
)
def test_damage_that_five_thousand_mutations_found_is_named(tmp_path: Path, name: str, number: int, code: str):
    form = FORMATS[name]
    parts = form.build()
    _, which, content, _ = mutate(name, number, parts)
    write_parts(tmp_path, parts, which, content)
    assert code in codes(tmp_path / form.opened)

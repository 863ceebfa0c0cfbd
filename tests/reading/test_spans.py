"""A span of a long file takes memory and time for the span, not for the file."""

from __future__ import annotations

from pathlib import Path

import mne
import numpy as np
import pybv
import pytest
import scipy.io
from edfio import Bdf, BdfSignal, Edf, EdfAnnotation, EdfSignal

from mindleaf.reading import edf_values, formats
from mindleaf.reading.child import guarded
from mindleaf.reading.presence import bytes_of
from mindleaf.reading.signals import SUFFIXES, open_signal
from mindleaf.reading.verified import FORMATS

from .egi_writers import write_mff, write_simple_binary
from .neuroscan_writers import write_cnt, write_curry

RATE, N, TIMES = 500, 16, 320_000
NAMES = ("Fp1", "Fp2", "F3", "F4", "C3", "C4", "P3", "P4", "O1", "O2", "F7", "F8", "T7", "T8", "P7", "P8")
SPAN = (200_000, 205_000)
#: Room for a span of 0.3 MB, its float64 copies and what a reader needs besides; a fifth of the smallest file or less.
ROOM_BYTES = 4 << 20


def _edf(path: Path, values: np.ndarray) -> None:
    signal, whole = (BdfSignal, Bdf) if path.suffix == ".bdf" else (EdfSignal, Edf)
    signals = [
        signal(row.astype(float), RATE, label=name, physical_dimension="uV", physical_range=(-400, 400))
        for row, name in zip(values, NAMES, strict=True)
    ]
    whole(signals, annotations=[EdfAnnotation(1.0, None, "T1")], data_record_duration=1).write(path)


def _brainvision(path: Path, values: np.ndarray) -> None:
    pybv.write_brainvision(data=values * 1e-6, sfreq=RATE, ch_names=NAMES, fname_base=path.stem, folder_out=str(path.parent))


def _fif(path: Path, values: np.ndarray) -> None:
    mne.io.RawArray(values * 1e-6, mne.create_info(list(NAMES), RATE, "eeg"), verbose="ERROR").save(path, verbose="ERROR")


def _eeglab(path: Path, values: np.ndarray) -> None:
    np.ascontiguousarray(values.T, "<f4").tofile(path.with_suffix(".fdt"))
    empty = np.array([])
    labels = np.array([(name,) for name in NAMES], dtype=[("labels", object)])
    facts = {"nbchan": N, "trials": 1, "pnts": TIMES, "srate": float(RATE), "xmin": 0.0, "data": path.with_suffix(".fdt").name}
    more = {"chanlocs": labels, "chaninfo": {"plotrad": 0.5}, "event": empty, "epoch": empty, "setname": "a", "ref": "common"}
    scipy.io.savemat(path, {"EEG": facts | more | {"icawinv": empty, "icasphere": empty, "icaweights": empty}})


WRITERS = {
    "a.edf": _edf,
    "a.bdf": _edf,
    "a.vhdr": _brainvision,
    "a_raw.fif": _fif,
    "a.set": _eeglab,
    "a.cnt": lambda path, values: write_cnt(path, values, NAMES),
    "a.cdt": lambda path, values: write_curry(path, values, NAMES),
    "a.raw": lambda path, values: write_simple_binary(path, values),
    "a.mff": lambda path, values: write_mff(path, values, epochs=((0, TIMES),), block=5000),
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_span_takes_the_memory_of_a_span(tmp_path: Path, name: str):
    values = (20 * np.random.default_rng(0).standard_normal((N, TIMES))).astype(np.float32)
    WRITERS[name](tmp_path / name, values)
    assert bytes_of(tmp_path / name) > 2 * ROOM_BYTES
    span = guarded(formats.read_values, tmp_path / name, None, None, None, *SPAN, memory_bytes=ROOM_BYTES)
    assert np.allclose(span, values[:, slice(*SPAN)], atol=0.02)


@pytest.mark.parametrize("suffix", [".edf", ".bdf"])
def test_spans_are_what_the_whole_look_gives(tmp_path: Path, suffix: str):
    path = tmp_path / f"a{suffix}"
    values = (20 * np.random.default_rng(0).standard_normal((N, 10 * RATE))).astype(np.float32)
    _edf(path, values)
    spans, whole = edf_values.open_spans(path, None), formats._open(path, None, None)
    assert spans is not None
    assert (spans.names, spans.n_times, spans.sfreq) == (whole.names, whole.n_times, whole.sfreq)
    for start, stop in ((0, 10 * RATE), (1, 2), (499, 1501), (4999, 5000)):
        assert np.allclose(spans.read(start, stop), whole.read(start, stop), rtol=1e-9, atol=1e-9)
    assert np.array_equal(open_signal(path).load(499, 1501), open_signal(path).load()[:, 499:1501])


@pytest.mark.parametrize("slow", [1, 50, 80])
def test_slow_channels_are_the_same_in_a_span_and_in_the_whole(tmp_path: Path, slow: int):
    def wave(rate: int) -> np.ndarray:
        return 30 + 50 * np.sin(2 * np.pi * 0.05 * np.arange(60 * rate) / rate)

    signals = [
        EdfSignal(wave(rate), rate, label=name, physical_dimension="uV", physical_range=(-100, 100))
        for name, rate in (("Fp1", 200), ("Resp", slow))
    ]
    Edf(signals, data_record_duration=1).write(tmp_path / "a.edf")
    file = open_signal(tmp_path / "a.edf")
    whole = file.load()
    assert np.abs(whole[1] - whole[0])[2000:-2000].max() < 0.3
    for start, stop in ((0, 12_000), (300, 900), (3333, 3334), (11_000, 12_000)):
        assert np.allclose(file.load(start, stop), whole[:, start:stop], rtol=0, atol=1e-4)


def test_loading_later_makes_no_pass_through_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    values = (20 * np.random.default_rng(0).standard_normal((N, 20 * RATE))).astype(np.float32)
    _edf(tmp_path / "a.edf", values)
    asked: list[tuple[int, int]] = []
    stored = edf_values._stored

    def spy(header, row: int, first: int, last: int) -> np.ndarray:
        asked.append((first, last))
        return stored(header, row, first, last)

    monkeypatch.setattr(edf_values, "_stored", spy)
    monkeypatch.setattr(mne.io, "read_raw_edf", None)
    for start in range(0, 20 * RATE, 5 * RATE):
        formats.read_values(str(tmp_path / "a.edf"), None, None, None, start, start + 5 * RATE)
    assert sorted(set(asked)) == [(0, 5), (5, 10), (10, 15), (15, 20)]


def test_every_format_that_is_read_says_whether_it_met_a_real_file():
    tables = {".csv", ".tsv", ".npy", ".npz"}
    assert set(SUFFIXES) - tables <= set(FORMATS)
    assert {suffix for suffix, found in FORMATS.items() if not found.verified} >= {
        ".cnt",
        ".cdt",
        ".dat",
        ".mff",
        ".raw",
        ".flac",
    }

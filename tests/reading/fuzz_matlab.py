"""Undamaged MATLAB files and EEGLAB sets for the fuzzing."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import h5py
import numpy as np
import scipy.io

from .fuzz_files import EVENTS, N_TIMES, NAMES, SFREQ, eeg, owners
from .fuzz_mutations import Part


def positions() -> dict[str, np.ndarray]:
    """Standard places of the electrodes, metres, head coordinates."""
    import mne

    info = mne.create_info(list(NAMES), SFREQ, "eeg", verbose="ERROR")
    info.set_montage("standard_1005", verbose="ERROR")
    return {channel["ch_name"]: channel["loc"][:3] for channel in info["chs"]}


def _eeglab(data: object, n_events: int = len(EVENTS)) -> dict:
    """The fields of an EEGLAB set that readers look at, and some that they do not."""
    places = positions()
    chanlocs = []
    for name in NAMES:
        x, y, z = 1000.0 * places[name]  # EEGLAB's x points to the nose, y to the left ear
        chanlocs.append(
            {"labels": name, "type": "EEG", "theta": float(np.degrees(np.arctan2(x, y))),
             "radius": float(0.5 - np.arctan2(z, np.hypot(x, y)) / np.pi), "X": float(y), "Y": float(-x), "Z": float(z)}
        )  # fmt: skip
    events = [
        {"type": f"T{code}", "latency": float(sample + 1), "duration": 0.0, "urevent": float(number)}
        for number, (sample, code) in enumerate(EVENTS[:n_events], 1)
    ]
    urevents = [{name: event[name] for name in ("type", "latency")} for event in events]
    return {
        "setname": "a", "filename": "a.set", "filepath": "", "nbchan": float(len(NAMES)), "trials": 1.0, "pnts": float(N_TIMES),
        "srate": float(SFREQ), "xmin": 0.0, "xmax": (N_TIMES - 1) / SFREQ, "times": np.zeros((0, 0)), "data": data,
        "icawinv": np.zeros((0, 0)), "icasphere": np.zeros((0, 0)), "icaweights": np.zeros((0, 0)), "chanlocs": chanlocs,
        "chaninfo": {"nosedir": "+X"}, "ref": "common", "event": events, "urevent": urevents, "history": "", "datfile": "a.fdt",
        "saved": "yes",
    }  # fmt: skip


def _struct_array(items: list[dict]) -> np.ndarray:
    array = np.empty((1, len(items)), dtype=[(name, object) for name in items[0]])
    for number, item in enumerate(items):
        for name, value in item.items():
            array[name][0, number] = value
    return array


def eeglab() -> dict[str, Part]:
    """A .set of MATLAB version 5, not compressed, as EEGLAB saves by default, with its .fdt."""
    fields = _eeglab("a.fdt")
    for name in ("chanlocs", "event", "urevent"):
        fields[name] = _struct_array(fields[name])
    stream = io.BytesIO()
    scipy.io.savemat(stream, {"EEG": fields}, do_compression=False)
    times, rows = np.meshgrid(np.arange(N_TIMES), np.arange(len(NAMES)), indexing="ij")
    return {
        "a.set": Part(stream.getvalue()),
        "a.fdt": Part(np.ascontiguousarray(eeg().T, "<f4").tobytes(), owners(rows, times, 4)),
    }


class _Hdf5:
    """Writes variables into an HDF5 file the way MATLAB does in version 7.3."""

    def __init__(self, file: h5py.File) -> None:
        self.file, self.count = file, 0

    def put(self, place: str, value: object) -> h5py.Dataset | h5py.Group:
        if isinstance(value, dict):
            group = self.file.create_group(place)
            for name, item in value.items():
                self.put(f"{place}/{name}", item)
            return self._class(group, "struct", list(value))
        if isinstance(value, list):  # an array of structs: for each field a table of references
            group = self.file.create_group(place)
            for name in value[0]:
                references = [[self._referred(item[name])] for item in value]
                self.file.create_dataset(f"{place}/{name}", data=np.array(references, h5py.ref_dtype), dtype=h5py.ref_dtype)
            return self._class(group, "struct", list(value[0]))
        if isinstance(value, str):
            codes = np.array([[ord(letter)] for letter in value], np.uint16)
            node = self._array(place, codes if value else np.zeros(2, np.uint64), not value)
            node.attrs["MATLAB_int_decode"] = np.int32(2)
            return self._class(node, "char")
        array = np.atleast_2d(np.asarray(value, np.float64 if not isinstance(value, np.ndarray) else None))
        node = self._array(place, array.T if array.size else np.zeros(2, np.uint64), not array.size)
        return self._class(node, {"f4": "single", "f8": "double"}.get(array.dtype.str[1:], str(array.dtype)))

    def _array(self, place: str, values: np.ndarray, empty: bool) -> h5py.Dataset:
        if values.size > 1000:
            rows = min(len(values), max(1, len(values) // 4))
            return self.file.create_dataset(
                place, data=values, chunks=(rows, *values.shape[1:]), compression="gzip", compression_opts=3
            )
        node = self.file.create_dataset(place, data=values)
        if empty:
            node.attrs["MATLAB_empty"] = np.uint8(1)
        return node

    def _referred(self, value: object) -> h5py.Reference:
        self.count += 1
        return self.put(f"#refs#/r{self.count}", value).ref

    def _class(self, node, name: str, fields: list[str] | None = None):
        node.attrs["MATLAB_class"] = np.bytes_(name)
        if fields:
            letters = np.empty(len(fields), object)
            letters[:] = [np.array([letter.encode() for letter in field], "S1") for field in fields]
            node.attrs.create("MATLAB_fields", letters, dtype=h5py.vlen_dtype(np.dtype("S1")))
        return node


def _matlab_73(variables: dict[str, object]) -> tuple[bytes, dict[str, tuple[int, int]]]:
    """The file's bytes, and first byte and width of the numbers that stand in it uncompressed."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.mat"
        with h5py.File(path, "w", userblock_size=512) as file:
            writer = _Hdf5(file)
            for name, value in variables.items():
                writer.put(name, value)
        content = bytearray(path.read_bytes())
        content[:128] = (
            b"MATLAB 7.3 MAT-file, Platform: GLNXA64, Created on: Wed Jan  1 10:00:00 2020 HDF5 schema 1.00 .".ljust(124)
            + b"\0\2IM"
        )
        plain = {}
        with h5py.File(path) as file:
            file.visititems(
                lambda name, node: (
                    plain.__setitem__(name, (node.id.get_offset(), node.size * node.dtype.itemsize))
                    if isinstance(node, h5py.Dataset) and node.dtype.kind in "fu" and not node.chunks and node.id.get_offset()
                    else None
                )
            )
    return bytes(content), plain


def eeglab_73() -> dict[str, Part]:
    """A .set of MATLAB version 7.3 that holds its samples."""
    fields = _eeglab(eeg().astype(np.float32), n_events=5)
    for channel in fields["chanlocs"]:  # each field of each channel is a dataset of its own, and takes its time
        del channel["theta"], channel["radius"]
    content, _ = _matlab_73({"EEG": fields})
    return {"a.set": Part(content)}


def _variables() -> dict[str, object]:
    """A matrix, a number and a struct with text, as many data sets store a trial."""
    return {"eeg": eeg()[:, :300], "fs": np.array([[float(SFREQ)]]), "seg": {"label": "left", "onset": np.array([[0.5]])}}


def mat_5() -> dict[str, Part]:
    """A .mat file as MATLAB saves by default (version 7): version 5, each variable compressed."""
    stream = io.BytesIO()
    scipy.io.savemat(stream, _variables(), do_compression=True)
    return {"a.mat": Part(stream.getvalue())}


def mat_73() -> dict[str, Part]:
    """A .mat file of version 7.3; its lone numbers stand in it uncompressed and are payload."""
    content, plain = _matlab_73(_variables())
    samples = np.full(len(content), -1, np.int32)
    # ``flattened`` puts the numbers and characters in a row: eeg, fs, seg.label, seg.onset.
    flat = 8 * 300
    for name, count in (("fs", 1), ("seg/label", 4), ("seg/onset", 1)):
        start, size = plain[name]
        samples[start : start + size] = np.repeat(np.arange(flat, flat + count), size // count)
        flat += count
    return {"a.mat": Part(content, samples)}

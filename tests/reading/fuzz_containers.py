"""Undamaged FIF, EEGLAB, XDF, MATLAB, table and sound files for the fuzzing, and the table of all formats."""

from __future__ import annotations

import io
import json
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
import scipy.io
import soundfile

from . import fuzz_files as signals
from . import fuzz_makers as makers
from .fuzz_files import EVENTS, N_TIMES, NAMES, SFREQ, eeg, owners
from .fuzz_mutations import Part


def positions() -> dict[str, np.ndarray]:
    """Standard places of the electrodes, metres, head coordinates."""
    import mne

    info = mne.create_info(list(NAMES), SFREQ, "eeg", verbose="ERROR")
    info.set_montage("standard_1005", verbose="ERROR")
    return {channel["ch_name"]: channel["loc"][:3] for channel in info["chs"]}


def fif() -> dict[str, Part]:
    """FIF as MNE-Python saves it: float32, electrode positions, annotations."""
    import mne

    info = mne.create_info(list(NAMES), SFREQ, "eeg", verbose="ERROR")
    info.set_montage("standard_1005", verbose="ERROR")
    raw = mne.io.RawArray(eeg() * 1e-6, info, verbose="ERROR")
    raw.set_meas_date(1_577_872_800)
    marks = [[sample / SFREQ for sample, _ in EVENTS], [0.0] * len(EVENTS), [f"T{code}" for _, code in EVENTS]]
    raw.set_annotations(mne.Annotations(*marks, orig_time=raw.info["meas_date"]))
    with tempfile.TemporaryDirectory() as folder:
        raw.save(Path(folder) / "a_raw.fif", verbose="ERROR")
        content = (Path(folder) / "a_raw.fif").read_bytes()
    samples, events, place, time, in_marks = np.full(len(content), -1), np.full(len(content), -1), 0, 0, False
    while place < len(content):
        kind, _, size, following = struct.unpack_from(">4i", content, place)
        start = place + 16
        if kind in (104, 105):  # the begin and the end of a block; 3810 holds the annotations
            in_marks = kind == 104 and struct.unpack_from(">i", content, start)[0] == 3810
        if kind == 300:
            times, rows = np.meshgrid(np.arange(time, time + size // 4 // len(NAMES)), np.arange(len(NAMES)), indexing="ij")
            samples[start : start + size] = owners(rows, times, 4)
            time += len(times)
        if in_marks and kind in (3568, 3569):
            events[start : start + size] = np.repeat(np.arange(len(EVENTS)), size // len(EVENTS))
        if in_marks and kind == 206:
            text, at = content[start : start + size].split(b":"), start
            for number, word in enumerate(text):
                events[at : at + len(word)] = number
                at += len(word) + 1
        if following < 0:
            break
        place = start + size if following == 0 else following
    assert time == N_TIMES
    assert len(np.unique(events)) == len(EVENTS) + 1
    return {"a_raw.fif": Part(content, samples.astype(np.int32), events.astype(np.int32))}


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
    return {"a.set": Part(stream.getvalue()), "a.fdt": Part(np.ascontiguousarray(eeg().T, "<f4").tobytes(), owners(rows, times, 4))}


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
            return self.file.create_dataset(place, data=values, chunks=(rows, *values.shape[1:]), compression="gzip", compression_opts=3)
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
        content[:128] = b"MATLAB 7.3 MAT-file, Platform: GLNXA64, Created on: Wed Jan  1 10:00:00 2020 HDF5 schema 1.00 .".ljust(124) + b"\0\2IM"
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
    content, _ = _matlab_73({"EEG": _eeglab(eeg().astype(np.float32), n_events=5)})
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


def xdf() -> dict[str, Part]:
    """A recording of an EEG stream and a marker stream with clock offsets and footers, as LabRecorder writes it."""
    labels = "".join(f"<channel><label>{name}</label><unit>microvolts</unit><type>EEG</type></channel>" for name in NAMES)
    content, samples, events = bytearray(b"XDF:"), [np.full(4, -1)], [np.full(4, -1)]

    def chunk(tag: int, body: bytes, sample_owner: np.ndarray | None = None, event_owner: np.ndarray | None = None) -> None:
        nonlocal content
        head = bytes([4]) + struct.pack("<IH", len(body) + 2, tag)
        content += head + body
        for owner, given in ((samples, sample_owner), (events, event_owner)):
            owner += [np.full(len(head), -1), np.full(len(body), -1) if given is None else given]

    def header(stream: int, name: str, kind: str, n: int, rate: float, form: str, channels: str) -> None:
        text = f"<name>{name}</name><type>{kind}</type><channel_count>{n}</channel_count><nominal_srate>{rate:g}</nominal_srate>"
        text += f"<channel_format>{form}</channel_format><created_at>100.0</created_at><desc><channels>{channels}</channels></desc>"
        chunk(2, struct.pack("<I", stream) + f'<?xml version="1.0"?><info>{text}</info>'.encode())

    def footer(stream: int, first: float, last: float, count: int) -> None:
        offsets = "".join(f"<offset><time>{100 + second!r}</time><value>-1e-06</value></offset>" for second in (0.5, 5.5))
        text = f"<first_timestamp>{first!r}</first_timestamp><last_timestamp>{last!r}</last_timestamp><sample_count>{count}</sample_count>"
        chunk(6, struct.pack("<I", stream) + f'<?xml version="1.0"?><info>{text}<clock_offsets>{offsets}</clock_offsets></info>'.encode())

    chunk(1, b'<?xml version="1.0"?><info><version>1.0</version></info>')
    header(1, "amp", "EEG", len(NAMES), SFREQ, "float32", labels)
    header(2, "marks", "Markers", 1, 0, "string", "")
    values, per_chunk, start = eeg().T.astype("<f4"), 50, 100.0
    for first in range(0, N_TIMES, per_chunk):
        if first in (100, 1350):
            for stream in (1, 2):
                chunk(4, struct.pack("<Idd", stream, 100.5 if first == 100 else 105.5, -1e-6))
            chunk(5, bytes.fromhex("43a546dccbf5410fb30ed5467383cbe4"))
        body, owner = struct.pack("<IBI", 1, 4, per_chunk), [np.full(9, -1)]
        for time in range(first, first + per_chunk):
            body += b"\x08" + struct.pack("<d", start + time / SFREQ) + values[time].tobytes()
            owner += [np.full(9, -1), owners(np.arange(len(NAMES)), np.full(len(NAMES), time), 4)]
        chunk(3, body, np.concatenate(owner))
        for number, (sample, code) in enumerate(EVENTS):
            if first <= sample < first + per_chunk:
                text = f"T{code}".encode()
                entry = struct.pack("<d", start + sample / SFREQ) + bytes([1, len(text)]) + text
                own = np.concatenate([np.full(8, number), np.full(2, -1), np.full(len(text), number)])
                chunk(3, struct.pack("<IBBB", 2, 1, 1, 8) + entry, None, np.concatenate([np.full(7, -1), own]))
    footer(1, start, start + (N_TIMES - 1) / SFREQ, N_TIMES)
    footer(2, start + EVENTS[0][0] / SFREQ, start + EVENTS[-1][0] / SFREQ, len(EVENTS))
    return {"a.xdf": Part(bytes(content), np.concatenate(samples).astype(np.int32), np.concatenate(events).astype(np.int32))}


def _sidecar(**more: object) -> Part:
    return Part(json.dumps({"sfreq": SFREQ, "unit": "uV", "n_times": N_TIMES, "duration_s": N_TIMES / SFREQ, **more}).encode())


def csv() -> dict[str, Part]:
    """A column of times, one per channel, and a JSON file with rate and length."""
    content, owner = bytearray(("time," + ",".join(NAMES) + "\n").encode()), []
    owner.append(np.full(len(content), -1))
    values = eeg()
    for time in range(N_TIMES):
        stamp = f"{time / SFREQ:.3f}".encode()
        content += stamp
        owner.append(np.full(len(stamp), -1))
        for row in range(len(NAMES)):
            text = f"{values[row, time]:.3f}".encode()
            content += b"," + text
            owner += [np.full(1, -1), np.full(len(text), row * N_TIMES + time)]
        content += b"\n"
        owner.append(np.full(1, -1))
    return {"a.csv": Part(bytes(content), np.concatenate(owner).astype(np.int32)), "a.json": _sidecar()}


def npy() -> dict[str, Part]:
    """An array and its JSON file."""
    stream = io.BytesIO()
    np.save(stream, eeg())
    content = stream.getvalue()
    rows, times = np.meshgrid(np.arange(len(NAMES)), np.arange(N_TIMES), indexing="ij")
    own = owners(rows, times, 8)
    return {"a.npy": Part(content, np.concatenate([np.full(len(content) - len(own), -1, np.int32), own])), "a.json": _sidecar(channel_names=NAMES)}


def npz() -> dict[str, Part]:
    """Array, names and rate in one file; zip holds a checksum of each."""
    stream = io.BytesIO()
    np.savez(stream, signal=eeg(), sfreq=float(SFREQ), channel_names=np.array(NAMES))
    return {"a.npz": Part(stream.getvalue())}


def wav() -> dict[str, Part]:
    """Two channels of 16 bits; the mean of both is what is read."""
    content = _sound("WAV")
    start = content.index(b"data") + 8
    owner = np.full(len(content), -1, np.int32)
    owner[start:] = np.repeat(np.arange(4000), 4)
    return {"a.wav": Part(content, owner)}


def flac() -> dict[str, Part]:
    """Two channels of 16 bits."""
    return {"a.flac": Part(_sound("FLAC"))}


def _sound(form: str) -> bytes:
    stream = io.BytesIO()
    values = 0.2 * np.random.default_rng(3).standard_normal((4000, 2)).clip(-3, 3)
    soundfile.write(stream, values, 16_000, format=form, subtype="PCM_16")
    return stream.getvalue()


class FuzzedFormat(NamedTuple):
    """``build`` gives the parts; ``opened`` names the one to open; ``reader`` is a key of ``fuzz_batch.READERS``.

    ``events_counted``: whether the format stores how many events there are.
    """

    build: Callable[[], dict[str, Part]]
    opened: str
    reader: str = "signal"
    events_counted: bool = True


#: Every format that is fuzzed. Add a line here for a new one.
FORMATS: dict[str, FuzzedFormat] = {
    "edf": FuzzedFormat(signals.edf, "a.edf", events_counted=False),
    "bdf": FuzzedFormat(signals.bdf, "a.bdf"),
    "gdf": FuzzedFormat(signals.gdf, "a.gdf"),
    "gdf_1": FuzzedFormat(signals.gdf1, "a.gdf"),
    "brainvision": FuzzedFormat(signals.brainvision, "a.vhdr", events_counted=False),
    "eeglab": FuzzedFormat(eeglab, "a.set"),
    "eeglab_73": FuzzedFormat(eeglab_73, "a.set"),
    "fif": FuzzedFormat(fif, "a_raw.fif"),
    "xdf": FuzzedFormat(xdf, "a.xdf"),
    "mat_5": FuzzedFormat(mat_5, "a.mat", "matlab"),
    "mat_73": FuzzedFormat(mat_73, "a.mat", "matlab"),
    "csv": FuzzedFormat(csv, "a.csv"),
    "npy": FuzzedFormat(npy, "a.npy"),
    "npz": FuzzedFormat(npz, "a.npz"),
    "cnt": FuzzedFormat(makers.cnt, "a.cnt"),
    "curry": FuzzedFormat(makers.curry, "a.cdt"),
    "egi": FuzzedFormat(makers.egi, "a.raw"),
    "egi_mff": FuzzedFormat(makers.egi_mff, "a.mff", events_counted=False),
    "wav": FuzzedFormat(wav, "a.wav", "sound"),
    "flac": FuzzedFormat(flac, "a.flac", "sound"),
}

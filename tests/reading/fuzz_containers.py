"""Undamaged FIF, XDF, table and sound files for the fuzzing."""

from __future__ import annotations

import io
import json
import struct
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from .fuzz_files import EVENTS, N_TIMES, NAMES, SFREQ, eeg, owners
from .fuzz_mutations import Part


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
        text += (
            f"<channel_format>{form}</channel_format><created_at>100.0</created_at><desc><channels>{channels}</channels></desc>"
        )
        chunk(2, struct.pack("<I", stream) + f'<?xml version="1.0"?><info>{text}</info>'.encode())

    def footer(stream: int, first: float, last: float, count: int) -> None:
        offsets = "".join(f"<offset><time>{100 + second!r}</time><value>-1e-06</value></offset>" for second in (0.5, 5.5))
        text = f"<first_timestamp>{first!r}</first_timestamp><last_timestamp>{last!r}</last_timestamp><sample_count>{count}</sample_count>"
        chunk(
            6,
            struct.pack("<I", stream)
            + f'<?xml version="1.0"?><info>{text}<clock_offsets>{offsets}</clock_offsets></info>'.encode(),
        )

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
    return {
        "a.npy": Part(content, np.concatenate([np.full(len(content) - len(own), -1, np.int32), own])),
        "a.json": _sidecar(channel_names=NAMES),
    }


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

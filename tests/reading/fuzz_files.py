"""Undamaged files for the fuzzing, written byte by byte so that the place of every sample, event and trigger is known.

Each function returns the parts of one recording: file name -> content and payload (see fuzz_mutations). The first suffix in
``FORMATS`` names the part that is opened. A new format adds a function and a line there.
"""

from __future__ import annotations

import struct

import numpy as np

from .fuzz_mutations import Part

NAMES = ("Fp1", "Fp2", "C3", "Cz", "C4", "Pz", "O1", "O2")
SFREQ = 250
SECONDS = 6
N_TIMES = SFREQ * SECONDS
#: (first sample, code) of the events in every format that has events.
EVENTS = (
    (40, 1),
    (130, 2),
    (260, 1),
    (377, 2),
    (510, 1),
    (644, 3),
    (790, 1),
    (930, 2),
    (1055, 1),
    (1190, 2),
    (1322, 3),
    (1444, 1),
)


def eeg(seed: int = 0) -> np.ndarray:
    """Noise of 20 microvolts, (channel, time)."""
    return 20.0 * np.random.default_rng(seed).standard_normal((len(NAMES), N_TIMES))


def owners(rows: np.ndarray, times: np.ndarray, width: int) -> np.ndarray:
    """Flat sample number of every byte for samples at (row, time) of ``width`` bytes each, in the order given."""
    return np.repeat((np.asarray(rows) * N_TIMES + np.asarray(times)).ravel(), width).astype(np.int32)


def _padded(texts, width: int) -> bytes:
    return b"".join(str(text).encode("latin-1").ljust(width)[:width] for text in texts)


def edf() -> dict[str, Part]:
    """EDF+ with a time stamp in every record and events as annotations."""
    n, annotation_bytes = len(NAMES) + 1, 120
    samples = [SFREQ] * len(NAMES) + [annotation_bytes // 2]
    labels = [f"EEG {name}" for name in NAMES] + ["EDF Annotations"]
    head = _padded(["0"], 8) + _padded(["X X X X"], 80) + _padded(["Startdate 01-JAN-2020 X X X"], 80)
    head += (
        _padded(["01.01.20", "10.00.00"], 8)
        + _padded([256 * (n + 1)], 8)
        + _padded(["EDF+C"], 44)
        + _padded([SECONDS, 1], 8)
        + _padded([n], 4)
    )
    head += _padded(labels, 16) + _padded(["AgAgCl"] * (n - 1) + [""], 80) + _padded(["uV"] * (n - 1) + [""], 8)
    head += (
        _padded([-400] * (n - 1) + [-1], 8)
        + _padded([400] * (n - 1) + [1], 8)
        + _padded([-32768] * n, 8)
        + _padded([32767] * n, 8)
    )
    head += _padded(["HP:0.1Hz LP:100Hz"] * (n - 1) + [""], 80) + _padded(samples, 8) + _padded([""] * n, 32)
    digital = np.round((eeg() + 400) / 800 * 65535 - 32768).astype("<i2")
    return {"a.edf": _records(head, digital, 2, annotation_bytes)}


def _records(head: bytes, digital: np.ndarray, width: int, annotation_bytes: int) -> Part:
    content, samples, events = bytearray(head), [np.full(len(head), -1)], [np.full(len(head), -1)]
    for record in range(SECONDS):
        span = slice(record * SFREQ, (record + 1) * SFREQ)
        times = np.arange(N_TIMES)[span]
        content += digital[:, span].tobytes()
        rows, columns = np.meshgrid(np.arange(len(NAMES)), times, indexing="ij")
        samples.append(owners(rows, columns, width))
        events.append(np.full(len(samples[-1]), -1))
        texts = [f"+{record}\x14\x14\0".encode()]
        places = [np.full(len(texts[0]), -1)]
        for number, (sample, code) in enumerate(EVENTS):
            if sample // SFREQ == record:
                texts.append(f"+{sample / SFREQ}\x14T{code}\x14\0".encode())
                places.append(np.full(len(texts[-1]), number))
        text, place = b"".join(texts), np.concatenate(places)
        content += text.ljust(annotation_bytes, b"\0")
        samples.append(np.full(annotation_bytes, -1))
        events.append(np.concatenate([place, np.full(annotation_bytes - len(text), -1)]))
    return Part(bytes(content), np.concatenate(samples).astype(np.int32), np.concatenate(events).astype(np.int32))


def bdf() -> dict[str, Part]:
    """BDF as BioSemi's recorder writes it: 24 bits, records of one second, a Status channel with trigger codes."""
    n = len(NAMES) + 1
    head = b"\xffBIOSEMI" + _padded(["", ""], 80) + _padded(["01.01.20", "10.00.00"], 8) + _padded([256 * (n + 1)], 8)
    head += _padded(["24BIT"], 44) + _padded([SECONDS, 1], 8) + _padded([n], 4) + _padded([*NAMES, "Status"], 16)
    head += _padded(["Active Electrode"] * (n - 1) + ["Triggers and Status"], 80) + _padded(["uV"] * (n - 1) + ["Boolean"], 8)
    head += _padded([-262144] * (n - 1) + [-8388608], 8) + _padded([262143] * (n - 1) + [8388607], 8)
    head += _padded([-8388608] * n, 8) + _padded([8388607] * n, 8)
    head += (
        _padded(["HP: DC; LP: 52 Hz"] * (n - 1) + ["No filtering"], 80) + _padded([SFREQ] * n, 8) + _padded(["Reserved"] * n, 32)
    )
    status = np.full(N_TIMES, 1 << 20)
    for sample, code in EVENTS:
        status[sample : sample + 5] |= code
    digital = np.vstack([np.round(eeg() * 32).astype("<i4"), status.astype("<i4")])
    content, samples, triggers = bytearray(head), [np.full(len(head), -1)], [np.full(len(head), -1)]
    for record in range(SECONDS):
        span = slice(record * SFREQ, (record + 1) * SFREQ)
        content += np.ascontiguousarray(digital[:, span]).view(np.uint8).reshape(n, SFREQ, 4)[:, :, :3].tobytes()
        rows, columns = np.meshgrid(np.arange(n), np.arange(N_TIMES)[span], indexing="ij")
        own = owners(rows, columns, 3)
        samples.append(np.where(own < len(NAMES) * N_TIMES, own, -1))
        triggers.append(np.where(own >= len(NAMES) * N_TIMES, own % N_TIMES, -1))
    return {
        "a.bdf": Part(
            bytes(content), np.concatenate(samples).astype(np.int32), triggers=np.concatenate(triggers).astype(np.int32)
        )
    }


def gdf() -> dict[str, Part]:
    """GDF 2.20: 16-bit integers, one record per second, an event table with its own sampling rate."""
    n = len(NAMES)
    head = b"GDF 2.20" + b"X X".ljust(66) + bytes(10) + bytes(4) + bytes(64) + bytes(16) + struct.pack("<QQ", 0, 0)
    head += struct.pack("<H", n + 1) + bytes(6) + bytes(8) + bytes(6) + bytes(6) + bytes(24) + struct.pack("<q", SECONDS)
    head += struct.pack("<II", 1, 1) + struct.pack("<HH", n, 0)
    head += _padded(NAMES, 16) + _padded(["electrode"] * n, 80) + _padded(["uV"] * n, 6) + struct.pack(f"<{n}H", *[4275] * n)
    for value in (-400.0, 400.0, -32768.0, 32767.0):
        head += struct.pack(f"<{n}d", *[value] * n)
    head += bytes(68 * n) + struct.pack(f"<{3 * n}f", *[100.0] * n, *[0.5] * n, *[50.0] * n)
    head += struct.pack(f"<{n}i", *[SFREQ] * n) + struct.pack(f"<{n}I", *[3] * n) + bytes(12 * n) + bytes(20 * n)
    digital = np.round((eeg() + 400) / 800 * 65535 - 32768).astype("<i2")
    table = bytes([1]) + len(EVENTS).to_bytes(3, "little") + struct.pack("<f", SFREQ)
    return {"a.gdf": _gdf_part(head, digital, table, SFREQ)}


def gdf1() -> dict[str, Part]:
    """GDF 1.25 as OpenViBE writes it: 64-bit floats, short records, an event table with an integer rate."""
    n, per_record = len(NAMES), 50
    head = (
        b"GDF 1.25"
        + b"X X".ljust(80)
        + b"".ljust(80)
        + b"2020010110000000"
        + struct.pack("<q", 256 * (n + 1))
        + bytes(24)
        + bytes(20)
    )
    head += struct.pack("<q", N_TIMES // per_record) + struct.pack("<II", 1, SFREQ // per_record) + struct.pack("<I", n)
    head += _padded(NAMES, 16) + _padded(["electrode"] * n, 80) + _padded(["uV"] * n, 8)
    head += struct.pack(f"<{2 * n}d", *[-1000.0] * n, *[1000.0] * n) + struct.pack(f"<{2 * n}q", *[-1000] * n, *[1000] * n)
    head += (
        _padded(["none"] * n, 80) + struct.pack(f"<{n}I", *[per_record] * n) + struct.pack(f"<{n}I", *[17] * n) + bytes(32 * n)
    )
    table = bytes([1]) + SFREQ.to_bytes(3, "little") + struct.pack("<I", len(EVENTS))
    return {"a.gdf": _gdf_part(head, eeg().astype("<f8"), table, per_record)}


def _gdf_part(head: bytes, digital: np.ndarray, table: bytes, per_record: int) -> Part:
    content, samples = bytearray(head), [np.full(len(head), -1)]
    for first in range(0, N_TIMES, per_record):
        content += np.ascontiguousarray(digital[:, first : first + per_record]).tobytes()
        rows, times = np.meshgrid(np.arange(len(NAMES)), np.arange(first, first + per_record), indexing="ij")
        samples.append(owners(rows, times, digital.itemsize))
    positions = struct.pack(f"<{len(EVENTS)}I", *[sample + 1 for sample, _ in EVENTS])
    codes = struct.pack(f"<{len(EVENTS)}H", *[768 + code for _, code in EVENTS])
    before = len(content) + len(table)
    content += table + positions + codes
    events = np.full(len(content), -1)
    events[before : before + len(positions)] = np.repeat(np.arange(len(EVENTS)), 4)
    events[before + len(positions) :] = np.repeat(np.arange(len(EVENTS)), 2)
    whole = np.full(len(content), -1)
    joined = np.concatenate(samples)
    whole[: len(joined)] = joined
    return Part(bytes(content), whole.astype(np.int32), events.astype(np.int32))


def brainvision() -> dict[str, Part]:
    """A header with the amplifier's own table in its comment, as the recorder writes it, and DataPoints, as the analyser does."""
    channels = "".join(f"Ch{number}={name},,0.1,µV\r\n" for number, name in enumerate(NAMES, 1))
    setup = "".join(
        f"{number:<5} {name:<9} {number:<12} {'0.1 µV':>10}             DC              100              Off                0\r\n"
        for number, name in enumerate(NAMES, 1)
    )
    header = (
        "Brain Vision Data Exchange Header File Version 1.0\r\n; Data created by the Vision Recorder\r\n\r\n[Common Infos]\r\n"
        "Codepage=UTF-8\r\nDataFile=a.eeg\r\nMarkerFile=a.vmrk\r\nDataFormat=BINARY\r\n"
        "; Data orientation: MULTIPLEXED=ch1,pt1, ch2,pt1 ...\r\nDataOrientation=MULTIPLEXED\r\n"
        f"NumberOfChannels={len(NAMES)}\r\nDataPoints={N_TIMES}\r\n; Sampling interval in microseconds\r\nSamplingInterval={1e6 / SFREQ:g}\r\n\r\n"
        f"[Binary Infos]\r\nBinaryFormat=INT_16\r\n\r\n[Channel Infos]\r\n{channels}\r\n[Comment]\r\n\r\n"
        "A m p l i f i e r  S e t u p\r\n============================\r\n"
        f"Number of channels: {len(NAMES)}\r\nSampling Rate [Hz]: {SFREQ}\r\nSampling Interval [µS]: {1e6 / SFREQ:g}\r\n\r\n"
        "Channels\r\n--------\r\n#     Name      Phys. Chn.    Resolution / Unit   Low Cutoff [s]   High Cutoff [Hz]   Notch [Hz]\r\n"
        f"{setup}\r\n"
    ).encode()
    marks = (
        b"Brain Vision Data Exchange Marker File, Version 1.0\r\n\r\n[Common Infos]\r\nCodepage=UTF-8\r\nDataFile=a.eeg\r\n\r\n"
        b"[Marker Infos]\r\n; Each entry: Mk<Marker number>=<Type>,<Description>,<Position in data points>,\r\n"
        b"Mk1=New Segment,,1,1,0,20200101100000000000\r\n"
    )
    owner = [np.full(len(marks), -1)]
    for number, (sample, code) in enumerate(EVENTS):
        start, line = f"Mk{number + 2}=Stimulus,".encode(), f"S{code:>3},{sample + 1},1,0".encode()
        marks += start + line + b"\r\n"
        owner += [np.full(len(start), -1), np.full(len(line), number), np.full(2, -1)]
    digital = np.round(eeg() / 0.1).astype("<i2")
    times, rows = np.meshgrid(np.arange(N_TIMES), np.arange(len(NAMES)), indexing="ij")
    return {
        "a.vhdr": Part(header),
        "a.vmrk": Part(marks, events=np.concatenate(owner).astype(np.int32)),
        "a.eeg": Part(digital.T.tobytes(), owners(rows, times, 2)),
    }

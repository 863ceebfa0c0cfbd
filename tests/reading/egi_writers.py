"""EGI simple binary files and .mff folders, written with struct after the formats' published descriptions."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

SFREQ = 250
N_CHANNELS = 6
CODES = ("DIN1", "D255", "stm+")
#: Code -> (first sample, number of samples) of each stretch.
STRETCHES = {"DIN1": ((0, 1), (500, 3)), "D255": ((377, 1),), "stm+": ((1999, 1),)}
_BEGIN = datetime(2009, 10, 27, 12, 0, 0, 123456, UTC)
_DTYPES = {2: ">i2", 4: ">f4", 6: ">f8"}


def eeg(n_channels: int = N_CHANNELS, n_times: int = 2000, seed: int = 0) -> np.ndarray:
    """Noise of 20 microvolts, (channel, time)."""
    return 20.0 * np.random.default_rng(seed).standard_normal((n_channels, n_times))


def write_simple_binary(
    path: Path, values: np.ndarray | None = None, version: int = 4, span: int = 0, bits: int = 0, codes: Sequence[str] = CODES
) -> np.ndarray:
    """A continuous file of version 2 (16 bits), 4 or 6; returns the microvolts its numbers stand for."""
    values = eeg() if values is None else values
    n, n_times = values.shape
    step = span / 2.0**bits if span else 1.0
    stored = values / step
    stored = np.round(stored) if version == 2 else stored.astype(_DTYPES[version]).astype(float)
    marks = np.zeros((len(codes), n_times))
    for row, code in enumerate(codes):
        for first, length in STRETCHES.get(code, ()):
            marks[row, first : first + length] = 1
    head = struct.pack(">i6hi5hih", version, 2009, 10, 27, 12, 0, 0, 123, SFREQ, n, 1, bits, span, n_times, len(codes))
    body = np.ascontiguousarray(np.vstack([stored, marks]).T).astype(_DTYPES[version]).tobytes()
    path.write_bytes(head + b"".join(code.ljust(4).encode() for code in codes) + body)
    return stored * step


def write_mff(
    path: Path,
    values: np.ndarray | None = None,
    epochs: Sequence[tuple[int, int]] = ((0, 2000),),
    block: int = 700,
    events: Sequence[tuple[int, str]] = ((0, "DIN1"), (377, "D255"), (500, "stm+"), (1999, "T1")),
    gains: Sequence[float] = (),
    names: Sequence[str] | None = None,
    physiology: bool = False,
    nanoseconds: bool = False,
) -> np.ndarray:
    """A folder whose ``epochs`` are (first sample in time, number of samples); returns the values stored, microvolts.

    ``events`` are (sample in time, code). Blocks of ``block`` samples; one as long as that before has no header of its own.
    ``nanoseconds``: times as older folders write them, in nine digits instead of six.
    """
    path.mkdir(parents=True, exist_ok=True)
    n_stored = sum(length for _, length in epochs)
    values = eeg(n_times=n_stored).astype("<f4") if values is None else values.astype("<f4")
    places = _write_blocks(path / "signal1.bin", values, [length for _, length in epochs], block)
    step = (1_000_000_000 if nanoseconds else 1_000_000) // SFREQ
    epoch_rows = "".join(
        f"<epoch><beginTime>{first * step}</beginTime><endTime>{(first + length) * step}</endTime>"
        f"<firstBlock>{begin}</firstBlock><lastBlock>{end}</lastBlock></epoch>"
        for (first, length), (begin, end) in zip(epochs, places, strict=True)
    )
    _xml(path / "epochs.xml", "epochs", epoch_rows)
    _xml(path / "info.xml", "fileInfo", f"<mffVersion>3</mffVersion><recordTime>{_time(0, nanoseconds)}</recordTime>", "info_mff")
    channels = "".join(f'<ch n="{number}">{gain:.6f}</ch>' for number, gain in enumerate(gains, 1))
    calibration = (
        f"<calibration><beginTime>0</beginTime><type>GCAL</type><channels>{channels}</channels></calibration>" if gains else ""
    )
    kind = "<generalInformation><fileDataType><EEG><EEGFile /></EEG></fileDataType></generalInformation>"
    _xml(path / "info1.xml", "dataInfo", f"{kind}<calibrations>{calibration}</calibrations>", "info_n_mff")
    names = names or [""] * (len(values) - 1) + ["VREF"]
    sensors = "".join(
        f"<sensor><name>{name}</name><number>{number}</number><type>{int(number == len(names))}</type>"
        f"<x>{float(number)}</x><y>1.0</y><z>0.0</z></sensor>"
        for number, name in enumerate(names, 1)
    )
    nasion = "<sensor><name>Nasion</name><number>900</number><type>2</type><x>0.0</x><y>9.0</y><z>0.0</z></sensor>"
    _xml(path / "sensorLayout.xml", "sensorLayout", f"<name>Net</name><sensors>{sensors}{nasion}</sensors>")
    layout = f"<sensorLayout><name>Net</name><sensors>{sensors}{nasion}</sensors></sensorLayout>"
    _xml(path / "coordinates.xml", "coordinates", layout)
    rows = "".join(
        f"<event><beginTime>{_time(sample, nanoseconds)}</beginTime><duration>1000</duration><code>{code}</code>"
        f"<label>Jane Roe</label><description></description><sourceDevice>x</sourceDevice><keys></keys></event>"
        for sample, code in events
    )
    _xml(path / "Events_ECI.xml", "eventTrack", f"<name>ECI</name><trackType>STIM</trackType>{rows}", "event_mff")
    if physiology:
        _write_blocks(path / "signal2.bin", values[:1], [length for _, length in epochs], block)
        kind = "<generalInformation><fileDataType><PNSData><pnsSetName>set</pnsSetName></PNSData></fileDataType></generalInformation>"
        _xml(path / "info2.xml", "dataInfo", kind, "info_n_mff")
    return values.astype(float)


def _time(sample: int, nanoseconds: bool) -> str:
    moment = _BEGIN + timedelta(microseconds=sample * 1_000_000 // SFREQ)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f") + ("000+00:00" if nanoseconds else "+00:00")


def _xml(path: Path, root: str, inside: str, name: str | None = None) -> None:
    space = f"http://www.egi.com/{name or root + '_mff'}"
    path.write_text(f'<?xml version="1.0" encoding="UTF-8" standalone="yes" ?>\n<{root} xmlns="{space}">{inside}</{root}>\n')


def _write_blocks(path: Path, values: np.ndarray, lengths: Sequence[int], block: int) -> list[tuple[int, int]]:
    """Blocks of up to ``block`` samples that never cross an epoch; returns (first, last) block of each epoch, from 1."""
    n = len(values)
    cuts: list[list[int]] = []
    for length in lengths:
        cuts.append([min(block, length - first) for first in range(0, length, block)])
    total = sum(len(epoch) for epoch in cuts)
    content, start, before, number, places = b"", 0, None, 0, []
    for epoch in cuts:
        places.append((number + 1, number + len(epoch)))
        for size in epoch:
            if size == before:
                content += struct.pack("<i", 0)
            else:
                more = struct.pack("<iiqqi", 24, 1, total, values.shape[1], n) if number == 0 else struct.pack("<i", 0)
                head_bytes = 4 * (4 + 2 * n) + len(more)
                content += struct.pack("<4i", 1, head_bytes, 4 * n * size, n)
                content += (
                    (4 * size * np.arange(n)).astype("<i4").tobytes() + np.full(n, (SFREQ << 8) + 32, "<i4").tobytes() + more
                )
            content += np.ascontiguousarray(values[:, start : start + size], "<f4").tobytes()
            start, before, number = start + size, size, number + 1
    path.write_bytes(content)
    return places

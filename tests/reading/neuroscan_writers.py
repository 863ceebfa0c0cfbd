"""Neuroscan CNT files and Curry recordings, written with struct after the formats' published descriptions."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np

NAMES = ("Fp1", "Fp2", "C3", "Cz", "VEO")
SFREQ = 250
#: (sample, code); the last one on the last sample.
EVENTS = ((0, 1), (100, 12), (377, 255), (1999, 7))
#: Microvolts per step of the CNT files: sensitivity 1.0247, calibration 1.
CNT_STEP = np.float32(1.0247) / 204.8


def eeg(n_channels: int = len(NAMES), n_times: int = 2000, seed: int = 0) -> np.ndarray:
    """Noise of 20 microvolts, (channel, time)."""
    return 20.0 * np.random.default_rng(seed).standard_normal((n_channels, n_times))


def write_cnt(
    path: Path,
    values: np.ndarray | None = None,
    names: Sequence[str] = NAMES,
    events: Sequence[tuple[int, int]] = EVENTS,
    width: int = 2,
    table: int = 2,
    block: int = 1,
    baseline: int = 0,
    n_samples: int | None = None,
    marker: bool = True,
    flags: Sequence[int] | None = None,
) -> np.ndarray:
    """A CNT file; returns the microvolts that its whole numbers stand for.

    ``n_samples`` replaces the number in the header; ``marker``: a second header behind the events tells the width.
    """
    values = eeg(len(names)) if values is None else values
    n, n_times = values.shape
    steps = np.round(values / CNT_STEP).astype(f"<i{width}") + np.asarray(baseline, f"<i{width}")
    stored = steps.reshape(n, n_times // block, block).transpose(1, 0, 2)
    data = np.ascontiguousarray(stored).tobytes()
    start = 900 + 75 * n
    place = start + len(data)
    rows = b""
    for number, (sample, code) in enumerate(events):
        offset = sample if table == 3 else start + sample * n * width
        mark = flags[number] if flags else 0
        rows += struct.pack("<HBBi", code, 0, mark, offset)
        rows += b"" if table == 1 else struct.pack("<hhfBBB", 0, 0, 0.0, 0, 0, 0)
    second = place + 9 + len(rows)
    setup = bytearray(900)
    setup[:12] = b"Version 3.0\0"
    struct.pack_into("<iI", setup, 12, second if marker else 0, 0)
    setup[121:133] = b"Roe^Jane 007"  # a patient's name, which must not come out
    setup[225:235], setup[235:247] = b"10/27/09\0\0", b"12:00:00\0\0\0\0"
    struct.pack_into("<i", setup, 353, len(events))
    struct.pack_into("<H", setup, 370, n)
    struct.pack_into("<H", setup, 376, SFREQ)
    struct.pack_into("<I", setup, 864, n_times if n_samples is None else n_samples)
    struct.pack_into("<I", setup, 886, place)
    struct.pack_into("<i", setup, 894, block * width if block > 1 else 0)
    channels = b""
    for number, name in enumerate(names):
        channel = bytearray(75)
        channel[: len(name)] = name.encode()
        struct.pack_into("<ff", channel, 19, float(number), 1.0)
        struct.pack_into("<h", channel, 47, baseline)
        struct.pack_into("<f", channel, 59, 1.0247)
        struct.pack_into("<f", channel, 71, 1.0)
        channels += bytes(channel)
    tail = bytearray(60)
    tail[52] = int(width == 4)
    content = bytes(setup) + channels + data + struct.pack("<BII", table, len(rows), 0) + rows
    path.write_bytes(content + (bytes(tail) if marker else b"") + b"\0")
    return (steps.astype(float) - baseline) * CNT_STEP


def write_curry(
    path: Path,
    values: np.ndarray | None = None,
    names: Sequence[str] = NAMES,
    events: Sequence[tuple[int, int]] = EVENTS,
    unit: str = "uV",
    trigger: bool = True,
    replaced: Sequence[tuple[str, str]] = (),
) -> np.ndarray:
    """A recording at ``path`` (X.cdt: version 8, X.dat: version 7) with its text files; returns the values written.

    ``replaced`` are pairs of texts, the second put for the first in the parameter file.
    """
    values = eeg(len(names)) if values is None else values
    stored = np.vstack([values, np.zeros((1, values.shape[1]))]) if trigger else values
    np.ascontiguousarray(stored.T, "<f4").tofile(path)
    n, n_times = values.shape
    old = path.suffix == ".dat"
    facts = {
        "NumSamples": n_times, "NumChannels": len(stored), "NumTrials": 1, "SampleFreqHz": SFREQ, "TriggerOffsetUsec": 0,
        "DataFormat": "FLOAT", "DataSampOrder": "SAMP", "DataByteOrder": "INTEL", "SampleTimeUsec": 1_000_000 // SFREQ,
        "StartYear": 2009, "StartMonth": 10, "StartDay": 27, "StartHour": 12, "StartMin": 0, "StartSec": 0, "StartMillisec": 0,
    }  # fmt: skip
    groups = [("", list(names), unit)] + ([("_OTHERS", ["Trigger"], unit)] if trigger else [])
    text = "FileVersion = 804\n" + _section("DATA_PARAMETERS", facts)
    text += "AmplifierInfo = Jane Roe's amplifier\n"
    labels = ""
    place = 0
    for group, group_names, group_unit in groups:
        device = {"DataUnit": group_unit, "NumSensorsThisGroup": len(group_names), "NumChanThisGroup": len(group_names)}
        text += _section(f"DEVICE_PARAMETERS{group}", device)
        places = range(place + 1, place + len(group_names) + 1)
        text += _list(f"CHAN_IN_FILE{group}", [str(k) for k in places])
        labels += _list(f"LABELS{group}", group_names)
        if not group:
            labels += _list("SENSORS", [f"{k}.0\t0.0\t80.0" for k in range(n)])
        place += len(group_names)
    text += _list("IMPEDANCE_VALUES", ["\t".join(["-1"] * len(stored))] * 10)
    text += _list("EPOCH_INFORMATION", [])
    text = text if old else text + labels
    for before, after in replaced:
        assert before in text, before
        text = text.replace(before, after)
    (path.with_suffix(".dap") if old else Path(f"{path}.dpo")).write_text(text)
    if old:
        path.with_suffix(".rs3").write_text("\n" + labels)
    rows = [f"{sample}\t0\t{code}\t-1\t{sample}\t{sample}\t0\t0\t0\t0\t0" for sample, code in events]
    marks = _list("NUMBER_LIST", rows) + _list("REMARK_LIST", ["Jane Roe sneezed"] * len(rows))
    (path.with_suffix(".cef") if old else Path(f"{path}.cef")).write_text(marks)
    return values


def _section(name: str, facts: dict[str, object]) -> str:
    lines = "".join(f"   {key:<20} =  {value}\n" for key, value in facts.items())
    return f"{name} START  # Do not edit!\n{lines}{name} END\n\n"


def _list(name: str, rows: Sequence[str]) -> str:
    facts = {"ListDescription": name.lower(), "ListNrRows": len(rows), "ListBinary": 0}
    return (
        _section(name, facts)
        + f"{name} START_LIST  # Do not edit!\n"
        + "".join(f"{row}\n" for row in rows)
        + f"{name} END_LIST\n\n"
    )

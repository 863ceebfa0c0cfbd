"""A minimal writer of GDF 1.25: int16 samples and a table of events. Written after the format's published description."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

#: Microvolts of one digital step; the most negative number stands for a missing sample.
STEP_UV, MISSING = 0.1, -32768
_PER_RECORD = 50


def write_gdf(path: Path, names: list[str], sfreq: int, signal: NDArray, events: list[tuple[int, int, int]]) -> None:
    """``signal`` (channel, time) in microvolts, NaN where missing; ``events``: (sample from 0, code, duration in samples)."""
    digital = np.where(np.isnan(signal), MISSING, np.round(np.nan_to_num(signal) / STEP_UV)).astype("<i2")
    n = len(names)
    n_records = -(-digital.shape[1] // _PER_RECORD)
    padded = np.full((n, n_records * _PER_RECORD), MISSING, "<i2")
    padded[:, : digital.shape[1]] = digital
    head = b"GDF 1.25" + b"X X".ljust(80) + b"test".ljust(80) + b"2005010112000000"
    head += struct.pack("<q", 256 * (n + 1)) + bytes(24) + bytes(20)
    head += struct.pack("<qIII", n_records, _PER_RECORD, sfreq, n)
    head += b"".join(name.encode().ljust(16, b"\0") for name in names)
    head += b"electrode".ljust(80) * n + b"uV".ljust(8) * n
    head += np.full(n, MISSING * STEP_UV, "<f8").tobytes() + np.full(n, 32767 * STEP_UV, "<f8").tobytes()
    head += np.full(n, MISSING, "<i8").tobytes() + np.full(n, 32767, "<i8").tobytes()
    head += b"HP:0.5 LP:100".ljust(80) * n
    head += np.full(n, _PER_RECORD, "<i4").tobytes() + np.full(n, 3, "<i4").tobytes() + bytes(32 * n)
    assert len(head) == 256 * (n + 1)
    body = padded.reshape(n, n_records, _PER_RECORD).transpose(1, 0, 2).tobytes()
    samples, codes, lengths = (np.array(column) for column in zip(*sorted(events), strict=True))
    table = struct.pack("<B", 3) + struct.pack("<I", sfreq)[:3] + struct.pack("<I", len(events))
    table += (samples + 1).astype("<u4").tobytes() + codes.astype("<u2").tobytes()
    table += np.zeros(len(events), "<u2").tobytes() + lengths.astype("<u4").tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(head + body + table)

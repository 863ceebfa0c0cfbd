"""EGI simple binary (.raw, .egi): a 36-byte header, the names of event channels, then big-endian samples.

The header's range and bits turn A/D units into microvolts (value x range / 2^bits); both 0 means microvolts already. After
the EEG channels every sample holds one value per event name, above 0 while that event lasts.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mindleaf.errors import ReadError
from mindleaf.reading.channel_list import rate_notes, read_rows
from mindleaf.reading.formats import OpenSignal
from mindleaf.reading.notes import note
from mindleaf.reading.units import asked_unit

_FIXED = struct.Struct(">i6hi5hih")
_KINDS = {2: ">i2", 4: ">f4", 6: ">f8"}
_ADVICE = "the header is damaged; get the file again from its source."
_PIECE_VALUES = 1 << 20


def open_simple_binary(path: Path, unit: str | None, look: bool = True) -> OpenSignal:
    """Open a continuous simple binary file; events only where ``look``, since they need a pass through the file.

    Raises ReadError for another kind of .raw file, for segmented files and for contradictions.
    """
    with path.open("rb") as file:
        start = file.read(_FIXED.size)
        kind = struct.unpack(">i", start[:4])[0] if len(start) == _FIXED.size else 0
        _refuse_others(path, kind, start)
        _, year, month, day, hour, minute, second, ms, rate, n, _, bits, span, promised, n_codes = _FIXED.unpack(start)
        names = file.read(4 * max(n_codes, 0))
    if not (1 <= month <= 12 and 1 <= day <= 31 and 0 <= hour < 24 and 0 <= minute < 60 and 0 <= second < 61 and year >= 0):
        raise ReadError(f"{path}: is no EGI simple binary file, or a damaged one: its header holds no date; check what wrote it.")
    if n < 1 or promised < 1 or n_codes < 0 or len(names) < 4 * n_codes or not 0 <= ms < 1000:
        raise ReadError(f"{path}: {n} channels, {promised} samples, {n_codes} event names by its header; {_ADVICE}")
    codes = [names[place : place + 4].decode("latin-1").strip("\0 ") for place in range(0, len(names), 4)]
    columns, offset, dtype = n + n_codes, _FIXED.size + 4 * n_codes, np.dtype(_KINDS[kind])
    n_times, notes = _length(path, offset, columns * dtype.itemsize, promised, float(rate))
    scale, more = _scale(path, bits, span, kind)
    notes += rate_notes(path, float(rate)) + more
    if unit is not None:
        scale *= 1e6 * asked_unit(unit)
    if any(not code or not code.isprintable() for code in codes) or len(set(codes)) < len(codes):
        notes.append(note("event_names", "event_names: an event channel has no readable name, or shares it with another"))

    def read(first: int, last: int) -> NDArray:
        return read_rows(path, offset, dtype, columns, first, last)[:, :n].T * scale

    events = _events(path, offset, dtype, columns, codes, n_times, float(rate)) if look and codes else []
    return OpenSignal([f"E{k}" for k in range(1, n + 1)], ["eeg"] * n, float(rate), n_times, read, events, notes)


def _refuse_others(path: Path, kind: int, start: bytes) -> None:
    if kind in (3, 5, 7):
        raise ReadError(f"{path}: is an EGI file cut into segments, wanted a continuous recording; export it unsegmented.")
    if kind not in _KINDS:
        raise ReadError(
            f"{path}: {path.suffix} is readable as EGI simple binary only, and this file does not begin as one; "
            "convert it to EDF or BrainVision with the program that wrote it."
        )
    if len(start) < _FIXED.size:
        raise ReadError(f"{path}: ends inside its header after {len(start)} bytes; get it again from its source.")


def _length(path: Path, offset: int, sample_bytes: int, promised: int, rate: float) -> tuple[int, list[dict[str, Any]]]:
    there, left_over = divmod(path.stat().st_size - offset, sample_bytes)
    if there < 1:
        raise ReadError(f"{path}: holds no complete sample; get it again from its source.")
    if there < promised:
        lost = (promised - there) / max(rate, 1.0)
        text = f"truncated, lost_s={lost:g}: the header promises {promised} samples, the file holds {there}"
        return there, [note("truncated", text)]
    if there > promised or left_over:
        extra = path.stat().st_size - offset - promised * sample_bytes
        return promised, [
            note("trailing_bytes", f"trailing_bytes: {extra} bytes follow the {promised} samples the header promises")
        ]
    return promised, []


def _scale(path: Path, bits: int, span: int, kind: int) -> tuple[float, list[dict[str, Any]]]:
    """Microvolts per step: 1 where bits and range are both 0, by the format's rule. (MNE-Python 1.13 takes the others for volts.)"""
    if bits == 0 and span == 0:
        text = "scale_unusual: whole microvolts by the header; check that the amplitudes are right, or pass --unit"
        return 1.0, [note("scale_unusual", text)] if kind == 2 else []
    if not 1 <= bits <= 64 or span <= 0:
        raise ReadError(f"{path}: a range of {span} microvolts in {bits} bits makes no calibration; {_ADVICE}")
    notes = []
    if bits not in (8, 12, 14, 16, 20, 24, 32) or span % 100:
        text = f"scale_unusual: a range of {span} microvolts in {bits} bits is not what amplifiers have; check the amplitudes"
        notes.append(note("scale_unusual", text))
    if kind != 2:
        notes.append(
            note("scale_unusual", "scale_unusual: fractional samples with a calibration for whole ones; applied as told")
        )
    return span / 2.0**bits, notes


def _events(
    path: Path, offset: int, dtype: np.dtype, columns: int, codes: list[str], n_times: int, rate: float
) -> list[list[Any]]:
    """One event per stretch above 0 in an event column, from a pass through the file in pieces."""
    step = max(1, _PIECE_VALUES // columns)
    before = np.zeros(len(codes), bool)
    begins: list[list[int]] = [[] for _ in codes]
    ends: list[list[int]] = [[] for _ in codes]
    for first in range(0, n_times, step):
        on = read_rows(path, offset, dtype, columns, first, min(first + step, n_times))[:, columns - len(codes) :] > 0
        change = np.diff(np.vstack([before, on]).astype(np.int8), axis=0)
        for row in np.flatnonzero(change.any(axis=0)):
            begins[row] += (first + np.flatnonzero(change[:, row] > 0)).tolist()
            ends[row] += (first + np.flatnonzero(change[:, row] < 0)).tolist()
        before = on[-1]
    events = [
        [begin / rate, (end - begin) / rate, code]
        for code, starts, stops in zip(codes, begins, ends, strict=True)
        for begin, end in zip(starts, [*stops, n_times], strict=False)
    ]
    return sorted(events, key=lambda event: event[0])

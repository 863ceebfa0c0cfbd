"""The second look at GDF files (Schlögl 2006 and 2013, versions 1.x and 2.x): header and event table by plain arithmetic.

256 bytes, then 256 bytes per channel in columns, then records, then a table of events. All numbers are little-endian.
"""

from __future__ import annotations

import re
import struct
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mindleaf.errors import ReadError
from mindleaf.reading.notes import note

#: Code of a channel's numbers -> numpy's name.
_TYPES = {1: "<i1", 2: "<u1", 3: "<i2", 4: "<u2", 5: "<i4", 6: "<u4", 7: "<i8", 8: "<u8", 16: "<f4", 17: "<f8"}
#: Codes of physical dimensions in version 2: volts with their decimal factors. 0 and 512 say nothing.
_UNITS = {4256: "V", 4274: "mV", 4275: "uV", 4276: "nV", 0: "", 512: ""}
#: Records that are looked at for numbers outside the digital range, and the share of such numbers that is no overflow.
_LOOKED_AT, _OVERFLOW_SHARE = 20, 0.05
_ADVICE = "the header is damaged; get the file again from its source."


@dataclass(frozen=True)
class GdfHeader:
    """What the header says of each channel, in file order; ``types`` are numpy's names of the numbers in the records."""

    path: Path
    file_bytes: int
    version: float
    header_bytes: int
    n_records: int
    record_s: float
    labels: tuple[str, ...]
    units: tuple[str, ...]
    physical: NDArray[np.float64]
    digital: NDArray[np.float64]
    samples: NDArray[np.int64]
    types: tuple[str, ...]

    @cached_property
    def signals(self) -> list[int]:
        """Rows that hold a signal: all of them."""
        return list(range(len(self.labels)))

    @cached_property
    def widths(self) -> NDArray[np.int64]:
        """Bytes of each channel in one record."""
        return self.samples * np.array([np.dtype(kind).itemsize for kind in self.types])

    @property
    def record_bytes(self) -> int:
        return int(self.widths.sum())

    @property
    def records_in_file(self) -> int:
        return min(self.n_records, (self.file_bytes - self.header_bytes) // self.record_bytes)

    @property
    def sfreq(self) -> float:
        """The highest rate among the channels, Hz."""
        return float(self.samples.max() / self.record_s)

    def physical_values(self, number: int) -> list[NDArray[np.float64]]:
        """The values of every channel in one record, in the units their header names."""
        with self.path.open("rb") as file:
            file.seek(self.header_bytes + number * self.record_bytes)
            pieces = np.split(np.frombuffer(file.read(self.record_bytes), np.uint8), np.cumsum(self.widths)[:-1])
        return [
            (piece.view(kind) - bottom) * (high - low) / (top - bottom) + low
            for piece, kind, (low, high), (bottom, top) in zip(pieces, self.types, self.physical, self.digital, strict=True)
        ]


def read_gdf_header(path: Path) -> GdfHeader:
    """Parse the header. Raises ReadError naming the field that cannot be read or contradicts another."""
    file_bytes = path.stat().st_size
    with path.open("rb") as file:
        fixed = file.read(256)
        version = _version(path, fixed)
        new = version >= 1.9
        n = struct.unpack_from("<H" if new else "<I", fixed, 252)[0]
        columns = file.read(256 * min(n, 10_000))
    if n < 1 or len(columns) < 256 * n:
        raise ReadError(f"{path}: the header promises {n} channels, the file ends inside their list; {_ADVICE}")
    header_bytes = 256 * struct.unpack_from("<H", fixed, 184)[0] if new else struct.unpack_from("<q", fixed, 184)[0]
    numerator, denominator = struct.unpack_from("<II", fixed, 244)
    if numerator < 1 or denominator < 1:
        raise ReadError(f"{path}: wanted a record duration, the header says {numerator}/{denominator} s; {_ADVICE}")
    # Columns of 256 bytes per channel: label, transducer, unit, physical and digital range, filters, samples, type ...
    labels = tuple(columns[16 * row : 16 * row + 16].decode("latin-1").split("\0")[0].strip() for row in range(n))
    ranges = [
        np.frombuffer(columns, kind, n, n * (104 + 8 * place))
        for place, kind in enumerate(["<f8"] * 4 if new else ["<f8", "<f8", "<i8", "<i8"])
    ]
    codes = np.frombuffer(columns, "<u4", n, 220 * n).tolist()
    header = GdfHeader(
        path=path,
        file_bytes=file_bytes,
        version=version,
        header_bytes=header_bytes,
        n_records=struct.unpack_from("<q", fixed, 236)[0],
        record_s=numerator / denominator,
        labels=labels,
        units=_units(columns, n, new),
        physical=np.array([ranges[0], ranges[1]], np.float64).T,
        digital=np.array([ranges[2], ranges[3]], np.float64).T,
        samples=np.frombuffer(columns, "<i4", n, 216 * n).astype(np.int64),
        types=tuple(_TYPES.get(code, "") for code in codes),
    )
    _refuse_contradictions(header)
    return header


def _version(path: Path, fixed: bytes) -> float:
    told = re.fullmatch(rb"GDF ([123]\.\d\d?) *", fixed[:8].rstrip(b"\0"))
    if len(fixed) != 256 or told is None:
        raise ReadError(f"{path}: does not begin as a GDF file of version 1 to 3; {_ADVICE}")
    return float(told.group(1))


def _units(columns: bytes, n: int, new: bool) -> tuple[str, ...]:
    if not new:
        return tuple(
            columns[96 * n + 8 * row : 96 * n + 8 * row + 8].decode("latin-1").split("\0")[0].strip() for row in range(n)
        )
    codes = np.frombuffer(columns, "<u2", n, 102 * n).tolist()
    return tuple(_UNITS.get(code, f"unit {code}") for code in codes)


def _refuse_contradictions(header: GdfHeader) -> None:
    path, n = header.path, len(header.labels)
    if header.header_bytes != 256 * (n + 1):
        raise ReadError(
            f"{path}: the header says it is {header.header_bytes} bytes long, {n} channels need {256 * (n + 1)}; {_ADVICE}"
        )
    for row, label in enumerate(header.labels):
        if not label or not label.isprintable():
            raise ReadError(f"{path}: channel {row + 1} has no readable name; {_ADVICE}")
        (low, high), (bottom, top), kind = header.physical[row], header.digital[row], header.types[row]
        if not kind or not 1 <= header.samples[row] < 1 << 31:
            raise ReadError(f"{path}: channel {label} has {header.samples[row]} samples per record of an unknown type; {_ADVICE}")
        limits = np.iinfo(kind) if np.dtype(kind).kind in "iu" else None
        if not np.isfinite([low, high, bottom, top]).all() or low == high or bottom >= top:
            raise ReadError(
                f"{path}: channel {label} has a calibration from {bottom:g} .. {top:g} to {low:g} .. {high:g}; {_ADVICE}"
            )
        if limits and not limits.min <= bottom < top <= limits.max + 1:
            raise ReadError(
                f"{path}: channel {label} has the digital range {bottom:g} to {top:g}, which its numbers cannot hold; {_ADVICE}"
            )
    if header.n_records < 1 or header.records_in_file < 1:
        raise ReadError(
            f"{path}: the header promises {header.n_records} records, the file holds none; get it again from its source."
        )
    if header.records_in_file < header.n_records:
        lost_s = (header.n_records - header.records_in_file) * header.record_s
        raise ReadError(
            f"{path}: is cut short, lost_s={lost_s:g}: {header.records_in_file} of {header.n_records} records are there and the "
            "table of events is lost; get the file again from its source."
        )


def gdf_notes(header: GdfHeader, events: list[list[Any]]) -> list[dict[str, Any]]:
    """Issues of the calibration, the size and the event table; ``events`` is what the reader found. Raises ReadError."""
    return [*_odd_notes(header), *_range_notes(header), *_table_notes(header, events)]


def _range_notes(header: GdfHeader) -> list[dict[str, Any]]:
    """Channels of whole numbers that often leave the digital range on which their calibration rests (now and then is overflow)."""
    n = header.records_in_file
    chosen = np.unique(np.linspace(0, n - 1, _LOOKED_AT).astype(int))
    records = np.memmap(header.path, np.uint8, "r", header.header_bytes, (n, header.record_bytes))[chosen]
    begins = np.cumsum(header.widths) - header.widths
    outside = []
    for label, begin, width, kind, (bottom, top) in zip(
        header.labels, begins, header.widths, header.types, header.digital, strict=True
    ):
        if np.dtype(kind).kind in "iu":
            numbers = np.ascontiguousarray(records[:, begin : begin + width]).view(kind)
            outside += [label] if np.mean((numbers < bottom) | (numbers > top)) > _OVERFLOW_SHARE else []
    if not outside:
        return []
    text = f"range_exceeded: {', '.join(outside)} often leave the digital range of the header; their calibration may be wrong"
    return [note("range_exceeded", text, outside)]


def _odd_notes(header: GdfHeader) -> list[dict[str, Any]]:
    rates = Counter(header.samples.tolist())
    usual_rate = rates.most_common(1)[0][0]
    mixed = [label for label, count in zip(header.labels, header.samples, strict=True) if count != usual_rate]
    notes = []
    if mixed:
        text = f"rate_mixed: {', '.join(mixed)} at another rate than most channels; brought to {header.sfreq:g} Hz"
        notes.append(note("rate_mixed", text, mixed))
    keys = [
        (unit, kind, *low_high, *bottom_top)
        for unit, kind, low_high, bottom_top in zip(header.units, header.types, header.physical, header.digital, strict=True)
    ]
    usual, share = Counter(keys).most_common(1)[0]
    odd = [label for label, key in zip(header.labels, keys, strict=True) if key != usual]
    if odd and share > 1:
        notes.append(
            note("scale_differs", f"scale_differs: unit, type or range of {', '.join(odd)} is not that of most channels", odd)
        )
    return notes


def _table_notes(header: GdfHeader, events: list[list[Any]]) -> list[dict[str, Any]]:
    place = header.header_bytes + header.n_records * header.record_bytes
    with header.path.open("rb") as file:
        file.seek(place)
        head = file.read(8)
    if not head:
        return [note("events_missing", "events_missing: the file ends without a table of events")]
    if len(head) < 8 or head[0] not in (1, 3):
        raise ReadError(
            f"{header.path}: wanted a table of events at byte {place}, found none; header or table are damaged; get it again."
        )
    if header.version < 1.94:
        rate, count = float(int.from_bytes(head[1:4], "little")), struct.unpack_from("<I", head, 4)[0]
    else:
        rate, count = struct.unpack_from("<f", head, 4)[0], int.from_bytes(head[1:4], "little")
    extra = header.file_bytes - place - 8 - count * (6 if head[0] == 1 else 12)
    if extra < 0:
        raise ReadError(f"{header.path}: its table promises {count} events and ends before them; {_ADVICE}")
    positions = np.fromfile(header.path, "<u4", count, offset=place + 8).astype(np.int64) - 1
    n_times = round(header.n_records * header.record_s * header.sfreq)
    outside = int(np.sum((positions < 0) | (positions >= n_times)))
    if not count - outside <= len(events) <= count:
        raise ReadError(f"{header.path}: its table holds {count} events, {len(events)} were read; {_ADVICE}")
    notes = []
    if rate != 0 and not np.isclose(rate, header.sfreq, rtol=1e-4):
        text = f"rate_differs: {header.sfreq:g} Hz for the signal, {rate:g} Hz in the table of events; event times may be wrong"
        notes.append(note("rate_differs", text))
    if extra:
        notes.append(note("trailing_bytes", f"trailing_bytes: {extra} bytes follow the table of events; check the file"))
    if outside:
        text = f"events_outside: {outside} of {count} events lie outside the recording and were left out"
        notes.append(note("events_outside", text))
    return notes

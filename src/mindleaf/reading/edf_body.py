"""The second look at the data behind an EDF or BDF header: size, record times, and damage by text conversion."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from mindleaf.errors import ReadError
from mindleaf.reading.edf_annotations import annotation_notes
from mindleaf.reading.edf_header import EdfHeader, odd_channels
from mindleaf.reading.notes import note
from mindleaf.reading.units import is_other_quantity, volts_per_unit

_TIME_STAMP = re.compile(rb"([+-]\d+(?:\.\d*)?)(?:\x15[^\x14]*)?\x14")
_LOOK_BYTES = 64 << 20
_STAMPS = 200


def body_notes(header: EdfHeader) -> list[dict[str, Any]]:
    """What the file's size, body and calibration have to say. Raises ReadError where the data cannot be trusted."""
    refuse_text_conversion(header)
    return [*_size_notes(header), *_time_notes(header), *annotation_notes(header), *_odd_notes(header), *_unit_notes(header)]


def refuse_text_conversion(header: EdfHeader) -> None:
    """Line-end or character conversion shifts every sample after it, while size and header may still look right."""
    with header.path.open("rb") as file:
        file.seek(header.header_bytes)
        body = file.read(_LOOK_BYTES)
    line_ends, converted = body.count(b"\n"), body.count(b"\r\n")
    # In binary data a byte 10 follows a byte 13 by chance about once in 256 times, never every time.
    if line_ends >= 32 and line_ends == converted:
        raise ReadError(
            f"{header.path}: its data went through a line-end conversion (every byte 10 of {line_ends} follows a byte 13), "
            "so samples are shifted; get the file again as a binary."
        )
    if body.count(b"\xef\xbf\xbd") > max(32, len(body) // 500):
        raise ReadError(
            f"{header.path}: its data went through a text conversion to UTF-8 and is lost; get the file again as a binary."
        )


def _size_notes(header: EdfHeader) -> list[dict[str, Any]]:
    there, told = header.records_in_file, header.n_records
    left_over = header.file_bytes - header.header_bytes - there * header.record_bytes
    if told < 0:
        return [note("unfinished", f"unfinished: the header leaves the number of records open; the file holds {there}")]
    if there < told:
        lost_s = (told - there) * header.record_s
        return [
            note(
                "truncated",
                f"truncated, lost_s={lost_s:g}: the header promises {told} records, the file holds {there} complete ones",
            )
        ]
    if there > told or left_over:
        extra = header.file_bytes - header.header_bytes - told * header.record_bytes
        return [
            note("trailing_bytes", f"trailing_bytes: {extra} bytes follow the {told} records the header promises; check the file")
        ]
    return []


def _time_notes(header: EdfHeader) -> list[dict[str, Any]]:
    """EDF+ stamps every record with its time: the only witness of the record duration, hence of the sampling rate.

    BioSemi's recorder writes records of one second and no stamps.
    """
    if header.reserved.startswith("24BIT") and not header.annotations and header.record_s != 1:
        text = f"rate_unconfirmed: records of {header.record_s:g} s, BioSemi's recorder writes one second; {header.sfreq:g} Hz may be wrong"
        return [note("rate_unconfirmed", text)]
    if not header.annotations or not header.reserved.startswith(("EDF+", "BDF+")):
        return []
    numbers = range(min(header.records_in_file, _STAMPS))
    found = [_TIME_STAMP.match(header.record(number)[header.annotations[0]].tobytes()) for number in numbers]
    if any(stamp is None for stamp in found):
        raise ReadError(
            f"{header.path}: record {[stamp is None for stamp in found].index(True) + 1} has no time stamp where EDF+ wants one; "
            "header or data are damaged; get the file again from its source."
        )
    steps = np.diff([float(stamp.group(1)) for stamp in found if stamp])
    if len(steps) and abs(np.median(steps) - header.record_s) > 1e-3 * header.record_s + 1e-4:
        raise ReadError(
            f"{header.path}: the header says a record lasts {header.record_s:g} s, the records' own times are "
            f"{np.median(steps):g} s "
            "apart; the sampling rate cannot be trusted; get the file again from its source."
        )
    if len(steps) and np.abs(steps - header.record_s).max() > 1e-3 * header.record_s + 1e-4:
        lost_s = float((steps - header.record_s).sum())
        return [note("gaps", f"gaps, lost_s={lost_s:g}: the records do not follow each other without a break")]
    return []


def _odd_notes(header: EdfHeader) -> list[dict[str, Any]]:
    odd = odd_channels(header)
    notes = []
    if odd["rate"]:
        notes.append(
            note(
                "rate_mixed",
                f"rate_mixed: {', '.join(odd['rate'])} at another rate than most channels; brought to {header.sfreq:g} Hz",
                odd["rate"],
            )
        )
    if odd["scale"]:
        notes.append(
            note(
                "scale_differs",
                f"scale_differs: unit or range of {', '.join(odd['scale'])} is not that of most channels",
                odd["scale"],
            )
        )
    unprintable = [label for label in header.labels if not label.isprintable() or not label.isascii()]
    if unprintable:
        notes.append(
            note(
                "label_characters",
                f"label_characters: {len(unprintable)} channel names hold characters no EDF name may hold",
                unprintable,
            )
        )
    return notes


def _unit_notes(header: EdfHeader) -> list[dict[str, Any]]:
    unknown = [
        row for row in header.signals if volts_per_unit(header.units[row]) is None and not is_other_quantity(header.units[row])
    ]
    if not unknown:
        return []
    names = [header.labels[row] for row in unknown]
    shown = ", ".join(sorted({repr(header.units[row][:8]) for row in unknown}))
    return [
        note(
            "unit_unknown",
            f"unit_unknown: {len(names)} channels ({', '.join(names[:4])} ...) name the unit {shown}; taken as "
            f"volts, pass --unit",
            names,
        )
    ]

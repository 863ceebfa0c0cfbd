"""The second look at EDF+ annotations: every record's list must be whole, and the reader must find as many as there are."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from mindleaf.reading.edf_header import EdfHeader
from mindleaf.reading.notes import note

#: Onset, perhaps a duration, then texts, each ended by byte 20; the list by byte 0. Unused bytes are 0.
_ENTRY = re.compile(rb"[+-]\d+(?:\.\d*)?(?:\x15\d+(?:\.\d*)?)?\x14(?:[^\x14\x00\x15]*\x14)*\x00")
_WHOLE = re.compile(rb"(?:%s)+\x00*" % _ENTRY.pattern)
_PIECE_BYTES = 64 << 20


def annotation_notes(header: EdfHeader) -> list[dict[str, Any]]:
    """Issue ``annotations_damaged`` where a record's list is not made of annotations from end to end."""
    if not header.annotations or not header.reserved.startswith(("EDF+", "BDF+")):
        return []
    damaged = sum(not _is_whole(text, row == header.annotations[0]) for row in header.annotations for text in _texts(header, row))
    if not damaged:
        return []
    text = f"annotations_damaged: the lists of annotations of {damaged} records are not whole; events may be missing or made up"
    return [note("annotations_damaged", text)]


def _is_whole(text: bytes, has_time: bool) -> bool:
    if not text.strip(b"\0"):
        return not has_time
    if not _WHOLE.fullmatch(text):
        return False
    # The first entry is the record's own time, with an empty text that one more may follow ("Recording starts").
    entries = _ENTRY.findall(text)
    first = 1 if has_time else 0
    if has_time and (b"\x14\x14" not in entries[0] or entries[0].count(b"\x14") > 3):
        return False
    return all(entry.count(b"\x14") > 1 and b"\x14\x14" not in entry[:-1] for entry in entries[first:])


def _texts(header: EdfHeader, row: int) -> list[bytes]:
    start = int(header.samples[:row].sum()) * header.sample_bytes
    width = int(header.samples[row]) * header.sample_bytes
    n_records = header.records_in_file if header.n_records < 0 else min(header.n_records, header.records_in_file)
    found = []
    step = max(1, _PIECE_BYTES // header.record_bytes)
    for first in range(0, n_records, step):
        shape = (min(step, n_records - first), header.record_bytes)
        records = np.memmap(header.path, np.uint8, "r", header.header_bytes + first * header.record_bytes, shape)
        found += [line.tobytes() for line in np.ascontiguousarray(records[:, start : start + width])]
    return found

"""The event table of Neuroscan CNT files, and the file as a signal.

An event of type 1 or 2 points to a byte of the file, one of type 3 to a sample. EEGLAB, FieldTrip and Brainstorm take the
sample so found, and for type 3 the number itself; SCAN's own export agrees. MNE-Python (1.13) subtracts one sample, and
for type 3 the header's length, so its onsets come earlier.
"""

from __future__ import annotations

import struct
from itertools import pairwise
from pathlib import Path
from typing import Any

from mindleaf.errors import ReadError
from mindleaf.reading.channel_list import channel_kind, odd_factors
from mindleaf.reading.formats import OpenSignal
from mindleaf.reading.neuroscan_header import EVENT_BYTES, CntHeader, read_cnt_header
from mindleaf.reading.notes import note
from mindleaf.reading.units import asked_unit

_BOUNDARIES = (11, 14)  # recording stopped and started, direct-current reset
_REJECT, _ACCEPT = 12, 13


def open_cnt(path: Path, unit: str | None, look: bool = True) -> OpenSignal:
    """Open a Neuroscan CNT file; events only where ``look``. Raises ReadError for damage and for ANT Neuro's CNT."""
    header = read_cnt_header(path)
    rows = [row for row, name in enumerate(header.names) if channel_kind(name) != "stim"]
    names = [header.names[row] for row in rows]
    scale = 1.0 if unit is None else 1e6 * asked_unit(unit)
    events, notes = event_table(header) if look else ([], [])
    kept = [item for item in header.notes if not item["channels"] or set(item["channels"]) & set(names)]
    kept += odd_factors(names, header.factors[rows]) + odd_baselines(header, names, rows)
    return OpenSignal(
        names,
        [channel_kind(name) for name in names],
        header.sfreq,
        header.n_times,
        lambda start, stop: header.microvolts(start, stop)[rows] * scale,
        events,
        kept + notes,
    )


def odd_baselines(header: CntHeader, names: list[str], rows: list[int]) -> list[dict[str, Any]]:
    """Baselines of a few channels only; they only shift a channel, so most files leave them at zero."""
    found = odd_factors(names, header.baselines[rows])
    return [
        note("baseline_differs", item["message"].replace("scale_differs", "baseline_differs"), item["channels"]) for item in found
    ]


def event_table(header: CntHeader) -> tuple[list[list[Any]], list[dict[str, Any]]]:
    """Events as [onset_s, duration_s, code] and what is odd about them. A damaged table is an issue, not an error."""
    if header.table is None:
        return [], [note("events_lost", "events_lost: the file ends before its event table")]
    with header.path.open("rb") as file:
        file.seek(header.table)
        kind, size, moved = struct.unpack("<BII", file.read(9))
        file.seek(moved, 1)
        content = file.read(size)
    width = EVENT_BYTES[kind]
    if len(content) < size:
        raise ReadError(f"{header.path}: its event table ends early; the file is cut short; get it again from its source.")
    found, notes = [], []
    off_grid = 0
    for place in range(0, size, width):
        code, keyboard, flags, offset = struct.unpack_from("<HBBI" if kind == 3 else "<HBBi", content, place)
        sample, rest = (offset, 0) if kind == 3 else divmod(offset - header.data_start, header.sample_bytes * len(header.names))
        off_grid += bool(rest)
        found.append((sample, code, keyboard, flags))
    if header.n_events and header.n_events != len(found):
        text = f"events_differ: the header promises {header.n_events} events, the table holds {len(found)}"
        notes.append(note("events_differ", text))
    inside = [item for item in found if 0 <= item[0] < header.n_times]
    if len(inside) < len(found):
        text = f"events_outside: {len(found) - len(inside)} of {len(found)} events lie outside the recording and were left out"
        notes.append(note("events_outside", text))
    if off_grid:
        notes.append(note("events_off_grid", f"events_off_grid: {off_grid} events point between two samples; taken at the first"))
    if any(later[0] < earlier[0] for earlier, later in pairwise(inside)):
        notes.append(note("events_unordered", "events_unordered: the events do not follow each other in time"))
    return _labelled(inside, header.sfreq, header.n_times, notes), notes


def _labelled(found: list[tuple[int, int, int, int]], sfreq: float, n_times: int, notes: list[dict[str, Any]]) -> list[list[Any]]:
    """Codes: the stimulus number, "response/3" for the keypad, "keyboard/2", "bad/12" with the length of a rejected stretch."""
    events: list[list[Any]] = []
    rejected_s = 0.0
    for number, (sample, code, keyboard, flags) in enumerate(found):
        mark, keypad = flags >> 4, flags & 0x0F
        duration, label = 0.0, str(code)
        if mark == _ACCEPT:
            continue  # the end of a rejected stretch, used below
        if mark == _REJECT:
            end = next((item[0] for item in found[number + 1 :] if item[3] >> 4 == _ACCEPT), n_times)
            duration, label = (end - sample) / sfreq, f"bad/{mark}"
            rejected_s += duration
        elif mark in _BOUNDARIES:
            label = f"boundary/{mark}"
        elif keypad:
            label = f"response/{keypad}"
        elif keyboard:
            label = f"keyboard/{keyboard}"
        events.append([sample / sfreq, duration, label])
    if rejected_s:
        notes.append(note("rejected_in_file", f"rejected_in_file: the file marks {rejected_s:g} s as bad (events bad/12)"))
    breaks = sum(label.startswith("boundary/") for _, _, label in events)
    if breaks:
        notes.append(note("gaps", f"gaps: the recording was stopped or reset {breaks} times (events boundary/11, boundary/14)"))
    return events

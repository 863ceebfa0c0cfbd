"""EGI .mff: a folder with signal files and XML. The EEG signal, its gain calibration, epochs in time, and event tracks.

Stretches between epochs, where the recorder was paused, are filled with NaN so that event times stay true.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from mindleaf.errors import ReadError
from mindleaf.reading.channel_list import odd_factors, rate_notes, unique_names
from mindleaf.reading.egi_blocks import Blocks, read_blocks
from mindleaf.reading.formats import OpenSignal
from mindleaf.reading.notes import note
from mindleaf.reading.presence import present_file
from mindleaf.reading.units import asked_unit

_ADVICE = "the folder is damaged or incomplete; get it again from its source."
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?\d*(Z|[+-]\d\d:?\d\d)?")
#: What layouts call the reference at the vertex.
_REFERENCES = ("VREF", "Cz", "REF", "Vertex Reference")
_USUAL_GAIN = (0.9, 1.1)
_LONGEST_XML_BYTES = 512 << 20


@dataclass(frozen=True)
class _Piece:
    """One epoch: its first sample in time and in store, and how many samples it has."""

    in_time: int
    in_store: int
    n_times: int


def open_mff(path: Path, unit: str | None, look: bool = True) -> OpenSignal:
    """Open a folder; events only where ``look``. Physiological channels (PNS) are left out, and that is said.

    Raises ReadError where the XML and the signal file contradict each other.
    """
    number, info = _eeg_info(path)
    blocks = read_blocks(present_file(path / f"signal{number}.bin", "the EEG of an .mff folder"))
    sensors, odd_names = _sensor_names(path)
    names, notes = unique_names(path, sensors)
    if len(names) != blocks.n_channels:
        raise ReadError(f"{path}: the layout names {len(names)} channels, the signal has {blocks.n_channels}; {_ADVICE}")
    gains, odd = _gains(path, info, names)
    pieces, begin_ns, gaps = _pieces(path, blocks)
    scale = (1.0 if unit is None else 1e6 * asked_unit(unit)) * gains[:, None]
    notes += [*odd_names, *blocks.notes, *rate_notes(path, blocks.sfreq), *odd, *gaps, *_other_notes(path, number)]
    n_times = pieces[-1].in_time + pieces[-1].n_times
    events, late = _events(path, begin_ns, n_times / blocks.sfreq) if look else ([], [])

    def read(start: int, stop: int) -> NDArray:
        return _placed(blocks, pieces, start, stop) * scale

    return OpenSignal(names, ["eeg"] * len(names), blocks.sfreq, n_times, read, events, notes + late)


def _placed(blocks: Blocks, pieces: list[_Piece], start: int, stop: int) -> NDArray[np.float32]:
    values = np.full((blocks.n_channels, stop - start), np.nan, np.float32)
    for piece in pieces:
        low, high = max(start, piece.in_time), min(stop, piece.in_time + piece.n_times)
        if low < high:
            shift = piece.in_store - piece.in_time
            values[:, low - start : high - start] = blocks.values(low + shift, high + shift)
    return values


def _xml(path: Path) -> ElementTree.Element:
    """The root of an XML file of the folder, which may not define entities (they can blow up without end)."""
    present_file(path, "a part of an .mff folder")
    if path.stat().st_size > _LONGEST_XML_BYTES:
        raise ReadError(f"{path}: wanted a part of an .mff folder, this file takes {path.stat().st_size} bytes; check it.")
    content = path.read_bytes()
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise ReadError(f"{path}: defines entities of its own, which no .mff folder does; {_ADVICE}")
    try:
        return ElementTree.fromstring(content)
    except (ElementTree.ParseError, LookupError, ValueError):  # the latter two: an encoding that does not exist
        raise ReadError(f"{path}: is not the XML it should be; {_ADVICE}") from None


def _text(element: ElementTree.Element, name: str) -> str:
    found = element.find(f"{{*}}{name}")
    return (found.text or "").strip() if found is not None else ""


def _eeg_info(path: Path) -> tuple[int, ElementTree.Element]:
    """Number and description of the signal file that holds EEG."""
    infos = sorted(path.glob("info[0-9]*.xml"))
    for candidate in infos:
        digits = candidate.stem.removeprefix("info")
        if not digits.isdigit():
            continue
        root = _xml(candidate)
        if root.find(".//{*}fileDataType/{*}EEG") is not None:
            return int(digits), root
    raise ReadError(
        f"{path}: wanted an info1.xml that describes EEG, found {len(infos)} info files and none that does; {_ADVICE}"
    )


def _sensor_names(path: Path) -> tuple[list[str], list[dict[str, Any]]]:
    """Names of EEG and reference sensors (types 0 and 1) in the layout's order, "E7" for a nameless sensor 7; odd references."""
    names: list[str] = []
    odd: list[str] = []
    for sensor in _xml(path / "sensorLayout.xml").findall(".//{*}sensor"):
        kind, number, name = (_text(sensor, field) for field in ("type", "number", "name"))
        if kind not in ("0", "1"):
            continue
        if not number.isdigit() or int(number) != len(names) + 1:
            raise ReadError(f"{path}: the layout's channel {len(names) + 1} has the number {number[:8]!r}; {_ADVICE}")
        names.append(name if name and name != "None" else f"E{number}")
        if kind == "1" and names[-1] not in _REFERENCES:
            odd.append(names[-1])
    if not odd:
        return names, []
    text = (
        f"channel_unknown: the reference is called {', '.join(odd)}, wanted one of {', '.join(_REFERENCES)}; kept under this name"
    )
    return names, [note("channel_unknown", text, odd)]


def _gains(path: Path, info: ElementTree.Element, names: list[str]) -> tuple[NDArray[np.float64], list[dict[str, Any]]]:
    """The gain calibration (GCAL), one factor per channel, 1 where the folder has none."""
    gains = np.ones(len(names))
    found = [item for item in info.findall(".//{*}calibration") if _text(item, "type") == "GCAL"]
    if not found:
        return gains, []
    if len(found) > 1 or _text(found[0], "beginTime") not in ("0", ""):
        raise ReadError(
            f"{path}: its gains change during the recording, which is not supported; export it as BrainVision or EDF."
        )
    for channel in found[0].findall(".//{*}ch"):
        try:
            number, gain = int(channel.get("n", "")), float(channel.text or "")
            if not 1 <= number <= len(names) or not np.isfinite(gain) or gain <= 0:
                raise ValueError
        except ValueError:
            raise ReadError(f"{path}: its gain calibration has an entry that is no channel and gain; {_ADVICE}") from None
        gains[number - 1] = gain
    odd = [name for name, gain in zip(names, gains, strict=True) if not _USUAL_GAIN[0] < gain < _USUAL_GAIN[1]]
    if odd:
        return gains, [note("scale_differs", f"scale_differs: the gain of {', '.join(odd)} is far from 1; applied as told", odd)]
    return gains, odd_factors(names, gains)


def _pieces(path: Path, blocks: Blocks) -> tuple[list[_Piece], int, list[dict[str, Any]]]:
    """Epochs as pieces that begin at sample 0, the first epoch's begin in ns, and the gaps. They confirm the rate.

    Newer folders count epochs in microseconds, older ones in nanoseconds; the number of samples tells which.
    """
    epochs, notes = _xml(path / "epochs.xml").findall(".//{*}epoch"), []
    pieces: list[_Piece] = []
    rate, n_blocks, next_block = int(blocks.sfreq), len(blocks.places), 1
    begin_ns, unit_ns = 0, 0
    for number, epoch in enumerate(epochs, 1):
        texts = [_text(epoch, name) for name in ("beginTime", "endTime", "firstBlock", "lastBlock")]
        if not all(text.isdigit() for text in texts) or int(texts[2]) != next_block or int(texts[3]) < next_block:
            raise ReadError(f"{path}: epoch {number} does not follow the one before in times and blocks; {_ADVICE}")
        begin, end, first, last = map(int, texts)
        if first > n_blocks:
            break
        in_store, n_times = int(blocks.starts[first - 1]), int(blocks.starts[min(last, n_blocks)] - blocks.starts[first - 1])
        if not pieces:
            unit_ns = 1 if (end - begin) * rate > 30 * 1_000_000 * n_times else 1000
            begin_ns = begin * unit_ns
        if last <= n_blocks and abs((end - begin) * unit_ns * rate - n_times * 10**9) > 10**9:
            told, there = (end - begin) * unit_ns / 1e9, n_times / rate
            raise ReadError(
                f"{path}: epoch {number} lasts {told:g} s by its times and {there:g} s by samples and rate; {_ADVICE}"
            )
        in_time = ((begin * unit_ns - begin_ns) * rate + 5 * 10**8) // 10**9
        if pieces and in_time < pieces[-1].in_time + pieces[-1].n_times - 1:
            raise ReadError(f"{path}: epoch {number} begins before the one before ends; {_ADVICE}")
        in_time = max(in_time, pieces[-1].in_time + pieces[-1].n_times) if pieces else in_time
        pieces.append(_Piece(in_time, in_store, n_times))
        next_block = last + 1
    if not pieces:
        raise ReadError(f"{path}: wanted epochs with times and blocks in epochs.xml, found none; {_ADVICE}")
    if next_block <= n_blocks:
        raise ReadError(f"{path}: {n_blocks - next_block + 1} blocks of the signal belong to no epoch; {_ADVICE}")
    missing = pieces[-1].in_time + pieces[-1].n_times - sum(piece.n_times for piece in pieces)
    if missing:
        text = f"gaps, lost_s={missing / rate:g}: the recorder was paused {len(pieces) - 1} times; filled with NaN"
        notes.append(note("gaps", text))
    return pieces, begin_ns, notes


def _other_notes(path: Path, number: int) -> list[dict[str, Any]]:
    notes = []
    others = [file for file in path.glob("signal[0-9]*.bin") if file.name != f"signal{number}.bin"]
    if others:
        notes.append(note("signals_left_out", f"signals_left_out: {len(others)} further signal files (physiology) are not read"))
    if (path / "categories.xml").exists():
        notes.append(note("segmented", "segmented: the folder was cut into segments after recording; only those are in it"))
    return notes


def _nanoseconds(text: str) -> int | None:
    """A time of the folder, nanoseconds since 1970; None for another text. Times without a zone are taken as UTC."""
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    try:
        moment = datetime.fromisoformat(match[1] + (match[3] or ""))
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(moment.timestamp()) * 10**9 + int((match[2] or "0").ljust(9, "0"))


def _events(path: Path, begin_ns: int, duration_s: float) -> tuple[list[list[Any]], list[dict[str, Any]]]:
    """The codes of all event tracks, in seconds from the first sample. A damaged track is an issue, not an error."""
    record_ns = _nanoseconds(_text(_xml(path / "info.xml"), "recordTime"))
    if record_ns is None:
        raise ReadError(f"{path}: info.xml does not tell when the recording began; {_ADVICE}")
    events: list[list[Any]] = []
    damaged = outside = 0
    for track in sorted(path.glob("Events*.xml")):
        try:
            marks = _xml(track).findall(".//{*}event")
        except ReadError:
            damaged += 1
            continue
        for mark in marks:
            moment, code = _nanoseconds(_text(mark, "beginTime")), _text(mark, "code")
            if moment is None or not code:
                damaged += 1
                continue
            onset = (moment - record_ns - begin_ns) / 1e9
            if 0 <= onset < duration_s:
                events.append([onset, 0.0, code])
            else:
                outside += 1
    notes = []
    if damaged:
        notes.append(note("events_damaged", f"events_damaged: {damaged} events or event tracks cannot be read and were left out"))
    if outside:
        notes.append(note("events_outside", f"events_outside: {outside} events lie outside the recording and were left out"))
    return sorted(events, key=lambda event: event[0]), notes

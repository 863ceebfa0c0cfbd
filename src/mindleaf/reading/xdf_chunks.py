"""The second look at XDF files: a walk over all chunks, and what headers, samples and footers say of each stream.

A chunk is a length, a tag and content: 1 file header, 2 stream header, 3 samples, 4 clock offset, 5 boundary, 6 stream footer.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from mindleaf.errors import ReadError
from mindleaf.reading.notes import note

_WIDTHS = {"int8": 1, "int16": 2, "int32": 4, "int64": 8, "float32": 4, "double64": 8}
_BOUNDARY = bytes.fromhex("43a546dccbf5410fb30ed5467383cbe4")
_STREAM_TAGS = (2, 3, 4, 6)
_ADVICE = "the file is damaged; get it again from its source."


@dataclass
class XdfStream:
    """What the walk saw of one stream; ``stamps`` are those written (samples between them have none of their own)."""

    number: int
    header: dict[str, str]
    n_channels: int
    form: str
    nominal: float
    n_labels: int
    n_samples: int = 0
    stamps: list[float] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    offsets: list[tuple[float, float]] = field(default_factory=list)
    footer: dict[str, str] | None = None
    told_offsets: list[tuple[float, float]] = field(default_factory=list)


@dataclass
class XdfChunks:
    """All streams by number, and whether the file ends inside a chunk."""

    streams: dict[int, XdfStream] = field(default_factory=dict)
    cut: bool = False


def read_xdf_chunks(path: Path) -> XdfChunks:
    """Walk through the file. Raises ReadError where a chunk contradicts itself or the stream's header."""
    content = np.memmap(path, np.uint8, "r").data
    if bytes(content[:4]) != b"XDF:":
        raise ReadError(f"{path}: does not begin as an XDF file; {_ADVICE}")
    found, place = XdfChunks(), 4
    while place < len(content):
        try:
            length, start = _length(content, place)
            if start + length > len(content) or length < 2:
                raise IndexError
            tag = struct.unpack_from("<H", content, start)[0]
        except (struct.error, IndexError):
            if place + 15 < len(content) and _later_boundary(content, place):
                raise ReadError(f"{path}: a chunk at byte {place} cannot be one, and others follow; {_ADVICE}") from None
            found.cut = True
            return found
        body = content[start + 2 : start + length]
        try:
            _take(path, found, tag, body)
        except (struct.error, IndexError, ValueError, ElementTree.ParseError, UnicodeDecodeError):
            raise ReadError(f"{path}: the chunk of kind {tag} at byte {place} is damaged; {_ADVICE}") from None
        place = start + length
    return found


def _later_boundary(content: memoryview, place: int) -> bool:
    return bytes(content[place + 1 :]).find(_BOUNDARY) >= 0


def _length(content: memoryview, place: int) -> tuple[int, int]:
    """A number in 1, 4 or 8 bytes behind a byte that says in how many; and where it ends."""
    n_bytes = content[place]
    if n_bytes not in (1, 4, 8):
        raise IndexError
    if place + 1 + n_bytes > len(content):
        raise IndexError
    return int.from_bytes(content[place + 1 : place + 1 + n_bytes], "little"), place + 1 + n_bytes


def _take(path: Path, found: XdfChunks, tag: int, body: memoryview) -> None:
    if tag == 1:
        ElementTree.fromstring(bytes(body))
        return
    if tag == 5:
        if bytes(body) != _BOUNDARY:
            raise ValueError("a boundary without its mark")
        return
    if tag not in _STREAM_TAGS:
        raise ValueError("an unknown kind of chunk")
    (number,) = struct.unpack_from("<I", body)
    if tag == 2:
        if number in found.streams:
            raise ValueError("a stream that begins twice")
        found.streams[number] = _header(path, number, bytes(body[4:]))
        return
    stream = found.streams.get(number)
    if stream is None or (stream.footer is not None and tag == 6):
        raise ReadError(f"{path}: a chunk belongs to stream {number}, which there is not; {_ADVICE}")
    if tag == 3:
        _samples(stream, body)
    elif tag == 4:
        stream.offsets.append(struct.unpack("<dd", body[4:]))
    else:
        root = ElementTree.fromstring(bytes(body[4:]).decode("utf-8"))
        stream.footer = _texts(root)
        stream.told_offsets = [
            (float(item.findtext("time", "nan")), float(item.findtext("value", "nan")))
            for item in root.findall("clock_offsets/offset")
        ]


def _header(path: Path, number: int, text: bytes) -> XdfStream:
    if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
        raise ReadError(f"{path}: the header of stream {number} defines entities, which no recorder does; {_ADVICE}")
    root = ElementTree.fromstring(text.decode("utf-8"))
    told = _texts(root)
    n, form = int(told.get("channel_count", "0")), told.get("channel_format", "")
    if n < 1 or (form not in _WIDTHS and form != "string"):
        raise ValueError("no channels or no format")
    labels = root.findall("desc/channels/channel")
    return XdfStream(number, told, n, form, float(told.get("nominal_srate", "0")), len(labels))


def _texts(root: ElementTree.Element) -> dict[str, str]:
    if root.tag != "info":
        raise ValueError("no <info>")
    return {item.tag: (item.text or "").strip() for item in root}


def _samples(stream: XdfStream, body: memoryview) -> None:
    count, place = _length(body, 4)
    width = stream.n_channels * _WIDTHS.get(stream.form, 0)
    for number in range(count):
        has_stamp = body[place]
        if has_stamp not in (0, 8):
            raise ValueError("a time stamp of neither 0 nor 8 bytes")
        if has_stamp:
            stream.stamps.append(struct.unpack_from("<d", body, place + 1)[0])
            stream.places.append(stream.n_samples + number)
        place += 1 + has_stamp
        if width:
            place += width
        else:
            for _ in range(stream.n_channels):
                length, place = _length(body, place)
                bytes(body[place : place + length]).decode("utf-8")
                place += length
    if place != len(body):
        raise ValueError("samples of another length than the chunk")
    stream.n_samples += count


def xdf_notes(path: Path, found: XdfChunks, streams: list[dict[str, Any]], eeg: dict[str, Any]) -> list[dict[str, Any]]:
    """What the walk and the reader say differently. Raises ReadError where samples or streams got lost."""
    for stream in streams:
        walked, n_read = found.streams.get(stream["info"]["stream_id"]), len(stream["time_series"])
        if walked is None or walked.n_samples != n_read:
            raise ReadError(
                f"{path}: {walked.n_samples if walked else 0} samples in a stream by its chunks, {n_read} read; {_ADVICE}"
            )
    if len(streams) != len(found.streams):
        raise ReadError(f"{path}: {len(found.streams)} streams by its chunks, {len(streams)} read; {_ADVICE}")
    notes = []
    told = found.streams[eeg["info"]["stream_id"]]
    without = [stream.number for stream in found.streams.values() if stream.footer is None]
    if found.cut or without:
        text = "truncated, lost_s=unknown: the recording was not ended; " + (
            "its last chunk is cut" if found.cut else "streams have no footer"
        )
        notes.append(note("truncated", text))
    if told.n_labels and told.n_labels != told.n_channels:
        notes.append(
            note(
                "labels_missing",
                f"labels_missing: {told.n_channels} channels, {told.n_labels} of them described; called ch1, ch2 ...",
            )
        )
    for own in found.streams.values():
        notes += _stream_notes(own)
    return notes


def _stream_notes(stream: XdfStream) -> list[dict[str, Any]]:
    notes, stamps = [], np.array(stream.stamps)
    if not np.isfinite(stamps).all():
        notes.append(note("time_stamps", "time_stamps: some are no numbers; times of events and samples may be wrong"))
        return notes
    if stream.footer is not None:
        count = _float(stream.footer.get("sample_count", str(stream.n_samples)))
        if count is None or abs(count - stream.n_samples) > 1:  # recorders count one sample more or less
            notes.append(
                note("samples_lost", f"samples_lost: a stream holds {stream.n_samples} samples, its footer promises others")
            )
        ends = [_float(stream.footer.get(name)) for name in ("first_timestamp", "last_timestamp")]
        if len(stamps) and all(end is not None for end in ends) and (
            abs(stamps[0] - (ends[0] or 0)) > 0.02 or (stream.places[-1] == stream.n_samples - 1 and abs(stamps[-1] - (ends[1] or 0)) > 0.02)
        ):  # fmt: skip
            notes.append(
                note("time_stamps", "time_stamps: first or last one is not that of the footer; event times may be wrong")
            )
        if stream.told_offsets and not np.allclose(_ordered(stream.told_offsets), _ordered(stream.offsets), rtol=1e-6, atol=1e-6):
            notes.append(note("clock_offsets", "clock_offsets: they are not those of the footer; event times may be wrong"))
    values = np.array([value for _, value in stream.offsets])
    if len(values) and (not np.isfinite(stream.offsets).all() or np.ptp(values) > 1.0):
        notes.append(
            note(
                "clock_offsets",
                "clock_offsets: the clocks moved by more than a second against each other; event times may be wrong",
            )
        )
    return notes + _spacing_notes(stream, stamps)


def _ordered(offsets: list[tuple[float, float]]) -> np.ndarray:
    return np.array(sorted(offsets)) if offsets else np.empty((0, 2))


def _float(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None


def _spacing_notes(stream: XdfStream, stamps: np.ndarray) -> list[dict[str, Any]]:
    """Of a regular stream: the rate by its time stamps, and stamps far off the line."""
    if stream.nominal <= 0 or len(stamps) < 10:
        return []
    places, notes = np.array(stream.places), []
    half = len(stamps) // 2
    rate = float(
        np.median((places[half:] - places[: len(places) - half]) / np.maximum(stamps[half:] - stamps[: len(stamps) - half], 1e-9))
    )
    if abs(rate - stream.nominal) > 0.05 * stream.nominal:
        text = f"rate_differs: {stream.nominal:g} Hz by the header, {rate:.4g} Hz by the time stamps; the header's is used"
        notes.append(note("rate_differs", text))
    residual = stamps - places / rate
    off = np.abs(residual - np.median(residual))
    if off.max() > max(0.05, 20 * float(np.median(off))):
        notes.append(
            note(
                "time_stamps",
                f"time_stamps: {int((off > 0.05).sum())} lie more than 0.05 s off the line; samples may be missing there",
            )
        )
    return notes

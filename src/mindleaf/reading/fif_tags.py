"""The second look at FIF files: a walk over all tags, and what they say of channels, rate, samples and annotations.

A tag is kind, type, size and the place of the next one, four big-endian 32-bit numbers, then its data. Blocks begin with a tag
of kind 104 and end with 105, both holding the block's kind. Only headers and small tags are read, so large files are quick.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from mindleaf.errors import ReadError
from mindleaf.reading.notes import note
from mindleaf.reading.plausible import unlike_notes

_HEAD = struct.Struct(">iIii")
_CHANNEL = struct.Struct(">3i2f i 12f 2i 16s")
_BLOCK_START, _BLOCK_END, _DIRECTORY, _DIRECTORY_PLACE, _END = 104, 105, 102, 101, 108
_MEAS_INFO, _ANNOTATIONS = 101, 3810
_RAW_BLOCKS = frozenset({102, 112, 119})
_BUFFER, _SKIP = 300, 301
_NUMBERS = {2: ">i2", 3: ">i4", 4: ">f4", 5: ">f8", 16: ">i2"}
_EEG_KIND, _EEG_COIL = 2, 1
_ADVICE = "the file is damaged; get it again from its source."
_MOST_TAGS = 5_000_000


@dataclass
class FifChannel:
    """One channel record; ``scale`` turns stored numbers into SI units."""

    name: str
    kind: int
    coil: int
    unit: tuple[int, int]
    scale: float


@dataclass
class FifTags:
    """What the walk found. ``buffers`` are (first byte, bytes, numpy's name of the numbers) of the samples, in order."""

    path: Path
    channels: list[FifChannel] = field(default_factory=list)
    n_channels: int = 0
    sfreq: float = 0.0
    lowpass: float = 0.0
    meas_s: float | None = None
    marks_s: float | None = None
    n_marks: tuple[int, ...] = ()
    buffers: list[tuple[int, int, str]] = field(default_factory=list)
    skips: int = 0
    end: int = 0
    complete: bool = False
    next_file: bool = False

    @property
    def n_times(self) -> int:
        return sum(size // (np.dtype(kind).itemsize * self.n_channels) for _, size, kind in self.buffers)

    def first_buffer(self) -> NDArray[np.float64]:
        """Values of the first buffer in SI units, (channel, time)."""
        place, size, kind = self.buffers[0]
        count = size // np.dtype(kind).itemsize
        values = np.fromfile(self.path, kind, count, offset=place).reshape(-1, self.n_channels).T
        return values * np.array([channel.scale for channel in self.channels])[:, None]


def read_fif_tags(path: Path) -> FifTags:
    """Walk through the file. Raises ReadError where tags, blocks or the directory contradict each other."""
    found = FifTags(path)
    heads: dict[int, tuple[int, int, int]] = {}
    blocks: list[int] = []
    size = path.stat().st_size
    directory = -1
    with path.open("rb") as file:
        place = 0
        while place + _HEAD.size <= size and len(heads) < _MOST_TAGS:
            file.seek(place)
            kind, form, n_bytes, following = _HEAD.unpack(file.read(_HEAD.size))
            end = place + _HEAD.size + n_bytes
            if n_bytes < 0 or (following > 0 and following < end) or (not heads and kind != 100):
                raise ReadError(f"{path}: the tag at byte {place} cannot be one; {_ADVICE}")
            if end > size:
                break
            heads[place] = (kind, form, n_bytes)
            if kind == _DIRECTORY_PLACE:
                directory = _one(path, file, ">i", n_bytes)
            _take(found, file, blocks, kind, form, n_bytes, place + _HEAD.size)
            found.end = end
            if following < 0:
                found.complete = True
                break
            place = following or end
    _refuse_contradictions(found, blocks, heads, directory)
    return found


def _one(path: Path, file: BinaryIO, form: str, n_bytes: int) -> Any:
    """The number in a tag of one number."""
    if n_bytes != struct.calcsize(form):
        raise ReadError(f"{path}: wanted a tag with one number, found {n_bytes} bytes; {_ADVICE}")
    return struct.unpack(form, file.read(n_bytes))[0]


def _take(found: FifTags, file: BinaryIO, blocks: list[int], kind: int, form: int, n_bytes: int, place: int) -> None:
    path = found.path
    if kind == _BLOCK_START:
        blocks.append(_one(path, file, ">i", n_bytes))
    elif kind == _BLOCK_END:
        block = _one(path, file, ">i", n_bytes)
        if not blocks or blocks.pop() != block:
            raise ReadError(f"{path}: a block of kind {block} ends at byte {place} that did not begin; {_ADVICE}")
    elif kind in (_BUFFER, _SKIP) and not _RAW_BLOCKS.intersection(blocks):
        raise ReadError(f"{path}: samples at byte {place} stand outside the raw data; {_ADVICE}")
    elif kind == _BUFFER:
        if form & 0xFFFF not in _NUMBERS or form >> 16:
            raise ReadError(f"{path}: the samples at byte {place} are of type {form}, which is not known; {_ADVICE}")
        found.buffers.append((place, n_bytes, _NUMBERS[form]))
    elif kind == _SKIP:
        found.skips += 1
    elif blocks[-1:] == [_MEAS_INFO]:
        _take_info(found, file, kind, n_bytes)
    elif blocks[-1:] == [_ANNOTATIONS]:
        _take_marks(found, file, kind, form, n_bytes)
    elif blocks[-1:] == [118]:  # a reference to the next file of a split recording
        found.next_file = True


def _take_info(found: FifTags, file: BinaryIO, kind: int, n_bytes: int) -> None:
    if kind == 200:
        found.n_channels = _one(found.path, file, ">i", n_bytes)
    elif kind == 201:
        found.sfreq = _one(found.path, file, ">f", n_bytes)
    elif kind == 219:
        found.lowpass = _one(found.path, file, ">f", n_bytes)
    elif kind == 204:
        seconds, microseconds = struct.unpack(">2i", file.read(8)) if n_bytes == 8 else (0, 0)
        found.meas_s = seconds + 1e-6 * microseconds
    elif kind == 203:
        if n_bytes != _CHANNEL.size:
            raise ReadError(f"{found.path}: channel {len(found.channels) + 1} has a record of {n_bytes} bytes; {_ADVICE}")
        values = _CHANNEL.unpack(file.read(n_bytes))
        number, kind_of, span, cal, coil, unit, power = (
            values[0],
            values[2],
            values[3],
            values[4],
            values[5],
            values[18],
            values[19],
        )
        name = values[20].split(b"\0")[0].decode("latin-1")
        scale = span * cal * 10.0 ** (power if -30 <= power <= 30 else 0)
        if number != len(found.channels) + 1 or not np.isfinite(scale) or scale == 0 or not -30 <= power <= 30:
            raise ReadError(
                f"{found.path}: the record of channel {len(found.channels) + 1} has no number or calibration; {_ADVICE}"
            )
        found.channels.append(FifChannel(name, kind_of, coil, (unit, power), scale))


def _take_marks(found: FifTags, file: BinaryIO, kind: int, form: int, n_bytes: int) -> None:
    if kind in (3568, 3569):
        found.n_marks += (n_bytes // np.dtype(_NUMBERS.get(form & 0xFFFF, ">f4")).itemsize,)
    elif kind == 206:
        found.n_marks += (file.read(n_bytes).count(b":") + 1 if n_bytes else 0,)
    elif kind == 204 and n_bytes in (8, 16):
        values = struct.unpack(">d" if n_bytes == 8 else ">2d", file.read(n_bytes))
        found.marks_s = values[0] + 1e-6 * (values[1] if len(values) == 2 else 0)


def _refuse_contradictions(found: FifTags, blocks: list[int], heads: dict[int, tuple[int, int, int]], directory: int) -> None:
    path = found.path
    if not found.buffers:
        raise ReadError(f"{path}: holds no samples; wanted raw data; give the file with the recording.")
    if not found.channels or found.n_channels != len(found.channels):
        raise ReadError(f"{path}: the header promises {found.n_channels} channels and describes {len(found.channels)}; {_ADVICE}")
    if not np.isfinite(found.sfreq) or found.sfreq <= 0:
        raise ReadError(f"{path}: wanted a sampling rate, the header says {found.sfreq:g} Hz; {_ADVICE}")
    if found.lowpass > 0.5005 * found.sfreq:
        raise ReadError(f"{path}: a low-pass filter at {found.lowpass:g} Hz is impossible at {found.sfreq:g} Hz; {_ADVICE}")
    for place, size, kind in found.buffers:
        if size % (np.dtype(kind).itemsize * found.n_channels):
            raise ReadError(f"{path}: the samples at byte {place} are no multiple of {found.n_channels} channels; {_ADVICE}")
    if len({kind for _, _, kind in found.buffers}) > 1:
        raise ReadError(f"{path}: its samples change their type on the way; {_ADVICE}")
    if found.complete and blocks:
        raise ReadError(f"{path}: {len(blocks)} blocks begin and never end; {_ADVICE}")
    for number, channel in enumerate(found.channels, 1):
        if not channel.name.strip() or not channel.name.isprintable():
            raise ReadError(f"{path}: channel {number} has no readable name; {_ADVICE}")
    if directory > 0:
        _refuse_other_directory(path, heads, directory)


def _refuse_other_directory(path: Path, heads: dict[int, tuple[int, int, int]], place: int) -> None:
    """The directory repeats kind, type, size and place of every tag."""
    if place not in heads or heads[place][0] != _DIRECTORY:
        return  # a lost directory is no loss: reader and walk go from tag to tag
    rows = np.fromfile(path, ">i4", heads[place][2] // 4, offset=place + _HEAD.size).reshape(-1, 4)
    for kind, form, size, at in rows.tolist():
        if kind not in (_END, -1, _DIRECTORY) and at >= 0 and heads.get(at) != (kind, form & 0xFFFFFFFF, size):
            raise ReadError(f"{path}: its directory names a tag of kind {kind} at byte {at}, another stands there; {_ADVICE}")


def fif_notes(found: FifTags, names: list[str], sfreq: float, n_times: int, n_events: int) -> list[dict[str, Any]]:
    """What the walk and the reader say differently, or what is odd. Raises ReadError where they cannot both be right."""
    path, told = found.path, [channel.name for channel in found.channels]
    if len(told) != len(names) or abs(found.sfreq - sfreq) > 1e-6 * sfreq:
        raise ReadError(
            f"{path}: {len(told)} channels at {found.sfreq:g} Hz by its tags, {len(names)} at {sfreq:g} Hz by the reader; {_ADVICE}"
        )
    if found.n_times != n_times and not (found.skips or found.next_file):
        raise ReadError(f"{path}: {found.n_times} samples by its tags, {n_times} by the reader; {_ADVICE}")
    if len(set(found.n_marks)) > 1 or (found.n_marks and n_events > found.n_marks[0]):
        raise ReadError(f"{path}: its annotations have {found.n_marks} times, ends and texts; {_ADVICE}")
    notes = [*_size_notes(found), *_rate_notes(found)]
    if found.n_marks and n_events < found.n_marks[0]:
        notes.append(
            note(
                "events_outside",
                f"events_outside: {found.n_marks[0] - n_events} annotations lie outside the recording and were left out",
            )
        )
    if found.marks_s is not None and abs(found.marks_s - (found.meas_s or 0.0)) > 1e-3:
        text = "event_times: annotations and samples count from different moments; event times may be wrong"
        notes.append(note("event_times", text))
    renamed = [name for own, name in zip(told, names, strict=True) if len(own) < 15 and own != name]
    if renamed:
        notes.append(
            note("channel_renamed", f"channel_renamed: the file names them otherwise; called {', '.join(renamed)} here", renamed)
        )
    return notes + _odd_notes(found, names)


def _size_notes(found: FifTags) -> list[dict[str, Any]]:
    if not found.complete:
        return [
            note("truncated", "truncated, lost_s=unknown: the file ends without its last tag; samples or annotations are missing")
        ]
    notes = []
    extra = found.path.stat().st_size - found.end
    if extra:
        notes.append(note("trailing_bytes", f"trailing_bytes: {extra} bytes follow the last tag; check the file"))
    if found.skips:
        notes.append(note("gaps", f"gaps: {found.skips} stretches were not saved and are filled with zeros"))
    sizes = [size for _, size, _ in found.buffers]
    if len(set(sizes[:-1])) > 1 or sizes[-1] > sizes[0]:
        notes.append(
            note("buffers_uneven", "buffers_uneven: the samples stand in pieces of different length; some may be missing")
        )
    return notes


def _rate_notes(found: FifTags) -> list[dict[str, Any]]:
    """Writers save samples in pieces of one or ten seconds; a rate that is off by a power of two shows there."""
    size = found.buffers[0][1] / (np.dtype(found.buffers[0][2]).itemsize * found.n_channels)
    if len(found.buffers) < 3 or not size:
        return []
    powers = [float(np.log2(size / found.sfreq / seconds)) for seconds in (1, 10)]
    if min(map(abs, powers)) < 0.5 or all(abs(power - round(power)) > 0.02 for power in powers):
        return []
    return [note("rate_unconfirmed", f"rate_unconfirmed: {found.sfreq:g} Hz, though samples stand in pieces of {size:g}")]


def _odd_notes(found: FifTags, names: list[str]) -> list[dict[str, Any]]:
    eeg = [(channel, name) for channel, name in zip(found.channels, names, strict=True) if channel.kind == _EEG_KIND]
    notes = []
    wrong = [
        name for channel, name in zip(found.channels, names, strict=True) if (channel.kind == _EEG_KIND) != (channel.coil == _EEG_COIL)
        and channel.coil in (0, _EEG_COIL) and (channel.coil == _EEG_COIL or channel.kind == _EEG_KIND)
    ]  # fmt: skip
    if wrong:
        notes.append(
            note("type_differs", f"type_differs: {', '.join(wrong)} by kind is no EEG and by sensor is, or the reverse", wrong)
        )
    # Exactly: a calibration that lost one bit scales its channel by a little, and everything computed from it.
    return notes + (unlike_notes([name for _, name in eeg], [(channel.scale, channel.unit) for channel, _ in eeg]) if eeg else [])

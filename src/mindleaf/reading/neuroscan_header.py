"""Neuroscan CNT (SCAN 3 and 4): the 900-byte SETUP header, 75 bytes per channel, samples, and the event table behind them.

The header does not say whether samples take 2 or 4 bytes, and its number of samples is not reliable, so both are worked
out from the event table's position. Microvolts are (sample - baseline) x sensitivity x calibration / 204.8.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mindleaf.errors import ReadError
from mindleaf.reading.channel_list import rate_notes, read_rows, unique_names
from mindleaf.reading.notes import note

_SETUP_BYTES, _CHANNEL_BYTES, _TABLE_BYTES = 900, 75, 9
#: Bytes per event by the table's type.
EVENT_BYTES = {1: 8, 2: 19, 3: 19}
_ADVICE = "the header is damaged; get the file again from its source."
_LOOK_BYTES = 1 << 17


@dataclass(frozen=True)
class CntHeader:
    """What the header says. ``block`` samples of one channel follow each other, then the next channel's; mostly 1.

    ``factors`` and ``baselines`` have one entry per channel: microvolts = (sample - baseline) x factor.
    ``table`` is the byte where the event table stands, None where the file ends before it; ``n_events`` is what the
    header promises of it, 0 where it says nothing.
    """

    path: Path
    sfreq: float
    names: tuple[str, ...]
    sample_bytes: int
    block: int
    n_times: int
    table: int | None
    n_events: int
    factors: NDArray[np.float64]
    baselines: NDArray[np.float64]
    notes: tuple[dict[str, Any], ...]

    @property
    def data_start(self) -> int:
        return _SETUP_BYTES + _CHANNEL_BYTES * len(self.names)

    def microvolts(self, start: int, stop: int) -> NDArray[np.float64]:
        """Samples start to stop, (channel, time)."""
        dtype, n = f"<i{self.sample_bytes}", len(self.names)
        first, last = start // self.block, -(-stop // self.block)
        rows = read_rows(self.path, self.data_start, dtype, n * self.block, first, last)
        values = rows.reshape(last - first, n, self.block).transpose(1, 0, 2).reshape(n, -1)
        values = values[:, start - first * self.block : stop - first * self.block]
        return (values - self.baselines[:, None]) * self.factors[:, None]


def read_cnt_header(path: Path) -> CntHeader:
    """Parse the header. Raises ReadError for another format under the same suffix and for contradictions."""
    file_bytes = path.stat().st_size
    with path.open("rb") as file:
        setup = file.read(_SETUP_BYTES)
        _refuse_others(path, setup)
        n = struct.unpack_from("<H", setup, 370)[0]
        table = file.read(_CHANNEL_BYTES * n)
    if n < 1 or len(table) < _CHANNEL_BYTES * n:
        raise ReadError(f"{path}: the header promises {n} channels, the file ends inside their list; {_ADVICE}")
    places = range(0, len(table), _CHANNEL_BYTES)
    raw = [table[place : place + 10].split(b"\0")[0].decode("latin-1").strip() for place in places]
    names, notes = unique_names(path, raw)
    sfreq = float(struct.unpack_from("<H", setup, 376)[0])
    notes += rate_notes(path, sfreq)
    baselines = np.array([struct.unpack_from("<h", table, place + 47)[0] for place in places], np.float64)
    factors = np.array([_factor(path, name, table, place) for name, place in zip(names, places, strict=True)])
    bad = [name for name, place in zip(names, places, strict=True) if table[place + 14]]
    if bad:
        notes.append(note("channel_marked_bad", f"channel_marked_bad: the file marks {', '.join(bad)} as bad; kept", bad))
    end, found, more = _data_end(path, setup, n, file_bytes)
    sample_bytes, n_times, arithmetic = _sample_bytes(path, setup, n, end, file_bytes)
    block, blocked = _block(path, setup, sample_bytes, n_times)
    notes += more + arithmetic + blocked
    n_events = max(0, struct.unpack_from("<i", setup, 353)[0])
    place = end if found else None
    return CntHeader(path, sfreq, tuple(names), sample_bytes, block, n_times, place, n_events, factors, baselines, tuple(notes))


def _refuse_others(path: Path, setup: bytes) -> None:
    if setup[:4] in (b"RIFF", b"RF64"):
        raise ReadError(
            f"{path}: is a CNT file of ANT Neuro (eego, EEProbe), not of Neuroscan; wanted Neuroscan; export it as "
            "BrainVision or EDF with ANT's software."
        )
    if not setup.startswith(b"Version") or len(setup) < _SETUP_BYTES:
        raise ReadError(f"{path}: does not begin as a Neuroscan CNT file ('Version 3.0'); check what program wrote it.")


def _factor(path: Path, name: str, table: bytes, place: int) -> float:
    sensitivity, calibration = struct.unpack_from("<f", table, place + 59)[0], struct.unpack_from("<f", table, place + 71)[0]
    factor = sensitivity * calibration / 204.8
    if not np.isfinite(factor) or factor == 0 or not 1e-9 < abs(factor) < 1e9:
        raise ReadError(f"{path}: channel {name} has sensitivity {sensitivity:g} and calibration {calibration:g}; {_ADVICE}")
    return factor


def _data_end(path: Path, setup: bytes, n: int, file_bytes: int) -> tuple[int, bool, list[dict[str, Any]]]:
    """Where the samples end, whether an event table stands there, and what was odd about finding it."""
    (high,), (low,) = struct.unpack_from("<I", setup, 16), struct.unpack_from("<I", setup, 886)
    (promised,) = struct.unpack_from("<I", setup, 864)
    start = _SETUP_BYTES + _CHANNEL_BYTES * n
    told = [low, (high << 32) + low]
    computed = [start + width * n * promised for width in (2, 4)]
    for place in [*told, *(low + (k << 32) for k in range(1, file_bytes >> 32)), *computed]:
        if place >= start and _is_table(path, place, file_bytes):
            if place in told:
                return place, True, []
            return place, True, [note("table_moved", "table_moved: the event table does not stand where the header says")]
    if low < file_bytes:
        raise ReadError(f"{path}: no event table stands at byte {low} where the header says; {_ADVICE}")
    return file_bytes, False, []


def _is_table(path: Path, place: int, file_bytes: int) -> bool:
    if place + _TABLE_BYTES > file_bytes:
        return False
    with path.open("rb") as file:
        file.seek(place)
        kind, size, _ = struct.unpack("<BII", file.read(_TABLE_BYTES))
    return kind in EVENT_BYTES and size % EVENT_BYTES[kind] == 0 and place + _TABLE_BYTES + size <= file_bytes


def _sample_bytes(path: Path, setup: bytes, n: int, end: int, file_bytes: int) -> tuple[int, int, list[dict[str, Any]]]:
    """Bytes per sample, number of samples, and the issues; ReadError where 16 and 32 bits cannot be told apart."""
    (promised,) = struct.unpack_from("<I", setup, 864)
    (told_end,) = struct.unpack_from("<I", setup, 886)
    (rate,) = struct.unpack_from("<H", setup, 376)
    start = _SETUP_BYTES + _CHANNEL_BYTES * n
    for width in (2, 4):
        if promised and end - start == width * n * promised:
            return _checked_by_content(path, width, start, end), promised, []
    for width in (2, 4):  # a file cut short: the header's own numbers still agree with each other
        if promised and told_end > file_bytes and told_end - start == width * n * promised:
            there = (end - start) // (width * n)
            lost = (promised - there) / max(rate, 1)
            text = (
                f"truncated, lost_s={lost:g}: the header promises {promised} samples, the file holds {there}; its events are lost"
            )
            return width, there, [note("truncated", text)]
    found = _marked_width(path, setup, file_bytes) or _width_by_content(path, start, end)
    if found is None:
        raise ReadError(f"{path}: nothing in it tells whether samples take 2 or 4 bytes; export it again from SCAN.")
    width = found
    there, left_over = divmod(end - start, width * n)
    text = f"length_differs: the header promises {promised} samples, the file holds {there}; taken as {8 * width} bits per sample"
    notes = [note("length_differs", text)]
    if left_over:
        notes.append(
            note("truncated", "truncated, lost_s=0: the samples end inside a sample; the end, or the header, is damaged")
        )
    return _checked_by_content(path, width, start, end), there, notes


def _marked_width(path: Path, setup: bytes, file_bytes: int) -> int | None:
    """SCAN 4 writes a second header behind the events; its byte 52 is 1 where samples take 4 bytes."""
    (second,) = struct.unpack_from("<i", setup, 12)
    if not _SETUP_BYTES < second < file_bytes - 52:
        return None
    with path.open("rb") as file:
        file.seek(second + 52)
        return {0: 2, 1: 4}.get(file.read(1)[0])


def _width_by_content(path: Path, start: int, end: int) -> int | None:
    """4 where every other 16-bit word is the sign of the word before, 2 where both kinds of words look alike, None if unclear."""
    words = np.fromfile(path, "<i2", min(_LOOK_BYTES, end - start) // 2 & ~1, offset=start).astype(np.int32)
    low, high = np.abs(words[0::2]), np.abs(words[1::2])
    if len(words) < 200 or not low.any():
        return None
    spread = [float(np.percentile(part, 90)) for part in (low, high)]
    if spread[1] <= 256 and spread[0] > 16 * max(spread[1], 1.0):
        return 4
    return 2 if spread[1] > 0 and 1 / 16 <= spread[0] / spread[1] <= 16 else None


def _checked_by_content(path: Path, width: int, start: int, end: int) -> int:
    seen = _width_by_content(path, start, end)
    if width == 2 and seen == 4:
        raise ReadError(f"{path}: 2 bytes per sample by the header's numbers, the samples themselves look like 4; {_ADVICE}")
    return width


def _block(path: Path, setup: bytes, sample_bytes: int, n_times: int) -> tuple[int, list[dict[str, Any]]]:
    """Samples of one channel in a row; the header gives bytes, 0 and 1 stand for one sample."""
    (told,) = struct.unpack_from("<i", setup, 894)
    if told in (0, 1, sample_bytes):
        return 1, []
    block, rest = divmod(told, sample_bytes)
    if told < 0 or rest or n_times % block:
        raise ReadError(f"{path}: the header stores {told} bytes per channel in a row, {n_times} samples do not fit; {_ADVICE}")
    text = f"blocked: {block} samples of a channel stand in a row, as the header says; check that the signal looks right"
    return block, [note("blocked", text)]

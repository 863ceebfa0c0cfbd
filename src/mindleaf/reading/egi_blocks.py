"""Signal files inside an EGI .mff folder: blocks of little-endian float32, one channel after the other within a block.

Each block begins with a flag: 1 and a header, or 0 for "as the block before".
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mindleaf.errors import ReadError
from mindleaf.reading.notes import note

_ADVICE = "the file is damaged; get the folder again from its source."
_MOST_BLOCKS = 1_000_000


@dataclass(frozen=True)
class Blocks:
    """Blocks in the order of the file: ``places`` are their first bytes, ``starts`` their first samples and the end's."""

    path: Path
    n_channels: int
    sfreq: float
    places: NDArray[np.int64]
    starts: NDArray[np.int64]
    notes: tuple[dict[str, Any], ...]

    @property
    def n_times(self) -> int:
        return int(self.starts[-1])

    def values(self, start: int, stop: int) -> NDArray[np.float32]:
        """Stored samples start to stop, (channel, time); only the blocks they lie in are touched."""
        found = np.empty((self.n_channels, stop - start), np.float32)
        first, last = np.searchsorted(self.starts, [start, stop - 1], "right") - 1
        for number in range(int(first), int(last) + 1):
            begin, end = int(self.starts[number]), int(self.starts[number + 1])
            low, high = max(start, begin), min(stop, end)
            block = np.memmap(self.path, "<f4", "r", int(self.places[number]), (self.n_channels, end - begin))
            found[:, low - start : high - start] = block[:, low - begin : high - begin]
        return found


@dataclass(frozen=True)
class _Head:
    n_channels: int
    n_samples: int
    sfreq: float
    total: int | None


def read_blocks(path: Path) -> Blocks:
    """Walk through the block headers. Raises ReadError where they contradict each other or the file's size."""
    size = path.stat().st_size
    places: list[int] = []
    starts: list[int] = [0]
    head: _Head | None = None
    first: _Head | None = None
    notes: list[dict[str, Any]] = []
    with path.open("rb") as file:
        while file.tell() < size and len(places) < _MOST_BLOCKS:
            found = _head(path, file, size)
            if found is None and head is None:
                raise ReadError(f"{path}: its first block has no header; {_ADVICE}")
            if found and first and (found.n_channels, found.sfreq) != (first.n_channels, first.sfreq):
                raise ReadError(f"{path}: channels or rate change from block {len(places)} to the next; {_ADVICE}")
            head = found or head
            first = first or head
            assert head is not None
            if file.tell() + 4 * head.n_channels * head.n_samples > size:
                lost_s = head.n_samples / head.sfreq
                text = f"truncated, lost_s={lost_s:g}: the file ends inside block {len(places) + 1}, which is left out"
                notes.append(note("truncated", text))
                break
            places.append(file.tell())
            starts.append(starts[-1] + head.n_samples)
            file.seek(4 * head.n_channels * head.n_samples, 1)
    if first is None or not places:
        raise ReadError(f"{path}: holds no complete block of samples; {_ADVICE}")
    if not notes and first.total not in (None, starts[-1]):
        text = f"the first block promises {first.total} samples in all, the file holds {starts[-1]}"
        lost_s = ((first.total or 0) - starts[-1]) / first.sfreq
        told = f"truncated, lost_s={lost_s:g}" if lost_s > 0 else "length_differs"
        notes.append(note(told.split(",")[0], f"{told}: {text}"))
    return Blocks(path, first.n_channels, first.sfreq, np.array(places), np.array(starts), tuple(notes))


def _head(path: Path, file: Any, size: int) -> _Head | None:
    """The header at the file's position, None for "as before"; the position moves to the block's samples."""
    start = file.tell()
    (flag,) = struct.unpack("<i", _exactly(path, file, 4))
    if flag == 0:
        return None
    if flag != 1:
        raise ReadError(f"{path}: wanted a block header at byte {start}, found {flag}; {_ADVICE}")
    head_bytes, block_bytes, n = struct.unpack("<3i", _exactly(path, file, 12))
    if not 1 <= n <= 4096 or block_bytes < 1 or block_bytes % (4 * n) or head_bytes < 4 * (5 + 2 * n) or head_bytes > size:
        raise ReadError(f"{path}: the block at byte {start} has {block_bytes} bytes for {n} channels; {_ADVICE}")
    offsets = np.frombuffer(_exactly(path, file, 4 * n), "<i4")
    packed = np.frombuffer(_exactly(path, file, 4 * n), "<i4")
    if np.any(packed != packed[0]) or packed[0] & 0xFF != 32 or packed[0] >> 8 < 1:
        raise ReadError(f"{path}: the block at byte {start} mixes rates or is not made of 32-bit numbers; {_ADVICE}")
    if not np.array_equal(offsets, np.arange(n) * (block_bytes // n)):
        raise ReadError(f"{path}: the channels of the block at byte {start} do not stand where its header says; {_ADVICE}")
    optional = _exactly(path, file, head_bytes - 4 * (4 + 2 * n))
    (more,) = struct.unpack_from("<i", optional)
    if more + 4 != len(optional):
        raise ReadError(f"{path}: the header of the block at byte {start} has another length than it says; {_ADVICE}")
    total = struct.unpack_from("<q", optional, 16)[0] if more == 24 and struct.unpack_from("<i", optional, 4)[0] == 1 else None
    return _Head(n, block_bytes // (4 * n), float(packed[0] >> 8), total)


def _exactly(path: Path, file: Any, n_bytes: int) -> bytes:
    content = file.read(n_bytes)
    if len(content) < n_bytes:
        raise ReadError(f"{path}: ends inside a block header; {_ADVICE}")
    return content

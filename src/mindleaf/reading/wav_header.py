"""The second look at WAV files: chunk sizes and the header's own arithmetic.

"RIFF", size, "WAVE", then chunks of name, size and content; "fmt " says how the samples in "data" are stored.
"""

from __future__ import annotations

import struct
from pathlib import Path

from mindleaf.errors import ReadError

#: Recorders that stream leave sizes open.
_OPEN = (0, 0xFFFFFFFF)
_PLAIN_FORMATS = (1, 3, 6, 7, 0xFFFE)
_RATES = (1_000, 768_000)
_ADVICE = "the header is damaged; get the file again."


def refuse_damaged_wav(path: Path, rate: int, n_channels: int, n_frames: int) -> None:
    """Raise ReadError where the header contradicts itself, the file's size, or what the reader found. Other formats pass."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
            return
        promised = struct.unpack_from("<I", head, 4)[0]
        chunks = _chunks(path, file, size if promised in _OPEN else min(size, promised + 8), size)
    if "fmt " not in chunks or "data" not in chunks:
        raise ReadError(f"{path}: wanted a format and samples, found {', '.join(map(repr, chunks)) or 'nothing'}; {_ADVICE}")
    place, told = chunks["fmt "]
    with path.open("rb") as file:
        file.seek(place)
        fields = file.read(min(told, 16))
    if len(fields) < 16:
        raise ReadError(f"{path}: its format takes {told} bytes, wanted 16 or more; {_ADVICE}")
    kind, channels, own_rate, byte_rate, align, bits = struct.unpack("<HHIIHH", fields)
    if not _RATES[0] <= own_rate <= _RATES[1] or (own_rate, channels) != (rate, n_channels):
        raise ReadError(
            f"{path}: {channels} channels at {own_rate} Hz by its header, {n_channels} at {rate} Hz by the reader; {_ADVICE}"
        )
    if kind in _PLAIN_FORMATS and (align != channels * -(-bits // 8) or byte_rate != own_rate * align):
        raise ReadError(
            f"{path}: {channels} channels of {bits} bits at {own_rate} Hz are not {byte_rate} bytes a second; {_ADVICE}"
        )
    place, told = chunks["data"]
    if told not in _OPEN:
        _refuse_size(path, size, promised, place + told)
        if kind in _PLAIN_FORMATS and (told % align or told // align != n_frames):
            raise ReadError(f"{path}: {told} bytes of samples are not {n_frames} times {align}; {_ADVICE}")


def _chunks(path: Path, file, end: int, size: int) -> dict[str, tuple[int, int]]:
    """Name -> first byte and size of each chunk up to ``end``."""
    found: dict[str, tuple[int, int]] = {}
    place = 12
    while place + 8 <= end:
        file.seek(place)
        name, told = struct.unpack("<4sI", file.read(8))
        text = name.decode("latin-1")
        if not text.isascii() or not text.isprintable() or (text in found and text in ("fmt ", "data")):
            raise ReadError(f"{path}: the chunk at byte {place} has no name, or one that came before; {_ADVICE}")
        found.setdefault(text, (place + 8, told))
        if told in _OPEN and text == "data":
            break
        place += 8 + told + told % 2
        if place > end + 1:
            raise ReadError(
                f"{path}: is cut short, {text.strip()!r} promises {told} bytes and {size - found[text][0]} are there; {_ADVICE}"
            )
    return found


def _refuse_size(path: Path, size: int, promised: int, end: int) -> None:
    if promised in _OPEN:
        return
    missing = promised + 8 - size
    if missing > end % 2 or (0 < -missing < 8 and size != end + end % 2):
        raise ReadError(
            f"{path}: its header promises {promised + 8} bytes, {size} are there: bytes were lost or added; get it again."
        )

"""The second look at FLAC files: the checksum of the decoded samples that the encoder wrote into the header.

"fLaC", a block header of 4 bytes, then block and frame sizes (10 bytes), rate, channels, bits and length (8 bytes), and the
MD5 (16 bytes) of the samples as interleaved little-endian integers; 16 zeros where the encoder wrote none.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mindleaf.errors import ReadError

_PIECE_FRAMES = 1 << 20


def refuse_damaged_flac(path: Path, samples: NDArray[np.int32]) -> None:
    """Raise ReadError where ``samples`` (frame, channel), scaled to 32 bits, are not those that were encoded. Other formats pass."""
    with path.open("rb") as file:
        head = file.read(42)
    if head[:4] != b"fLaC" or len(head) < 42 or not any(head[26:42]):
        return
    bits = (int.from_bytes(head[18:26], "big") >> 36 & 31) + 1
    width = -(-bits // 8)
    checksum = hashlib.md5(usedforsecurity=False)
    for first in range(0, len(samples), _PIECE_FRAMES):
        whole = np.ascontiguousarray(samples[first : first + _PIECE_FRAMES] >> (32 - bits), "<i4")
        checksum.update(whole.view(np.uint8).reshape(-1, 4)[:, :width].tobytes())
    if checksum.digest() != head[26:42]:
        raise ReadError(
            f"{path}: its samples are not those that were encoded, by the checksum in its header; the file is damaged; get it again."
        )

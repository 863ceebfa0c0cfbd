"""Damage one file of a recording many times, and count what the reader makes of it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from mindleaf.errors import ReadError
from mindleaf.reading.signals import SignalFile, open_signal

_UNTYPED = ("the reader crashed", "without an end", "cannot be read as", "wants more than")


def mutate(content: bytes, end: int, rng: np.random.Generator) -> bytes:
    """One bit flipped, a digit put in, bytes zeroed, a stretch shifted, the file cut, or bytes put in, all before ``end``."""
    damaged = bytearray(content)
    kind, place = rng.integers(6), int(rng.integers(end))
    if kind == 0:
        damaged[place] ^= 1 << int(rng.integers(8))
    elif kind == 1:
        damaged[place] = int(rng.integers(48, 58))
    elif kind == 2:
        count = min(int(rng.integers(1, 9)), end - place)
        damaged[place : place + count] = bytes(count)
    elif kind == 3:
        last = min(place + 64, end)
        damaged[place:last] = damaged[place + 1 : last] + b" "
    elif kind == 4:
        del damaged[int(rng.integers(1, len(damaged))) :]
    else:
        damaged[place:place] = rng.integers(0, 256, int(rng.integers(1, 20)), dtype=np.uint8).tobytes()
    return bytes(damaged)


def outcomes(path: Path, part: Path, end: int, n: int, seed: int = 1) -> Counter[str]:
    """Open ``path`` with ``part`` of it damaged before byte ``end``, ``n`` times: refused, named, identical, untyped, silent."""
    content, whole = part.read_bytes(), open_signal(path)
    values, rng = whole.load(), np.random.default_rng(seed)
    usual = {issue.code for issue in whole.issues}
    found: Counter[str] = Counter()
    for _ in range(n):
        part.write_bytes(mutate(content, end, rng))
        try:
            file = open_signal(path)
            loaded = file.load()
        except ReadError as error:
            found["untyped" if any(words in str(error) for words in _UNTYPED) else "refused"] += 1
            continue
        if {issue.code for issue in file.issues} - usual:
            found["named"] += 1
        else:
            found["identical" if _same(file, whole) and np.array_equal(loaded, values, equal_nan=True) else "silent"] += 1
    part.write_bytes(content)
    return found


def _same(file: SignalFile, whole: SignalFile) -> bool:
    facts = [(one.sfreq, one.n_times, one.channel_names, one.channel_types, one.events) for one in (file, whole)]
    return facts[0] == facts[1]

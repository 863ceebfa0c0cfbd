"""Undamaged files of amplifier makers' formats for the fuzzing, by the writers beside this file."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from . import egi_writers, neuroscan_writers
from .fuzz_files import NAMES
from .fuzz_mutations import Part


def _written(write: Callable[[Path], object], opened: str) -> dict[str, Part]:
    """The files that ``write`` makes for the recording ``opened``, without payload."""
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / opened)
        files = [path for path in sorted(Path(folder).rglob("*")) if path.is_file()]
        return {path.relative_to(folder).as_posix(): Part(path.read_bytes()) for path in files}


def _fill(owner: np.ndarray, start: int, numbers: np.ndarray, width: int) -> None:
    owner[start : start + numbers.size * width] = np.repeat(numbers.ravel(), width)


def _by_sample(n_rows: int, n_times: int) -> np.ndarray:
    """Flat sample numbers of all rows of the first sample, then of the second one ..."""
    return (np.arange(n_rows) * n_times + np.arange(n_times)[:, None]).astype(np.int32)


def cnt() -> dict[str, Part]:
    """Neuroscan CNT, 16 bits, with an event table and a second header behind it."""
    parts = _written(lambda path: neuroscan_writers.write_cnt(path, names=NAMES), "a.cnt")
    part, n = parts["a.cnt"], len(NAMES)
    n_times = neuroscan_writers.eeg().shape[1]
    start = 900 + 75 * n
    _fill(part.samples, start, _by_sample(n, n_times), 2)
    _fill(part.events, start + 2 * n * n_times + 9, np.arange(len(neuroscan_writers.EVENTS)), 19)
    return parts


def curry() -> dict[str, Part]:
    """Curry 8: .cdt, its parameter file and its events. The stored trigger channel is not read, so it counts as header."""
    parts = _written(lambda path: neuroscan_writers.write_curry(path, names=NAMES), "a.cdt")
    n, n_times = len(NAMES), neuroscan_writers.eeg().shape[1]
    numbers = np.full((n_times, n + 1), -1, np.int32)
    numbers[:, :n] = _by_sample(n, n_times)
    _fill(parts["a.cdt"].samples, 0, numbers, 4)
    marks = parts["a.cdt.cef"]
    for number, (sample, code) in enumerate(neuroscan_writers.EVENTS):
        row = f"\n{sample}\t0\t{code}\t".encode()
        start = marks.content.index(row) + 1
        marks.events[start : marks.content.index(b"\n", start)] = number
    return parts


def egi() -> dict[str, Part]:
    """EGI simple binary, 32-bit floats, with two event channels of one event each: its code stands once, in the header."""
    names = ("D255", "stm+")
    parts = _written(lambda path: egi_writers.write_simple_binary(path, codes=names), "a.raw")
    part, (n, n_times), codes = parts["a.raw"], egi_writers.eeg().shape, len(names)
    _fill(part.events, 36, np.arange(codes), 4)
    start = 36 + 4 * codes
    numbers, times = np.full((2, n_times, n + codes), -1, np.int32)
    numbers[:, :n] = _by_sample(n, n_times)
    times[:, n:] = np.arange(n_times)[:, None]
    _fill(part.samples, start, numbers, 4)
    _fill(part.triggers, start, times, 4)
    return parts


def egi_mff() -> dict[str, Part]:
    """An EGI .mff folder: one signal file in blocks, and XML."""
    parts = _written(lambda path: egi_writers.write_mff(path), "a.mff")
    del parts["a.mff/coordinates.xml"]  # nobody reads it
    n, n_times = egi_writers.eeg().shape
    part, place, first = parts["a.mff/signal1.bin"], 0, 0
    while first < n_times:  # a flag, a header where the flag is 1, then one channel after the other
        flag, head_bytes = np.frombuffer(part.content, "<i4", 2, place)
        length = min(700, n_times - first)
        place += int(head_bytes) if flag else 4
        _fill(part.samples, place, (np.arange(n)[:, None] * n_times + np.arange(first, first + length)).astype(np.int32), 4)
        place, first = place + 4 * n * length, first + length
    marks = parts["a.mff/Events_ECI.xml"]
    for number, match in enumerate(re.finditer(rb"<event>.*?</code>", marks.content)):
        for text in re.finditer(rb">([^<]+)<", match.group(0)):
            marks.events[match.start() + text.start(1) : match.start() + text.end(1)] = number
    return parts

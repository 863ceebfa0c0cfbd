"""Read many damaged files in one child process, each as its own call would; and the same for other people's readers.

A child that dies or runs out of time takes its batch with it: the files of that batch are then read one by one.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mindleaf.errors import ReadError
from mindleaf.reading import audio, formats, matfile, zygote
from mindleaf.reading.channel_names import name_notes
from mindleaf.reading.child import GIGABYTE, guarded
from mindleaf.reading.presence import bytes_of, present_file

#: Seconds one damaged file may take (RELIABILITY promises an end within ten).
LIMIT_S = 10.0
MAT_VARIABLES = ["eeg", "fs", "seg"]


def read_signal(path: str) -> dict[str, Any]:
    """What ``open_signal(path)`` and its ``load()`` see, in the child."""
    present_file(Path(path), "a signal file")
    found = formats.describe(path, None, None)
    found["values"] = formats.read_values(path, None, None, None)
    found["notes"] += name_notes(found["names"], found["types"], ())
    return found


def read_sound(path: str) -> dict[str, Any]:
    present_file(Path(path), "an audio file")
    told = audio.describe_audio(path)
    return _plain([str(told["n_channels"])], told["sample_rate"], audio.load_audio(path, None)[None])


def read_matlab(path: str) -> dict[str, Any]:
    present_file(Path(path), "a .mat file")
    return flattened(matfile.load_mat(path, MAT_VARIABLES))


def flattened(values: dict[str, Any]) -> dict[str, Any]:
    """Nested variables as names (path, class, shape, text) and one row of numbers."""
    names: list[str] = []
    numbers: list[np.ndarray] = []

    def visit(path: str, value: Any) -> None:
        if isinstance(value, dict):
            for name in sorted(value):
                visit(f"{path}.{name}", value[name])
        elif isinstance(value, (list, tuple)):
            names.append(f"{path}: {len(value)} cells")
            for number, item in enumerate(value):
                visit(f"{path}[{number}]", item)
        elif isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
            names.append(f"{path}: {value.dtype} {value.shape}")
            numbers.append(value.ravel(order="F").astype(np.float64))
        elif isinstance(value, str):  # its characters are stored numbers like others
            names.append(f"{path}: a text of {len(value)}")
            numbers.append(np.array([ord(letter) for letter in value], np.float64))
        else:
            names.append(f"{path}: {value!r}")

    visit("", values)
    return _plain(names, 1.0, np.concatenate(numbers)[None] if numbers else np.empty((1, 0)))


def _plain(names: list[str], sfreq: float, values: np.ndarray) -> dict[str, Any]:
    return {"names": names, "types": [], "sfreq": sfreq, "n_times": values.shape[-1], "events": [], "notes": [], "values": values}


READERS = {"signal": read_signal, "sound": read_sound, "matlab": read_matlab}


def read_many(first: str, paths: list[str], module: str, reader: str, request: dict[str, Any]) -> list[dict[str, Any]]:
    """In the child: the outcome of each path, and the seconds it took."""
    outcomes = []
    for path in paths:
        start = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            outcome = zygote.outcome({**request, "function": f"{module}:{reader}", "arguments": [path]})
        outcomes.append({**outcome, "seconds": time.perf_counter() - start})
    return outcomes


def outcomes_of(paths: Sequence[Path], reader: Any, batch: int = 25) -> Iterator[dict[str, Any]]:
    """The outcome for each path in turn, with ``ended`` ("crash" or "hang") where the child did not survive a file."""
    import sys

    memory = 4 * max((bytes_of(path) for path in paths), default=0) + GIGABYTE
    request = {"memory_bytes": memory, "path": [entry for entry in sys.path if entry]}
    for first in range(0, len(paths), batch):
        group = list(paths[first : first + batch])
        yield from _group(group, reader, request)


def _group(group: list[Path], reader: Any, request: dict[str, Any]) -> list[dict[str, Any]]:
    arguments = [[str(path) for path in group], reader.__module__, reader.__name__, request]
    start = time.perf_counter()
    limit = LIMIT_S if len(group) == 1 else LIMIT_S + 1.0 * len(group)
    try:
        return guarded(read_many, group[0], *arguments, timeout_s=limit, memory_bytes=2 * request["memory_bytes"])
    except ReadError as error:
        if len(group) > 1:
            return [outcome for path in group for outcome in _group([path], reader, request)]
        text = str(error)
        return [{"ended": "crash" if "crashed" in text else "hang", "sentence": text, "seconds": time.perf_counter() - start}]

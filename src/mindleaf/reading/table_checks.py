"""The second look at plain tables: lengths against the JSON file beside them, and the regularity of CSV text."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mindleaf.errors import ReadError
from mindleaf.reading.channel_list import rate_notes
from mindleaf.reading.notes import note

#: What the JSON file beside a table may say.
_FACTS = ("sfreq", "channel_names", "unit", "n_times", "duration_s")
_LOOK_BYTES = 256 << 20


def length_notes(path: Path, facts: dict[str, Any], n_times: int, rate: float, from_file: bool) -> list[dict[str, Any]]:
    """Rate and number of samples against what the JSON file promises; ``from_file`` is False for a rate that was passed in."""
    notes = rate_notes(path, rate) if from_file else []
    odd = [name for name in facts if name not in _FACTS]
    if odd:
        notes.append(
            note(
                "json_unknown", f"json_unknown: {len(odd)} entries of the JSON file are not known; known are {', '.join(_FACTS)}"
            )
        )
    promised, duration = facts.get("n_times"), facts.get("duration_s")
    if promised is not None and promised > n_times:
        lost_s = (promised - n_times) / rate
        notes.append(
            note("truncated", f"truncated, lost_s={lost_s:g}: {promised:g} samples by the JSON file, {n_times} are there")
        )
    elif promised is not None and promised != n_times:
        notes.append(note("length_differs", f"length_differs: {promised:g} samples by the JSON file, {n_times} are there"))
    told = facts.get("sfreq")
    rates = [value for value in (told if from_file else None, promised / duration if promised and duration else None) if value]
    if any(abs(value - rate) > 1e-3 * rate for value in rates):
        text = f"rate_differs: {rate:g} Hz is used, the JSON file's numbers say {' and '.join(f'{value:g}' for value in rates)}"
        notes.append(note("rate_differs", text))
    return notes


def refuse_other_size(path: Path, values: NDArray[Any]) -> None:
    """Raise ReadError where an .npy file is longer than its header and its numbers; numpy reads the begin of it in silence."""
    with path.open("rb") as file:
        version = np.lib.format.read_magic(file)
        width = 2 if version[0] == 1 else 4
        header = 8 + width + int.from_bytes(file.read(width), "little")
    size = path.stat().st_size
    if size != header + values.nbytes:
        raise ReadError(
            f"{path}: {values.shape} numbers of {values.dtype} take {header + values.nbytes} bytes, the file has {size}; save it again."
        )


def text_notes(path: Path) -> list[dict[str, Any]]:
    """Issues of a CSV file's text: a last line without end, and cells with another number of decimals than all the others."""
    with path.open("rb") as file:
        data = np.frombuffer(file.read(_LOOK_BYTES), np.uint8)
    notes = []
    if path.stat().st_size <= _LOOK_BYTES and data[-1] not in (10, 13):
        notes.append(
            note("truncated", "truncated, lost_s=unknown: the last line has no end; it, or lines after it, may be missing")
        )
    first_line = int(np.argmax(data == 10))
    body = data[first_line:]
    is_digit, is_dot = (body >= 48) & (body <= 57), body == 46
    ends = np.flatnonzero(~(is_digit | is_dot))
    dots = np.flatnonzero(is_dot)
    after = np.searchsorted(ends, dots)
    dots, after = dots[after < len(ends)], after[after < len(ends)]
    lengths = Counter((ends[after] - dots - 1).tolist())
    # Programs write a fixed number of decimals, or as many as needed; one cell unlike all others was damaged.
    usual = lengths.most_common(2)
    if len(usual) > 1 and lengths.total() - usual[0][1] <= 20 < usual[0][1]:
        count = lengths.total() - usual[0][1]
        notes.append(
            note("cells_uneven", f"cells_uneven: {count} cells have not the {usual[0][0]} decimals of all others; check them")
        )
    return notes

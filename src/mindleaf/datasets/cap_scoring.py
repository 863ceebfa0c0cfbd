"""RemLogic's exported scoring (.txt), and the time of day at which an EDF file begins."""

from __future__ import annotations

import re
from pathlib import Path

from mindleaf.errors import ReadError

_CLOCK = re.compile(r"(\d{1,2})[:.](\d{1,2})[:.](\d{1,2})(?:[.,]\d+)?")
_EDF_START_TIME = slice(176, 184)
_WANTED = ("time", "event", "duration")


def start_of_day_s(path: Path) -> float:
    """Time of day at which the EDF file begins, in seconds; nothing else of its header. ReadError where it is no time."""
    with path.open("rb") as file:
        text = file.read(_EDF_START_TIME.stop)[_EDF_START_TIME].decode("latin-1")
    seconds = _clock_s(text)
    if seconds is None:
        raise ReadError(f"{path}: wanted the start as hh.mm.ss in the header, it holds no time; get the file again.")
    return seconds


def read_remlogic(path: Path) -> list[tuple[float, str, float]]:
    """(time of day in s, event, duration in s) of every row, in order.

    What stands above the line of column names (patient, date, scorer) is skipped unread. Some tables have a column
    "Position", some do not, and times are written 22:30:05 or 22.30.05: columns go by their names.
    Raises ReadError where there is no line of column names, or a row that is no time, event and duration.
    """
    lines = path.read_text(encoding="latin-1").splitlines()
    header = next((k for k, line in enumerate(lines) if line.strip().lower().startswith("sleep stage\t")), None)
    if header is None:
        raise ReadError(f"{path}: wanted a line of column names that begins with 'Sleep Stage'; it has none; get the file again.")
    columns = [column.strip().lower() for column in lines[header].split("\t")]
    places = [next((k for k, column in enumerate(columns) if column.startswith(word)), None) for word in _WANTED]
    if None in places:
        raise ReadError(f"{path}: wanted the columns Time, Event and Duration; {_WANTED[places.index(None)]} is missing.")
    rows = []
    for number, line in enumerate(lines[header + 1 :], start=header + 2):
        if line.strip():
            rows.append(_row(path, number, line.split("\t"), [place for place in places if place is not None]))
    return rows


def _row(path: Path, number: int, cells: list[str], places: list[int]) -> tuple[float, str, float]:
    texts = [cells[place].strip() if place < len(cells) else "" for place in places]
    clock, duration = _clock_s(texts[0]), texts[2].replace(",", ".")
    if clock is None or not texts[1] or not re.fullmatch(r"\d{1,6}(\.\d+)?", duration):
        raise ReadError(f"{path}: line {number}: wanted a time of day, an event and a duration in seconds; get the file again.")
    return clock, texts[1], float(duration)


def _clock_s(text: str) -> float | None:
    match = _CLOCK.fullmatch(text.strip())
    hours, minutes, seconds = (int(part) for part in match.groups()) if match else (99, 0, 0)
    return 3600.0 * hours + 60.0 * minutes + seconds if hours < 24 and minutes < 60 and seconds < 60 else None

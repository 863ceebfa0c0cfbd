"""The third look at BrainVision headers: channel lines, and the amplifier's own table that the recorder puts in the comment."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mindleaf.errors import ReadError
from mindleaf.reading.notes import note
from mindleaf.reading.plausible import unlike_notes

_ROW = re.compile(r"^\s*(\d+)\s+(\S.*?)\s+(\d+)\s{2,}([\d.]+)\s*(\S+)\s", re.MULTILINE)
_ADVICE = "the header is damaged; get the file again from its source."


def setup_notes(path: Path, text: str, names: list[str], sfreq: float) -> list[dict[str, Any]]:
    """Issues of ``text``, the whole header. Raises ReadError where the channel lines are not numbered from 1 on."""
    body, _, comment = text.partition("[Comment]")
    section = re.split(r"^\[", body.partition("[Channel Infos]")[2], maxsplit=1, flags=re.MULTILINE)[0]
    lines = re.findall(r"^\s*Ch(\d+)\s*=(.*)$", section, re.MULTILINE)
    if [int(number) for number, _ in lines] != list(range(1, len(names) + 1)):
        raise ReadError(f"{path}: wanted lines Ch1 to Ch{len(names)}, found {len(lines)} others or out of order; {_ADVICE}")
    stray = [
        line for line in section.splitlines() if line.strip() and not line.startswith(";") and not re.match(r"\s*Ch\d+\s*=", line)
    ]
    if stray:
        raise ReadError(f"{path}: {len(stray)} lines among the channels are no channels; {_ADVICE}")
    entries = [(entry.split(",") + [""] * 4)[:4] for _, entry in lines]
    told = [entry[0].replace("\\1", ",").strip() for entry in entries]
    renamed = [name for own, name in zip(told, names, strict=True) if own != name]
    notes = []
    if renamed:
        notes.append(
            note(
                "channel_renamed", f"channel_renamed: the header names them otherwise; called {', '.join(renamed)} here", renamed
            )
        )
    notes += unlike_notes(names, [(entry[2].strip(), entry[3].strip() or "µV") for entry in entries])
    return notes + _amplifier_notes(comment, told, names, entries, sfreq)


def _amplifier_notes(
    comment: str, told: list[str], names: list[str], entries: list[list[str]], sfreq: float
) -> list[dict[str, Any]]:
    """A file that was filtered or resampled later keeps the comment of the recording, so a difference is only said."""
    notes = []
    rates = [float(value) for value in re.findall(r"Sampling Rate \[Hz\]:\s*([\d.]+)", comment)]
    intervals = [float(value) for value in re.findall(r"Sampling Interval \[[^\]]*S\]:\s*([\d.]+)", comment)]
    recorded = [*rates, *(1e6 / value for value in intervals if value > 0)]
    if any(abs(rate - sfreq) > 1e-3 * sfreq for rate in recorded):
        text = f"rate_differs: {sfreq:g} Hz, the amplifier's setup in the comment says {' and '.join(f'{rate:g}' for rate in recorded)}"
        notes.append(note("rate_differs", f"{text}; resampled since, or a damaged header"))
    table = comment.partition("Channels")[2]
    rows = [row for row in _ROW.findall(table) if row]
    if [int(row[0]) for row in rows] != list(range(1, len(names) + 1)):
        return notes
    labels = [name for row, own, name in zip(rows, told, names, strict=True) if row[1] != own]
    if labels:
        notes.append(
            note("label_differs", f"label_differs: {', '.join(labels)} has another name in the amplifier's setup", labels)
        )
    scales = [
        name for row, entry, name in zip(rows, entries, names, strict=True)
        if (entry[2].strip() and _unlike(row[3], entry[2])) or (entry[3].strip() and row[4] != entry[3].strip())
    ]  # fmt: skip
    if scales:
        notes.append(
            note("scale_differs", f"scale_differs: {', '.join(scales)} has another resolution in the amplifier's setup", scales)
        )
    return notes


def _unlike(a: str, b: str) -> bool:
    try:
        return abs(float(a) - float(b)) > 1e-3 * abs(float(b))
    except ValueError:
        return True

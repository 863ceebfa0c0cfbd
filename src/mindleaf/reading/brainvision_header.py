"""The second look at BrainVision headers (Vision exchange format, version 1): names, rate and the size of the data file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mindleaf.errors import ReadError
from mindleaf.reading.brainvision_setup import setup_notes
from mindleaf.reading.notes import note
from mindleaf.reading.presence import present_file

_BYTES = {"INT_16": 2, "UINT_16": 2, "INT_32": 4, "IEEE_FLOAT_32": 4}


def brainvision_notes(path: Path, names: list[str], sfreq: float, n_times: int) -> list[dict[str, Any]]:
    """Compare what the reader returned with the header's own lines. Raises ReadError where they differ."""
    content = path.read_bytes()
    text = content.decode("latin-1")
    fields = dict(re.findall(r"^(\w+)\s*=\s*(.*?)\s*$", text, re.MULTILINE))
    try:
        n_channels, interval_us = int(fields["NumberOfChannels"]), float(fields["SamplingInterval"])
        data = path.parent / fields["DataFile"].replace("$b", path.stem)
    except (KeyError, ValueError):
        raise ReadError(
            f"{path}: wanted DataFile, NumberOfChannels and SamplingInterval in the header; the header is damaged."
        ) from None
    if n_channels != len(names):
        raise ReadError(f"{path}: the header promises {n_channels} channels and names {len(names)}; the header is damaged.")
    if interval_us <= 0 or abs(1e6 / interval_us - sfreq) > 1e-6 * sfreq:
        raise ReadError(f"{path}: the sampling interval {interval_us:g} us is not {sfreq:g} Hz; the header is damaged.")
    notes = setup_notes(path, _decoded(content), names, sfreq)
    width = _BYTES.get(fields.get("BinaryFormat", ""))
    if width is None or not data.exists():
        return notes
    promised = int(fields["DataPoints"]) if fields.get("DataPoints", "").isdigit() else n_times
    if promised > n_times:
        notes.append(
            note(
                "truncated",
                f"truncated, lost_s={(promised - n_times) / sfreq:g}: the header promises {promised} samples, "
                f"the file holds {n_times}",
            )
        )
    elif promised < n_times:
        text = f"trailing_bytes: the header promises {promised} samples, the data file holds {n_times}; check the file"
        notes.append(note("trailing_bytes", text))
    elif data.stat().st_size % (width * n_channels):
        notes.append(
            note("truncated", "truncated, lost_s=0: the data file ends inside a sample; its end, or the header, is damaged")
        )
    elif data.stat().st_size != width * n_channels * n_times:
        notes.append(
            note("size_differs", f"size_differs: the data file does not hold {n_channels} x {n_times} values; check the header")
        )
    return notes


def refuse_missing_parts(path: Path) -> None:
    """Raise ReadError where the data or marker file that the header names is empty, or only a pointer to one."""
    fields = dict(re.findall(r"^(\w+)\s*=\s*(.*?)\s*$", _decoded(path.read_bytes()), re.MULTILINE))
    for key, what in (("DataFile", "the samples"), ("MarkerFile", "the markers")):
        name = fields.get(key, "").replace("$b", path.stem)
        part = path.parent / name
        # A part that is not there under this name may be under the header's own, after renaming: the reader looks.
        if name and name.isprintable() and len(name) < 200 and (part.exists() or part.is_symlink()):
            present_file(part, f"{what} of {path.name}")


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:  # older files are in the code page of Western Windows
        return content.decode("latin-1").replace("\r\n", "\n")

"""The second look at EEGLAB sets: fields that repeat each other (length, rate, channels, events) must agree.

``EEG`` holds nbchan, pnts, srate, xmin and xmax, chanlocs, and each event twice: in ``event`` and as recorded in ``urevent``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mindleaf.errors import ReadError
from mindleaf.reading.mat5 import read_mat5
from mindleaf.reading.mat73 import is_matlab
from mindleaf.reading.notes import note
from mindleaf.reading.presence import present_file

_ADVICE = "the file is damaged; get it again from its source."
#: Fields that are looked at; the samples are not among them unless they name a file.
_FIELDS = ("nbchan", "pnts", "trials", "srate", "xmin", "xmax", "times", "data", "chanlocs", "event", "urevent")


def read_set(path: Path) -> dict[str, Any]:
    """The looked-at fields of the set, and ``data_shape`` (channels, samples) where it holds its samples. Raises ReadError."""
    if is_matlab(str(path)) or path.read_bytes()[:4] == b"\x89HDF":
        fields = _from_hdf5(path)
    else:
        found = read_mat5(path)
        inner = found["EEG"].content[0] if "EEG" in found and found["EEG"].kind == 2 and found["EEG"].content else found
        fields = {name: inner[name].plain() for name in _FIELDS if name in inner}
        if "data" in inner and not isinstance(fields["data"], str):
            fields["data_shape"], fields["data"] = inner["data"].shape, None
    for name in ("nbchan", "pnts", "srate"):
        if _number(fields.get(name)) is None:
            raise ReadError(f"{path}: wanted the field {name} of an EEGLAB set, it is missing or no number; {_ADVICE}")
    if isinstance(fields.get("data"), str):
        _refuse_missing_data(path, fields["data"])
    return fields


def _refuse_missing_data(path: Path, name: str) -> None:
    """The samples stand in the file the set names, or, after renaming, in the .fdt file called like the set."""
    own = path.with_suffix(".fdt")
    named = path.parent / Path(name.replace("\\", "/")).name if name.isprintable() else own
    if named != path and not named.exists() and not named.is_symlink():
        present_file(own, f"the samples of {path.name}")
    else:
        present_file(named, f"the samples of {path.name}")


def _from_hdf5(path: Path) -> dict[str, Any]:
    import h5py

    from mindleaf.reading.matfile import from_hdf5

    with h5py.File(path, "r") as file:
        root = file.get("EEG", file)
        fields: dict[str, Any] = {name: from_hdf5(file, root[name]) for name in _FIELDS if name in root and name != "data"}
        data = root.get("data")
        if data is not None and data.dtype.kind == "f":
            from mindleaf.reading.mat73 import refuse_damaged

            refuse_damaged(data, is_matlab(str(path)))
            fields["data_shape"], fields["data"] = tuple(reversed(data.shape)), None
        elif data is not None:
            fields["data"] = from_hdf5(file, data)
    return fields


def _number(value: Any) -> float | None:
    try:
        number = float(np.ravel(value)[0]) if value is not None and np.size(value) == 1 else None
    except (TypeError, ValueError):
        return None
    return number if number is not None and np.isfinite(number) else None


def _rows(value: Any) -> list[dict[str, Any]]:
    """An array of structs: a list of dicts, or a dict whose entries are lists (HDF5)."""
    if isinstance(value, dict):
        columns = {name: item for name, item in value.items() if isinstance(item, list)}
        if len(columns) < len(value) or not columns:
            return [value]
        lengths = {len(item) for item in columns.values()}
        return [{name: item[row] for name, item in columns.items()} for row in range(min(lengths))]
    return value if isinstance(value, list) and all(isinstance(item, dict) for item in value) else []


def eeglab_notes(
    path: Path, fields: dict[str, Any], names: list[str], sfreq: float, n_times: int, events: list[list[Any]]
) -> list[dict[str, Any]]:
    """What the set says twice and differently. Raises ReadError where the reader returned something else than it says."""
    n, pnts, srate = (_number(fields[name]) or 0.0 for name in ("nbchan", "pnts", "srate"))
    chanlocs = _rows(fields.get("chanlocs"))
    if n != len(names) or abs(srate - sfreq) > 1e-6 * sfreq:
        raise ReadError(
            f"{path}: {n:g} channels at {srate:g} Hz by its fields, {len(names)} at {sfreq:g} Hz by the reader; {_ADVICE}"
        )
    if chanlocs and len(chanlocs) != len(names):
        raise ReadError(f"{path}: {len(names)} channels, {len(chanlocs)} of them described; {_ADVICE}")
    shape = fields.get("data_shape")
    if n_times != pnts or (shape is not None and (len(shape) != 2 or tuple(shape) != (n, pnts))):
        raise ReadError(f"{path}: {pnts:g} samples by its fields, {n_times} by the reader, data of {shape}; {_ADVICE}")
    notes = [*_rate_notes(fields, pnts, srate), *_label_notes(path, chanlocs, names)]
    return notes + _event_notes(path, fields, events, pnts)


def set_data_notes(path: Path, fields: dict[str, Any], data: Path) -> list[dict[str, Any]]:
    """The size of the .fdt file: float32, channel by channel within each sample. Raises ReadError where it is too short."""
    n, pnts = int(_number(fields["nbchan"]) or 0), int(_number(fields["pnts"]) or 0)
    there, wanted = data.stat().st_size, 4 * n * pnts
    if there < wanted:
        lost_s = (wanted - there) / (4 * n) / (_number(fields["srate"]) or 1.0)
        raise ReadError(
            f"{data}: is cut short, lost_s={lost_s:g}: {wanted} bytes by {path.name}, {there} are there; get it again."
        )
    if there > wanted:
        return [note("trailing_bytes", f"trailing_bytes: {there - wanted} bytes follow the samples that {path.name} promises")]
    return []


def _rate_notes(fields: dict[str, Any], pnts: float, srate: float) -> list[dict[str, Any]]:
    first, last = _number(fields.get("xmin")), _number(fields.get("xmax"))
    notes = []
    if first is None or last is None or abs((last - first) * srate - (pnts - 1)) > max(1e-3 * pnts, 1.01):
        text = f"rate_differs: {srate:g} Hz for {pnts:g} samples do not last from xmin to xmax of the set; check the rate"
        notes.append(note("rate_differs", text))
    elif not np.isclose((last - first) * srate, pnts - 1, rtol=1e-4, atol=1e-3):
        notes.append(
            note("rate_differs", f"rate_differs: {srate:g} Hz, xmin and xmax of the set differ by a sample or so; check the rate")
        )
    times = fields.get("times")
    if isinstance(times, np.ndarray) and times.size == pnts > 1:
        step = float(np.median(np.diff(times.ravel())))
        if not np.isclose(step * srate, 1000.0, rtol=1e-3):
            notes.append(
                note("rate_differs", f"rate_differs: {srate:g} Hz, the set's times are {step:g} ms apart; check the rate")
            )
    return notes


def _label_notes(path: Path, chanlocs: list[dict[str, Any]], names: list[str]) -> list[dict[str, Any]]:
    labels = [item.get("labels") for item in chanlocs]
    if any(not isinstance(label, str) or not label.strip() or not label.isprintable() for label in labels):
        raise ReadError(f"{path}: channel names are missing or unreadable in chanlocs; {_ADVICE}")
    renamed = [name for label, name in zip(labels, names, strict=False) if label != name]
    if renamed:
        return [
            note("channel_renamed", f"channel_renamed: the file uses a name twice; called {', '.join(renamed)} here", renamed)
        ]
    return []


def _event_notes(path: Path, fields: dict[str, Any], events: list[list[Any]], pnts: float) -> list[dict[str, Any]]:
    rows, originals = _rows(fields.get("event")), _rows(fields.get("urevent"))
    notes = []
    if len(rows) != len(events):
        notes.append(note("events_lost", f"events_lost: the set describes {len(rows)} events, {len(events)} were read"))
    outside = sum(not 0 < (_number(row.get("latency")) or 0.0) <= pnts + 1 for row in rows)
    if outside:
        notes.append(note("events_outside", f"events_outside: {outside} of {len(rows)} events lie outside the recording"))
    numbers = [_number(row.get("urevent")) for row in rows]
    if originals and rows and all(number is not None and 1 <= number <= len(originals) for number in numbers):
        pairs = [(row, originals[int(number or 1) - 1]) for row, number in zip(rows, numbers, strict=True)]
        twice = len(set(numbers)) < len(numbers) and len(rows) == len(originals)
        named = [name for name in ("type", "latency", "duration") if all(name in row and name in old for row, old in pairs)]
        differing = {name: sum(not _same(row[name], old[name]) for row, old in pairs) for name in named}
        # Latencies all differ after resampling or cutting; a few that differ among many that agree are damage.
        told = [name for name, count in differing.items() if 0 < count <= len(rows) // 5]
        if told or twice:
            notes.append(
                note("events_differ", f"events_differ: {', '.join(told) or 'numbers'} of some events differ from those recorded")
            )
    elif originals and len(originals) == len(rows):
        notes.append(note("events_differ", "events_differ: events and those recorded cannot be matched"))
    return notes


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, str) or isinstance(b, str):
        return bool(a == b)
    return np.array_equal(np.ravel(a if a is not None else []), np.ravel(b if b is not None else []), equal_nan=True)

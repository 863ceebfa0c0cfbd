"""Open a signal file: what its header says, what happened in it, what is odd about it, and how to load it.

Readable: EDF, EDF+, BDF, GDF, BrainVision (.vhdr), EEGLAB (.set), FIF, XDF, CSV, TSV, NPY, NPZ, Neuroscan CNT, Curry (.cdt,
.dat), EGI (.mff, .raw, .egi). ``reading/verified.py`` tells which were tried on real recordings.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mindleaf.errors import BadInput
from mindleaf.reading import formats
from mindleaf.reading.channel_names import name_notes
from mindleaf.reading.child import guarded
from mindleaf.reading.presence import bytes_of, present_file
from mindleaf.reading.units import asked_unit
from mindleaf.recording import Event, Issue

#: Suffixes that ``open_signal`` reads.
SUFFIXES = (".edf", ".bdf", ".gdf", ".vhdr", ".set", ".fif", ".xdf", ".csv", ".tsv", ".npy", ".npz",
            ".cnt", ".cdt", ".dat", ".mff", ".raw", ".egi")  # fmt: skip
#: Labels that look like codes ("T1", "769", "Stimulus/S  1"); anything else may be free text about a person.
_CODE = re.compile(r"(?:[A-Za-z ]{1,12}[/:])?\s*[A-Za-z]{0,3}[ #-]*\d{1,6}")
_HIDDEN = "annotation"
_WHOLE = (".xdf", ".csv", ".tsv", ".npy", ".npz")


@dataclass(frozen=True)
class SignalFile:
    """One opened file. ``load(start, stop)`` gives (n_channels, stop - start) float32 microvolts, all without arguments.

    It can be pickled, and takes memory for the samples asked for, whatever the file's length. XDF, the tables
    (CSV, TSV, NPY, NPZ) and EEGLAB .set files that hold their samples themselves can only be read whole; the last one stays in memory.

    ``channel_names`` are as the file writes them; ``channel_types`` are "eeg", "eog", "ecg", "emg", "misc"; trigger
    channels are left out and become events. ``issues`` is what the reader noticed.
    """

    path: Path
    sfreq: float
    channel_names: tuple[str, ...]
    channel_types: tuple[str, ...]
    n_times: int
    events: tuple[Event, ...]
    issues: tuple[Issue, ...]
    load: Callable[..., NDArray[np.float32]]
    _rows: tuple[int, ...] = ()
    _issue_channels: tuple[tuple[str, ...], ...] = ()

    @property
    def duration(self) -> float:
        return self.n_times / self.sfreq

    def pick(self, names: Sequence[str]) -> SignalFile:
        """The same file with only these channels (as the file names them), in this order, and only their issues."""
        missing = [name for name in names if name not in self.channel_names]
        if missing:
            raise BadInput(f"{self.path}: wanted channel {missing[0]!r}, the file has {', '.join(self.channel_names)}.")
        position = [self.channel_names.index(name) for name in names]
        rows = tuple(self._rows[i] for i in position)
        kept = [i for i, channels in enumerate(self._issue_channels) if not channels or set(channels) & set(names)]
        return replace(
            self,
            channel_names=tuple(names),
            channel_types=tuple(self.channel_types[i] for i in position),
            issues=tuple(self.issues[i] for i in kept),
            load=partial(self.load.func, *self.load.args[:-1], rows),  # type: ignore[attr-defined]
            _rows=rows,
            _issue_channels=tuple(self._issue_channels[i] for i in kept),
        )

    def pick_types(self, *types: str) -> SignalFile:
        """The same file with only the channels of these types; BadInput where there is none."""
        names = [name for name, kind in zip(self.channel_names, self.channel_types, strict=True) if kind in types]
        if not names:
            raise BadInput(
                f"{self.path}: wanted {' or '.join(types)} channels, the file has {', '.join(sorted(set(self.channel_types)))}."
            )
        return self.pick(names)


def open_signal(
    path: Path | str,
    unit: str | None = None,
    sfreq: float | None = None,
    event_labels: Collection[str] = (),
    known_channels: Collection[str] = (),
) -> SignalFile:
    """Open the file in a guarded child process.

    unit          what the file's numbers are in, where its header does not say or says it wrong ("uV", "mV" ...)
    sfreq         sampling rate in Hz of a table that does not say it
    event_labels  annotation texts to keep as they are. Otherwise only codes are kept and all else becomes
                  "annotation", since free text in a medical file may name a person.
    known_channels  names outside the electrode table that belong in this file, so that they are no issue

    Raises ReadError for a missing, empty, damaged or unknown file, BadInput for an unknown unit.
    """
    path = present_file(Path(path), "a signal file")
    if unit is not None:
        asked_unit(unit)
    found = guarded(formats.describe, path, unit, sfreq)
    found["notes"] += name_notes(found["names"], found["types"], known_channels)
    rows = tuple(range(len(found["names"])))
    return SignalFile(
        path=path,
        sfreq=found["sfreq"],
        channel_names=tuple(found["names"]),
        channel_types=tuple(found["types"]),
        n_times=found["n_times"],
        events=tuple(Event(onset, duration, _label(text, event_labels)) for onset, duration, text in found["events"]),
        issues=tuple(Issue(item["code"], item["message"]) for item in found["notes"]),
        load=partial(_load, path, unit, sfreq, rows),
        _rows=rows,
        _issue_channels=tuple(tuple(item["channels"]) for item in found["notes"]),
    )


def _label(text: str, kept: Collection[str]) -> str:
    return text if text in kept or _CODE.fullmatch(text) else _HIDDEN


def loaded_from(load: Callable[..., Any]) -> tuple[Path, float | None] | None:
    """File and asked rate behind the ``load`` of a SignalFile; None for any other function."""
    if isinstance(load, partial) and load.func is _load:
        path, _, sfreq, _ = load.args
        return path, sfreq
    return None


def _load(
    path: Path, unit: str | None, sfreq: float | None, rows: tuple[int, ...], start: int = 0, stop: int | None = None
) -> NDArray[np.float32]:
    present_file(path, "a signal file")
    if _comes_whole(path):
        changed = path.stat()
        return _whole(path, unit, sfreq, rows, changed.st_mtime_ns, changed.st_size)[:, start:stop].copy()
    return _read(path, unit, sfreq, rows, start, stop)


def _comes_whole(path: Path) -> bool:
    """Formats that cannot be read in parts; an EEGLAB file can where its samples lie beside it in an .fdt file."""
    suffix = path.suffix.lower()
    return suffix in _WHOLE or (suffix == ".set" and not path.with_suffix(".fdt").exists())


@lru_cache(maxsize=1)
def _whole(
    path: Path, unit: str | None, sfreq: float | None, rows: tuple[int, ...], changed_ns: int, size: int
) -> NDArray[np.float32]:
    """The last whole file stays in memory, so that its spans are free; ``changed_ns`` and ``size`` tell a changed file."""
    return _read(path, unit, sfreq, rows, 0, None)


def _read(
    path: Path, unit: str | None, sfreq: float | None, rows: tuple[int, ...], start: int, stop: int | None
) -> NDArray[np.float32]:
    arguments: list[Any] = [unit, sfreq, list(rows), start, stop]
    return guarded(formats.read_values, path, *arguments, timeout_s=60.0 + bytes_of(path) / 5e6)

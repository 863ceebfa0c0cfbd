"""Open a signal file: what its header says, what happened in it, what is odd about it, and how to load it.

Readable: EDF, EDF+, BDF, GDF, BrainVision (.vhdr), EEGLAB (.set), FIF, XDF, CSV, TSV, NPY, NPZ.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mindleaf.errors import BadInput
from mindleaf.montage import OTHER, electrode_indices
from mindleaf.reading import formats
from mindleaf.reading.child import guarded
from mindleaf.reading.notes import note
from mindleaf.reading.presence import present_file
from mindleaf.reading.units import asked_unit
from mindleaf.recording import Event, Issue

#: Suffixes that ``open_signal`` reads.
SUFFIXES = (".edf", ".bdf", ".gdf", ".vhdr", ".set", ".fif", ".xdf", ".csv", ".tsv", ".npy", ".npz")
#: Labels that look like codes ("T1", "769", "Stimulus/S  1"); anything else may be free text about a person.
_CODE = re.compile(r"(?:[A-Za-z ]{1,12}[/:])?\s*[A-Za-z]{0,3}[ #-]*\d{1,6}")
_HIDDEN = "annotation"


@dataclass(frozen=True)
class SignalFile:
    """One opened file. ``load()`` gives (n_channels, n_times) float32 microvolts; it can be pickled.

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
    load: Callable[[], NDArray[np.float32]]
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
    found["notes"] += _unknown_channels(found["names"], found["types"], known_channels)
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


def _unknown_channels(names: list[str], types: list[str], known: Collection[str]) -> list[dict[str, Any]]:
    """A name outside the electrode table among names inside it may be a damaged one; a file of other names is left in peace."""
    scalp = [name for name, kind in zip(names, types, strict=True) if kind == "eeg" and name.strip()]
    unknown = [name for name, row in zip(scalp, electrode_indices(scalp), strict=True) if row == OTHER and name not in known]
    if not unknown or 2 * len(unknown) > len(scalp):
        return []
    return [
        note(
            "channel_unknown", f"channel_unknown: not in the electrode table: {', '.join(unknown)}; kept under this name", unknown
        )
    ]


def _label(text: str, kept: Collection[str]) -> str:
    return text if text in kept or _CODE.fullmatch(text) else _HIDDEN


def _load(path: Path, unit: str | None, sfreq: float | None, rows: tuple[int, ...]) -> NDArray[np.float32]:
    present_file(path, "a signal file")
    size = path.stat().st_size
    arguments: list[Any] = [unit, sfreq, list(rows)]
    return guarded(formats.read_values, path, *arguments, timeout_s=60.0 + size / 5e6)

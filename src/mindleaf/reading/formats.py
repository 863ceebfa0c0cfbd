"""What runs inside the reader process: open a signal file, describe it, read it. Volts become microvolts here.

EDF, EDF+, BDF, GDF, BrainVision, EEGLAB and FIF through MNE-Python; XDF, CSV and NPY by the modules beside this one.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mindleaf.errors import ReadError
from mindleaf.reading.plausible import excerpts, signal_notes

_CHUNK_VALUES = 4_000_000


@dataclass
class OpenSignal:
    """An opened file. ``read(start, stop)`` gives (channel, time) microvolts; events are [onset_s, duration_s, label]."""

    names: list[str]
    types: list[str]
    sfreq: float
    n_times: int
    read: Callable[[int, int], NDArray]
    events: list[list[Any]] = field(default_factory=list)
    notes: list[dict[str, Any]] = field(default_factory=list)


def describe(path: str, unit: str | None, sfreq: float | None) -> dict[str, Any]:
    """Header, events and issues of the file, as JSON values."""
    signal = _open(Path(path), unit, sfreq)
    if not signal.names or signal.n_times < 1:
        raise ReadError(f"{path}: wanted a signal, found {len(signal.names)} channels x {signal.n_times} samples.")
    pieces = excerpts(signal.read, len(signal.names), signal.n_times, signal.sfreq)
    notes = signal.notes + signal_notes(pieces, signal.names, [kind == "eeg" for kind in signal.types], signal.sfreq)
    return {
        "names": signal.names,
        "types": signal.types,
        "sfreq": float(signal.sfreq),
        "n_times": int(signal.n_times),
        "events": signal.events,
        "notes": notes,
    }


def read_values(
    path: str, unit: str | None, sfreq: float | None, rows: list[int] | None, start: int = 0, stop: int | None = None
) -> NDArray[np.float32]:
    """Samples start to stop of the given channel rows (None: all), (channel, time) float32 microvolts, read in pieces to save memory."""
    signal = _open(Path(path), unit, sfreq, look=False)
    chosen = list(range(len(signal.names))) if rows is None else rows
    start, stop, _ = slice(start, stop).indices(signal.n_times)
    values = np.empty((len(chosen), max(stop - start, 0)), np.float32)
    step = max(1, _CHUNK_VALUES // len(signal.names))
    for first in range(start, stop, step):
        last = min(first + step, stop)
        values[:, first - start : last - start] = signal.read(first, last)[chosen]
    return values


def _open(path: Path, unit: str | None, sfreq: float | None, look: bool = True) -> OpenSignal:
    """``look``: whether events and issues are wanted, which may take a pass through the whole file."""
    from mindleaf.reading import edf_values, maker_files, mne_files, tables, xdf

    suffix = path.suffix.lower()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if suffix in (".csv", ".tsv", ".npy", ".npz"):
            signal = tables.open_table(path, unit, sfreq, look)
        elif suffix == ".xdf":
            signal = xdf.open_xdf(path, unit, look)
        elif suffix in maker_files.OPENERS:
            signal = maker_files.OPENERS[suffix](path, unit, look)
        elif not look and suffix in (".edf", ".bdf") and (spans := edf_values.open_spans(path, unit)) is not None:
            signal = spans
        else:
            signal = mne_files.open_with_mne(path, unit, look)
    signal.notes += _warning_notes(caught)
    return signal


def _warning_notes(caught: list[warnings.WarningMessage]) -> list[dict[str, Any]]:
    from mindleaf.reading.notes import note
    from mindleaf.reading.zygote import without_quotes

    told = {
        without_quotes(str(warning.message))
        for warning in caught
        if not issubclass(warning.category, (DeprecationWarning, FutureWarning))
    }
    return [note("reader_warning", f"reader_warning: {text}") for text in sorted(told)]

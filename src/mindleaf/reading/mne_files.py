"""Signal files opened by MNE-Python, and compared with a second look at their header where one exists."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mindleaf.errors import ReadError
from mindleaf.reading.edf_body import body_notes
from mindleaf.reading.edf_header import EdfHeader, read_edf_header
from mindleaf.reading.formats import OpenSignal
from mindleaf.reading.gdf_header import GdfHeader, read_gdf_header
from mindleaf.reading.notes import note
from mindleaf.reading.second_look import before_reading, compared
from mindleaf.reading.units import asked_unit, is_other_quantity, volts_per_unit

if TYPE_CHECKING:
    import mne

#: Suffix -> name of MNE's reader.
READERS = {".edf": "edf", ".bdf": "bdf", ".gdf": "gdf", ".vhdr": "brainvision", ".set": "eeglab", ".fif": "fif"}
_TYPE_WORDS = {
    "eog": "eog", "veog": "eog", "heog": "eog", "ecg": "ecg", "ekg": "ecg", "emg": "emg", "resp": "misc", "sao": "misc",
    "spo": "misc", "pulse": "misc", "temp": "misc", "gsr": "misc", "dc": "misc",
}  # fmt: skip


def open_with_mne(path: Path, unit: str | None, look: bool = True) -> OpenSignal:
    """Open by suffix; trigger channels become events where ``look``, which takes a pass through the file.

    Raises ReadError for an unknown suffix or a contradictory file.
    """
    import mne

    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise ReadError(
            f"{path}: {path.suffix or 'a file without suffix'} is not a signal file; readable are "
            f"{', '.join(READERS)}, .xdf, .csv, .npy."
        )
    header = read_edf_header(path) if reader in ("edf", "bdf") else read_gdf_header(path) if reader == "gdf" else None
    notes = body_notes(header) if isinstance(header, EdfHeader) and look else []
    told = before_reading(path, reader) if look else None
    raw = getattr(mne.io, f"read_raw_{reader}")(path, preload=False, verbose="ERROR")
    if header:
        notes += _compare(header, raw)
    events = _events(raw) if look else []
    notes += compared(path, reader, told or header, raw, events) if look else []
    rows = [row for row, kind in enumerate(raw.get_channel_types()) if kind != "stim"]
    names = [raw.ch_names[row] for row in rows]
    units = _units(header, raw, names)
    scales = _microvolts_per_volt(header, raw, rows, units, unit)[:, None]

    def read(start: int, stop: int) -> NDArray:
        return raw.get_data(picks=rows, start=start, stop=stop, verbose="ERROR") * scales

    kinds = raw.get_channel_types()
    types = [_channel_type(raw.ch_names[row], kinds[row], units[i]) for i, row in enumerate(rows)]
    notes = [item for item in notes if not item["channels"] or set(item["channels"]) & set(names)]
    if unit is not None:
        notes = [item for item in notes if item["code"] != "unit_unknown"]
    return OpenSignal(names, types, float(raw.info["sfreq"]), raw.n_times, read, events, notes)


def _units(header: EdfHeader | GdfHeader | None, raw: mne.io.BaseRaw, names: list[str]) -> list[str]:
    """The unit each channel's file names; "V" where the format leaves no choice."""
    if header is None:
        declared = getattr(raw, "_orig_units", None) or {}
        return [declared.get(name) or "V" for name in names]
    by_row = dict(zip(raw.ch_names, (header.units[row] for row in header.signals), strict=True))
    return [by_row[name] for name in names]


def _microvolts_per_volt(
    header: EdfHeader | GdfHeader | None, raw: mne.io.BaseRaw, rows: list[int], units: list[str], asked: str | None
) -> NDArray[np.float64]:
    """1e6 where MNE understood the unit. An EDF unit it takes for volts (nV) is put right; an asked unit replaces the file's."""
    assumed = _assumed_volts(header, raw, rows, units) if header else [volts_per_unit(unit) for unit in units]
    scales = np.full(len(rows), 1e6)
    for i, unit in enumerate(units):
        wanted = asked_unit(asked) if asked is not None and not is_other_quantity(unit) else volts_per_unit(unit)
        taken = assumed[i]
        if wanted is not None and taken:
            scales[i] = 1e6 * wanted / taken
    return scales


def _assumed_volts(header: EdfHeader | GdfHeader, raw: mne.io.BaseRaw, rows: list[int], units: list[str]) -> list[float]:
    """Volts that MNE took one unit of each channel for, measured by comparing its values with the header's own arithmetic."""
    per_record = int(header.samples[header.signals].max())
    # A signal of zeros, or one brought to another rate, cannot be compared sample by sample: MNE's own rule then.
    factors = [{1e-6: 1e-6, 1e-3: 1e-3}.get(volts_per_unit(unit) or 1.0, 1.0) for unit in units]
    for record in sorted({0, header.records_in_file // 2, header.records_in_file - 1}):
        theirs = raw.get_data(picks=rows, start=record * per_record, stop=(record + 1) * per_record, verbose="ERROR")
        ours = header.physical_values(record)
        for i, row in enumerate(rows):
            signal = header.signals[row]
            if len(ours[signal]) == theirs.shape[1] and ours[signal].any():
                factors[i] = _factor(header, signal, ours[signal], theirs[i])
    return factors


def _factor(header: EdfHeader | GdfHeader, signal: int, ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> float:
    largest = int(np.argmax(np.abs(ours)))
    ratio = theirs[largest] / ours[largest]
    factor = float(10.0 ** round(np.log10(ratio))) if ratio > 0 else 0.0
    if factor not in (1.0, 1e-3, 1e-6) or not np.allclose(theirs, ours * factor, rtol=1e-6, atol=1e-9 * abs(theirs[largest])):
        raise ReadError(
            f"{header.path}: channel {header.labels[signal]} has other values by the reader than by its header's "
            "calibration; the header is damaged; get the file again from its source."
        )
    return factor


def _compare(header: EdfHeader | GdfHeader, raw: mne.io.BaseRaw) -> list[dict[str, Any]]:
    """What MNE returned against the header's arithmetic: names, rate, length. Raises ReadError where they differ."""
    labels = [header.labels[row] for row in header.signals]
    if len(labels) != len(raw.ch_names):
        raise ReadError(
            f"{header.path}: the header names {len(labels)} signals, the reader found {len(raw.ch_names)}; the header is damaged."
        )
    if abs(header.sfreq - raw.info["sfreq"]) > 1e-6 * header.sfreq:
        raise ReadError(
            f"{header.path}: {header.sfreq:g} Hz by the header, {raw.info['sfreq']:g} Hz by the reader; the header is damaged."
        )
    records = header.records_in_file if header.n_records < 0 else min(header.n_records, header.records_in_file)
    n_times = records * int(header.samples[header.signals].max())
    if raw.n_times != n_times:
        raise ReadError(f"{header.path}: {n_times} samples by the header, {raw.n_times} by the reader; the header is damaged.")
    renamed = [name for label, name in zip(labels, raw.ch_names, strict=True) if label != name]
    if renamed:
        return [
            note("channel_renamed", f"channel_renamed: the file uses a name twice; called {', '.join(renamed)} here", renamed)
        ]
    return []


def _channel_type(name: str, kind: str, unit: str) -> str:
    """ "eeg", "eog", "ecg", "emg" or "misc": by MNE's knowledge, the unit, and the first word of the name."""
    if kind != "eeg":
        return kind
    if is_other_quantity(unit):
        return "misc"
    word = re.split(r"[\s\d_.-]+", name.strip().lower(), maxsplit=1)[0]
    return _TYPE_WORDS.get(word, "eeg")


def _events(raw: mne.io.BaseRaw) -> list[list[Any]]:
    """Annotations, then the codes of trigger channels; onsets in seconds from the first sample."""
    import mne

    marks = raw.annotations
    events = [
        [float(onset - raw.first_time), float(duration), str(text)]
        for onset, duration, text in zip(marks.onset, marks.duration, marks.description, strict=True)
    ]
    if "stim" in raw.get_channel_types():
        found = mne.find_events(raw, shortest_event=1, mask=0xFFFF, mask_type="and", verbose="ERROR")
        events += [[float((sample - raw.first_samp) / raw.info["sfreq"]), 0.0, str(code)] for sample, _, code in found]
    return events

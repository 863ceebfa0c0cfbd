"""Signals in plain tables: CSV or TSV with one column per channel, NPY and NPZ arrays. Microvolts unless told otherwise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mindleaf.errors import ReadError
from mindleaf.reading.channel_list import unique_names
from mindleaf.reading.formats import OpenSignal
from mindleaf.reading.table_checks import length_notes, refuse_other_size, text_notes
from mindleaf.reading.units import asked_unit, volts_per_unit

_TIME_COLUMNS = ("time", "time_s", "t", "seconds")


def open_table(path: Path, unit: str | None, sfreq: float | None, look: bool = True) -> OpenSignal:
    """Open a CSV, TSV, NPY or NPZ file; the whole table is read.

    The rate comes from a time column (CSV), an entry ``sfreq`` (NPZ), a JSON file of the same name beside it
    (``{"sfreq": 250, "channel_names": [...], "unit": "uV", "n_times": 15000, "duration_s": 60}``; the last two are optional
    and let damage be noticed), or the argument. Raises ReadError where a piece is missing.
    """
    beside = path.with_suffix(".json")
    facts = _facts(path, beside) if beside.exists() else {}
    csv_notes: list[dict[str, Any]] = []
    if path.suffix.lower() in (".csv", ".tsv"):
        values, names, rate = _csv(path)
        csv_notes = text_notes(path) if look else []
    else:
        values, names, rate = _numpy(path)
    names = names or list(facts.get("channel_names", []))
    rate = sfreq or rate or facts.get("sfreq")
    if not rate or rate <= 0:
        raise ReadError(f'{path}: wanted a sampling rate, found none; write {beside.name} beside it with {{"sfreq": 250}}.')
    if not names:
        raise ReadError(
            f'{path}: wanted channel names, found none; write {beside.name} beside it with {{"channel_names": ["Fz", ...]}}.'
        )
    if len(names) != len(values):
        raise ReadError(
            f"{path}: {len(names)} channel names for {len(values)} channels of {values.shape[1]} samples; "
            f"arrays are channels x time."
        )
    told = str(facts.get("unit", "uV"))
    if unit is None and volts_per_unit(told) is None:
        raise ReadError(f"{path}: {beside.name} names the unit {told[:12]!r}, which is not known; write uV, mV or V there.")
    scale = 1e6 * asked_unit(unit or told)
    names, notes = unique_names(path, names)
    notes += length_notes(path, facts, values.shape[1], float(rate), sfreq is None) + csv_notes
    return OpenSignal(
        names, ["eeg"] * len(names), float(rate), values.shape[1], lambda start, stop: values[:, start:stop] * scale, notes=notes
    )


def _csv(path: Path) -> tuple[NDArray, list[str], float | None]:
    import pandas as pd

    table = pd.read_csv(path, sep=None if path.suffix.lower() == ".csv" else "\t", engine="python")
    wrong = [str(name) for name in table.columns if not pd.api.types.is_numeric_dtype(table[name])]
    if wrong:
        raise ReadError(f"{path}: wanted numbers, column {wrong[0]!r} holds text; keep only the channels and a column 'time'.")
    numbered = [str(name) for name in table.columns if str(name).replace(".", "", 1).lstrip("-").isdigit()]
    if len(numbered) == len(table.columns):
        raise ReadError(f"{path}: wanted channel names in the first line, found numbers; add a line with the names.")
    time = next((name for name in table.columns if str(name).strip().lower() in _TIME_COLUMNS), None)
    rate = None
    if time is not None:
        steps = np.diff(table[time].to_numpy(float))
        if not len(steps) or np.median(steps) <= 0 or np.abs(steps - np.median(steps)).max() > 0.5 * np.median(steps):
            raise ReadError(
                f"{path}: wanted evenly spaced seconds in column {time!r}; the steps differ, so samples are "
                f"missing or out of order."
            )
        rate = _rate(table[time].to_numpy(float))
        table = table.drop(columns=time)
    return table.to_numpy(np.float64).T, [str(name) for name in table.columns], rate


def _rate(times: NDArray[np.float64]) -> float:
    """Samples per second by the median over pairs half the table apart, so that one wrong time changes nothing."""
    half = len(times) // 2
    rate = half / float(np.median(times[half:] - times[: len(times) - half]))
    # Times are rounded; a whole number that explains them as well is the rate.
    whole = round(rate)
    return float(whole) if whole and abs(rate - whole) < 2e-4 * rate else round(rate, 6)


def _facts(path: Path, beside: Path) -> dict[str, Any]:
    try:
        facts = json.loads(beside.read_text(encoding="utf-8"))
        names = facts.get("channel_names", [])
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise ValueError
        numbers = [facts[name] for name in ("sfreq", "n_times", "duration_s") if name in facts]
        if not all(isinstance(number, (int, float)) and not isinstance(number, bool) and 0 < number < 1e12 for number in numbers):
            raise ValueError
    except (ValueError, AttributeError):
        raise ReadError(f"{path}: {beside.name} beside it is no JSON with sfreq and channel_names; write it again.") from None
    return facts


def _numpy(path: Path) -> tuple[NDArray, list[str], float | None]:
    if path.suffix.lower() == ".npy":
        values, names, rate = np.load(path, allow_pickle=False), [], None
        refuse_other_size(path, values)
    else:
        with np.load(path, allow_pickle=False) as parts:
            if "signal" not in parts:
                raise ReadError(f"{path}: wanted an array 'signal' (channels x time), found {', '.join(parts) or 'nothing'}.")
            values = parts["signal"]
            names = [str(name) for name in parts["channel_names"]] if "channel_names" in parts else []
            rate = float(parts["sfreq"]) if "sfreq" in parts else None
    if values.ndim != 2 or values.dtype.kind not in "iuf":
        raise ReadError(f"{path}: wanted a numeric array of channels x time, got {values.ndim} dimensions of {values.dtype}.")
    return values.astype(np.float64), names, rate

"""Signals in plain tables: CSV or TSV with one column per channel, NPY and NPZ arrays. Microvolts unless told otherwise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mindleaf.errors import ReadError
from mindleaf.reading.formats import OpenSignal
from mindleaf.reading.units import asked_unit

_TIME_COLUMNS = ("time", "time_s", "t", "seconds")


def open_table(path: Path, unit: str | None, sfreq: float | None) -> OpenSignal:
    """Open a CSV, TSV, NPY or NPZ file.

    The rate comes from a time column (CSV), an entry ``sfreq`` (NPZ), a JSON file of the same name beside it
    (``{"sfreq": 250, "channel_names": [...], "unit": "uV"}``), or the argument. Raises ReadError where a piece is missing.
    """
    beside = path.with_suffix(".json")
    facts: dict[str, Any] = json.loads(beside.read_text()) if beside.exists() else {}
    if path.suffix.lower() in (".csv", ".tsv"):
        values, names, rate = _csv(path)
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
    scale = 1e6 * asked_unit(unit or str(facts.get("unit", "uV")))
    return OpenSignal(
        names, ["eeg"] * len(names), float(rate), values.shape[1], lambda start, stop: values[:, start:stop] * scale
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
        rate = round(1.0 / float(np.mean(steps)), 6)
        table = table.drop(columns=time)
    return table.to_numpy(np.float64).T, [str(name) for name in table.columns], rate


def _numpy(path: Path) -> tuple[NDArray, list[str], float | None]:
    if path.suffix.lower() == ".npy":
        values, names, rate = np.load(path, allow_pickle=False), [], None
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

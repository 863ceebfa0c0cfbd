"""Recordings of the lab streaming layer (XDF): the EEG stream, and markers as events."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mindleaf.errors import ReadError
from mindleaf.reading.channel_list import rate_notes
from mindleaf.reading.formats import OpenSignal
from mindleaf.reading.notes import note
from mindleaf.reading.plausible import unlike_notes
from mindleaf.reading.units import asked_unit, volts_per_unit
from mindleaf.reading.xdf_chunks import read_xdf_chunks, xdf_notes

#: Types of streams whose samples are events.
_MARKERS = ("markers", "marker")


def open_xdf(path: Path, unit: str | None, look: bool = True) -> OpenSignal:
    """Open the only stream of type EEG; events and issues only where ``look``.

    Reads the whole file, since streams are interleaved in it. Raises ReadError where there is none, or more than one.
    """
    import pyxdf

    chunks = read_xdf_chunks(path) if look else None
    # Clocks and jitter move time stamps only; the values stay as they are.
    streams, _ = pyxdf.load_xdf(str(path), verbose=False, synchronize_clocks=look, dejitter_timestamps=look)
    found = [stream for stream in streams if _first(stream["info"], "type").lower() == "eeg"]
    if len(found) != 1:
        kinds = ", ".join(sorted({_first(stream["info"], "type") or "untyped" for stream in streams}))
        raise ReadError(
            f"{path}: wanted one stream of type EEG, found {len(found)} (streams: {kinds or 'none'}); record or "
            f"export one EEG stream."
        )
    stream = found[0]
    values = np.asarray(stream["time_series"], np.float64).T
    sfreq = float(_first(stream["info"], "nominal_srate") or 0)
    if sfreq <= 0 or values.ndim != 2 or not values.size:
        raise ReadError(f"{path}: the EEG stream has {values.size} values at {sfreq:g} Hz; wanted a regular stream with data.")
    names, units = _channels(stream["info"], len(values))
    factors = [asked_unit(unit) if unit else volts_per_unit(name) for name in units]
    unknown = [name for name, factor in zip(names, factors, strict=True) if factor is None]
    notes = (
        [note("unit_unknown", f"unit_unknown: {len(unknown)} channels name no unit; taken as microvolts, pass --unit", unknown)]
        if unknown
        else []
    )
    notes += rate_notes(path, sfreq) + unlike_notes(names, [(name,) for name in units])
    notes += (xdf_notes(path, chunks, streams, stream) if chunks else []) + _left_out(streams)
    scales = np.array([1.0 if factor is None else 1e6 * factor for factor in factors])[:, None]
    start = float(stream["time_stamps"][0])
    marks = _markers(streams, start) if look else []
    return OpenSignal(names, ["eeg"] * len(names), sfreq, values.shape[1], lambda a, b: values[:, a:b] * scales, marks, notes)


def _first(info: dict[str, Any] | None, name: str) -> str:
    value = (info or {}).get(name) or [""]
    return str(value[0] or "")


def _channels(info: dict[str, Any], n_channels: int) -> tuple[list[str], list[str]]:
    described = []
    if info.get("desc") and info["desc"][0] and info["desc"][0].get("channels"):
        described = info["desc"][0]["channels"][0].get("channel", [])
    if len(described) != n_channels:
        return [f"ch{number}" for number in range(1, n_channels + 1)], [""] * n_channels
    return [_first(item, "label") for item in described], [_first(item, "unit") for item in described]


def _left_out(streams: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Streams that are neither EEG nor markers: a gaze or a sound beside the EEG, or markers whose type was damaged."""
    kinds = [_first(stream["info"], "type") or "untyped" for stream in streams]
    others = [kind for kind in kinds if kind.lower() not in ("eeg", *_MARKERS)]
    text = f"streams_left_out: {len(others)} streams of type {', '.join(sorted(set(others)))} are not read"
    return [note("streams_left_out", text)] if others else []


def _markers(streams: list[dict[str, Any]], start: float) -> list[list[Any]]:
    return [
        [float(time) - start, 0.0, str(np.ravel(mark)[0])]
        for stream in streams
        if _first(stream["info"], "type").lower() in _MARKERS
        for time, mark in zip(stream["time_stamps"], stream["time_series"], strict=True)
    ]

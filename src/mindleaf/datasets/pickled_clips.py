"""Collections published as a pickled array of (clip, channel, time) a person: what both DEAP and FACED need."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mindleaf.datasets.whole_reads import load_span
from mindleaf.errors import ReadError
from mindleaf.reading.pickled import load_pickled
from mindleaf.reading.plausible import excerpts, signal_notes


def describe_clips(path: str, field: str, shape: list[int], rows: list[int], names: list[str], sfreq: float) -> dict[str, Any]:
    """In the child: n_times, and for each clip what is odd about it. ``shape`` is (clips, channels) as published."""
    values = _clips(path, field, shape)
    notes = [_notes(clip[rows], names, sfreq) for clip in values]
    return {"n_times": values.shape[2], "notes": notes}


def _notes(eeg: NDArray, names: list[str], sfreq: float) -> list[dict[str, Any]]:
    pieces = excerpts(lambda start, stop: eeg[:, start:stop].astype(np.float64), len(eeg), eeg.shape[1], sfreq)
    return signal_notes(pieces, names, [True] * len(names), sfreq)


def read_clips(path: str, field: str, n_clips: int, n_channels: int, rows: tuple[int, ...]) -> NDArray[np.float32]:
    """In the child: the channels of all clips one after the other, (channel, clip * time)."""
    values = _clips(path, field, [n_clips, n_channels])[:, list(rows)]
    return np.ascontiguousarray(values.transpose(1, 0, 2).reshape(len(rows), -1), np.float32)


def load_clip(
    path: Path, field: str, shape: tuple[int, int, int], rows: tuple[int, ...], clip: int, start: int = 0, stop: int | None = None
) -> NDArray[np.float32]:
    """(channel, stop - start) microvolts of a clip, counted from 0. ``shape`` is (clips, channels, samples)."""
    n_clips, n_channels, n_times = shape
    start, stop, _ = slice(start, stop).indices(n_times)
    first = clip * n_times
    return load_span(read_clips, path, (field, n_clips, n_channels, rows), first + start, first + max(start, stop))


def _clips(path: str, field: str, shape: list[int]) -> NDArray:
    """The array called ``field``, or the whole pickle where that is ""."""
    found = load_pickled(path, "latin1")
    values = found.get(field) if field and isinstance(found, dict) else None if field else found
    if not isinstance(values, np.ndarray) or values.ndim != 3 or list(values.shape[:2]) != list(shape):
        what = f"shape {values.shape}" if isinstance(values, np.ndarray) else type(values).__name__
        raise ReadError(
            f"{path}: wanted an array of {shape[0]} clips x {shape[1]} channels x samples, got {what}; get the file again."
        )
    return values

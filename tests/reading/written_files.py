"""Small signal files, written for the tests by edfio, pybv, scipy and soundfile."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from edfio import Bdf, BdfSignal, Edf, EdfAnnotation, EdfSignal

NAMES = ("EEG Fp1", "EEG Fp2", "EEG C3", "EEG Cz")
SFREQ = 128
SECONDS = 8


def eeg(n_channels: int = len(NAMES), seconds: int = SECONDS, seed: int = 0) -> np.ndarray:
    """Noise of 20 microvolts, (channel, time)."""
    return 20.0 * np.random.default_rng(seed).standard_normal((n_channels, seconds * SFREQ))


def write_edf(
    path: Path, values: np.ndarray | None = None, names=NAMES, unit: str = "uV", annotations=(), bdf: bool = False
) -> np.ndarray:
    """An EDF+ (or BDF+) file with time stamps in every record; returns the values written, microvolts."""
    values = eeg(len(names)) if values is None else values
    signal, whole = (BdfSignal, Bdf) if bdf else (EdfSignal, Edf)
    signals = [
        signal(np.asarray(row), SFREQ, label=name, physical_dimension=unit, physical_range=(-400.0, 400.0))
        for row, name in zip(values, names, strict=True)
    ]
    marks = [EdfAnnotation(0.0, None, "first"), *(EdfAnnotation(*mark) for mark in annotations)]
    whole(signals, annotations=marks, data_record_duration=1).write(path)
    return values


def overwrite(path: Path, position: int, text: bytes) -> None:
    """Replace bytes of the file from ``position`` on."""
    content = bytearray(path.read_bytes())
    content[position : position + len(text)] = text
    path.write_bytes(bytes(content))


def field_position(n_signals: int, offset: int, width: int, signal: int) -> int:
    """Where a field of an EDF signal header stands; ``offset`` is the sum of the widths of the fields before it."""
    return 256 + n_signals * offset + signal * width

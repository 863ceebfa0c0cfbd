"""EDF files as hospitals write them: any channel names (twice the same among them), microvolts, a time of day at the start."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from edfio import Edf, EdfSignal

from .expected import eeg

#: A channel whose name has one of these words gets quiet noise without a bump, so that taking it for EEG shows.
NOT_EEG = ("EOG", "EMG", "ECG", "EKG", "PHOTIC", "ROC", "LOC", "SAO2", "PLETH", "TIB", "HR", "E1", "E2", "VNS")


def write_edf(
    path: Path, names: Sequence[str], seconds: int, sfreq: float, bumps_s: list[float], seed: int = 0, start: str = "00:00:00"
) -> None:
    """Whole seconds at one rate; a name of dashes is a flat dummy, the second of two equal names is an equal signal."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = eeg(len(names), round(seconds * sfreq), sfreq, bumps_s, seed)
    quiet = eeg(len(names), round(seconds * sfreq), sfreq, [], seed + 1)
    signals = []
    for row, name in enumerate(names):
        signal = quiet[row] if any(word in name.upper() for word in NOT_EEG) else values[list(names).index(name)]
        signal = np.zeros_like(signal) if not name.strip("-") else signal
        signals.append(EdfSignal(signal, sfreq, label=name, physical_dimension="uV", physical_range=(-800, 800)))
    Edf(signals, starttime=datetime.time.fromisoformat(start)).write(path)

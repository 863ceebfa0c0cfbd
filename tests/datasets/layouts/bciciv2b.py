"""BCI Competition IV 2b: subject 1 as GDF with a table of true labels, subject 2 as the .mat release."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import scipy.io

from .expected import Expected, ExpectedTrial
from .gdf_files import write_gdf
from .graz_session import IMPULSE_S, SFREQ, session

NAMES = ["EEG:C3", "EEG:Cz", "EEG:C4", "EOG:ch01", "EOG:ch02", "EOG:ch03"]
LABELS = ("left", "right")
CLASSES = [[1, 2], [2, 1]]


def write(root: Path) -> Expected:
    trials: list[ExpectedTrial] = []
    for name, codes, seed in (("01T", [769, 770], 1), ("04E", [783, 783], 2)):
        made = session(6, 1, CLASSES, codes, 3.0, 8.2, seed)
        write_gdf(root / f"B01{name}.gdf", NAMES, SFREQ, made.signal, made.events)
        for number, (starts, kinds) in enumerate(zip(made.starts, CLASSES, strict=True), start=1):
            trials += _promised(f"sub-01_ses-{name}_run-{number}", starts, kinds)
    truth = np.array([[kind] for run in CLASSES for kind in run], np.uint8)
    scipy.io.savemat(root / "B0104E.mat", {"classlabel": truth})
    cell = np.empty((1, 2), object)
    for number, kinds in enumerate(CLASSES):
        made = session(6, 0, [kinds], [769, 770], 3.0, 8.2, 10 + number)
        cell[0, number] = {
            "X": made.signal.T, "trial": np.array(made.starts[0], float)[:, None] + 1, "y": np.array(kinds, float)[:, None],
            "fs": float(SFREQ), "classes": np.array([["left hand", "right hand"]], object),
            "artifacts": np.zeros((2, 1), np.uint8),
        }  # fmt: skip
        trials += _promised(f"sub-02_ses-0{number + 4}E", made.starts[0], kinds)
    scipy.io.savemat(root / "B02E.mat", {"data": cell})
    return Expected(("01", "02"), 6, 3, float(SFREQ), tuple(trials))


def _promised(recording: str, starts: list[int], kinds: list[int]) -> list[ExpectedTrial]:
    return [
        ExpectedTrial(recording, f"{k:02d}", start / SFREQ, 7.5, {"label": LABELS[kind - 1]}, impulse_s=IMPULSE_S)
        for k, (start, kind) in enumerate(zip(starts, kinds, strict=True), start=1)
    ]

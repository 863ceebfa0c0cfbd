"""Shin2017A: subject 01/with occular artifact/cnt.mat and mrk.mat, cells of six; the odd ones are motor imagery."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import scipy.io

from .expected import Expected, ExpectedTrial, eeg

SFREQ, IMPULSE_S = 200.0, 1.15
CHANNELS = [
    "F7",
    "AFF5h",
    "F3",
    "AFp1",
    "AFp2",
    "AFF6h",
    "F4",
    "F8",
    "AFF1h",
    "AFF2h",
    "Cz",
    "Pz",
    "FCC5h",
    "FCC3h",
    "CCP5h",
    "CCP3h",
    "T7",
    "P7",
    "P3",
    "PPO1h",
    "POO1",
    "POO2",
    "PPO2h",
    "P4",
    "FCC4h",
    "FCC6h",
    "CCP4h",
    "CCP6h",
    "P8",
    "T8",
    "VEOG",
    "HEOG",
]
LABELS = {16: "left", 32: "right"}


def write(root: Path) -> Expected:
    trials = []
    for subject in (1, 29):
        signals, marks = np.empty((1, 6), object), np.empty((1, 6), object)
        for part in range(6):
            codes = [16, 32] if part % 4 == 0 else [32, 16]
            starts = [307 + part, 307 + part + 2203]  # samples from 0; marks are the ends of samples in milliseconds
            signal = eeg(32, 5000, SFREQ, [start / SFREQ + IMPULSE_S for start in starts], 10 * subject + part)
            signals[0, part] = {"clab": np.array([CHANNELS], object), "fs": SFREQ, "x": signal.T.astype(np.float32)}
            marks[0, part] = {
                "time": np.array([[(start + 1) * 5.0 for start in starts]]),
                "event": {"desc": np.array(codes, np.uint8)[:, None]},
                "className": np.array([["LMI", "RMI"]], object),
            }
            if part % 2 == 0:
                trials += [
                    ExpectedTrial(
                        f"sub-{subject:02d}_ses-{part // 2 + 1}", f"{k:02d}", start / SFREQ, 10.0, {"label": LABELS[code]},
                        impulse_s=IMPULSE_S,
                    )
                    for k, (start, code) in enumerate(zip(starts, codes, strict=True), start=1)
                ]  # fmt: skip
        folder = root / f"subject {subject:02d}" / "with occular artifact"
        folder.mkdir(parents=True)
        scipy.io.savemat(folder / "cnt.mat", {"cnt": signals})
        scipy.io.savemat(folder / "mrk.mat", {"mrk": marks})
    return Expected(("01", "29"), 6, 30, SFREQ, tuple(trials))

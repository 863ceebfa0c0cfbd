"""Weibo2014: subject_1.mat (MOABB's name) and cyy.mat (the authors') with data (channel, time, trial) and label."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import scipy.io

from .expected import Expected, ExpectedTrial, eeg

SFREQ, IMPULSE_S, N_SAMPLES = 200.0, 3.4, 1600
LABELS = ("left", "right", "hands", "feet", "left_hand_right_foot", "right_hand_left_foot", "rest")


def write(root: Path) -> Expected:
    trials = []
    for subject, name, kinds in ((1, "subject_1.mat", [1, 7, 5]), (2, "cyy.mat", [2, 3, 4, 6])):
        data = np.stack([eeg(64, N_SAMPLES, SFREQ, [IMPULSE_S], 10 * subject + k) for k in range(len(kinds))], axis=2)
        scipy.io.savemat(root / name, {"data": data.astype(np.float32), "label": np.array(kinds, np.uint8)[:, None]})
        trials += [
            ExpectedTrial(f"sub-{subject:02d}", f"{k + 1:03d}", k * 8.0, 8.0, {"label": LABELS[kind - 1]}, impulse_s=IMPULSE_S)
            for k, kind in enumerate(kinds)
        ]
    return Expected(("01", "02"), 2, 60, SFREQ, tuple(trials))

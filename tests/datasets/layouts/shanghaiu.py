"""Shanghai University motor imagery: mat/sub-001_ses-01_task_motorimagery_eeg.mat with data (trial, channel, time), labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import scipy.io

from .expected import Expected, ExpectedTrial, eeg

SFREQ, IMPULSE_S, N_SAMPLES = 250.0, 1.2, 1000


def write(root: Path) -> Expected:
    trials = []
    (root / "mat").mkdir()
    for subject, session, kinds in ((1, 1, [1, 2, 2]), (1, 2, [2, 1]), (25, 1, [1, 2])):
        data = np.stack([eeg(32, N_SAMPLES, SFREQ, [IMPULSE_S], 100 * subject + 10 * session + k) for k in range(len(kinds))])
        name = f"sub-{subject:03d}_ses-{session:02d}_task_motorimagery_eeg.mat"
        scipy.io.savemat(root / "mat" / name, {"data": data, "labels": np.array([kinds], np.uint8)})
        trials += [
            ExpectedTrial(
                f"sub-{subject:03d}_ses-{session:02d}", f"{k + 1:03d}", k * 4.0, 4.0, {"label": ("left", "right")[kind - 1]},
                impulse_s=IMPULSE_S,
            )
            for k, kind in enumerate(kinds)
        ]  # fmt: skip
    return Expected(("001", "025"), 3, 32, SFREQ, tuple(trials))

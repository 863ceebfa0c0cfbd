"""Cho2017: s01.mat with a struct eeg; imagery_left and imagery_right are epochs of 7 s laid end to end, the cue at 2 s."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import scipy.io

from .expected import Expected, ExpectedTrial, eeg

SFREQ, IMPULSE_S, N_SAMPLES, CUE = 512.0, 1.1, 3584, 1024


def write(root: Path, folder: str = "mat_data") -> Expected:
    trials = []
    (root / folder).mkdir(parents=True)
    for subject, n_trials in ((1, 2), (7, 1)):
        sides = []
        for side in range(2):
            bumps = [(k * N_SAMPLES + CUE) / SFREQ + IMPULSE_S for k in range(n_trials)]
            # BioSemi's offsets, and four EMG rows behind the EEG.
            sides.append(eeg(68, n_trials * N_SAMPLES, SFREQ, bumps, 10 * subject + side) + 5000.0 * (1 + side))
        event = np.zeros((1, n_trials * N_SAMPLES))
        event[0, CUE::N_SAMPLES] = 1
        fields = {
            "imagery_left": sides[0].astype(np.float32), "imagery_right": sides[1].astype(np.float32), "imagery_event": event,
            "n_imagery_trials": float(n_trials), "srate": SFREQ, "frame": np.array([[-2000.0, 5000.0]]),
            "rest": np.zeros((68, 10)), "subject": f"subject{subject}",
        }  # fmt: skip
        scipy.io.savemat(root / folder / f"s{subject:02d}.mat", {"eeg": fields})
        trials += [
            ExpectedTrial(
                f"sub-{subject:02d}", f"{side}-{k + 1:03d}", ((2 * k + place) * N_SAMPLES + CUE) / SFREQ, 3.0, {"label": side},
                impulse_s=IMPULSE_S,
            )
            for k in range(n_trials)
            for place, side in enumerate(("left", "right"))
        ]  # fmt: skip
    return Expected(("01", "07"), 2, 64, SFREQ, tuple(trials))

"""FACED: Processed_data/sub000.pkl, a pickled array of 28 clips x 32 channels x time (A1, A2 are the last two)."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np

from .expected import Expected, ExpectedTrial, eeg

SFREQ, N_TIMES, IMPULSE_S = 250.0, 500, 0.9
EMOTIONS = (
    ["anger"] * 3 + ["disgust"] * 3 + ["fear"] * 3 + ["sadness"] * 3 + ["neutral"] * 4 + ["amusement"] * 3
    + ["inspiration"] * 3 + ["joy"] * 3 + ["tenderness"] * 3
)  # fmt: skip
EARS = (30, 31)


def write(root: Path) -> Expected:
    """Two people, clips of 2 s; the ears carry something else. EEG_Features has files of the same names."""
    for folder in ("Processed_data", "EEG_Features/DE"):
        (root / folder).mkdir(parents=True)
    trials = []
    for s in (0, 122):
        clips = np.array([eeg(32, N_TIMES, SFREQ, [IMPULSE_S], 28 * s + k) for k in range(28)], np.float32)
        clips[:, EARS] = 3000.0
        (root / "Processed_data" / f"sub{s:03d}.pkl").write_bytes(pickle.dumps(clips, protocol=4 if s else 5))
        (root / "EEG_Features" / "DE" / f"sub{s:03d}.pkl").write_bytes(pickle.dumps(np.zeros((28, 32, 30, 5))))
        trials += [
            ExpectedTrial(
                f"sub-{s:03d}_run-{k + 1:02d}", "1", 0.0, N_TIMES / SFREQ, {"label": label, "clip": f"{k + 1:02d}"},
                impulse_s=IMPULSE_S,
            )
            for k, label in enumerate(EMOTIONS)
        ]  # fmt: skip
    return Expected(("000", "122"), 56, 30, SFREQ, tuple(trials))

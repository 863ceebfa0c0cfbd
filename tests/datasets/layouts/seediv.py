"""SEED-IV: eeg_raw_data/{1,2,3}/1_20160518.mat with NAME_eeg1 ... NAME_eeg24; eeg_feature_smooth has the same names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import scipy.io

from .expected import Expected, ExpectedTrial
from .seed_files import MAT_RATE, write_clips

IMPULSE_S = 1.25
WORDS = ("neutral", "sad", "fear", "happy")
LABELS = {
    "1": "123020010121112322330303",
    "3": "122133311210233023002010",
}
FILES = (("1", "1_20160518", "cz"), ("3", "2_20151012", "ha"))


def write(root: Path) -> Expected:
    """Session 1 of one person and session 3 of another."""
    trials = []
    for seed, (session, stem, initials) in enumerate(FILES):
        lengths = write_clips(root / "eeg_raw_data" / session / f"{stem}.mat", initials, 24, IMPULSE_S, 200 * seed)
        features = root / "eeg_feature_smooth" / session / f"{stem}.mat"
        features.parent.mkdir(parents=True)
        scipy.io.savemat(features, {"de_LDS1": np.zeros((62, 4, 5))})
        subject = f"0{stem[0]}"
        trials += [
            ExpectedTrial(
                f"sub-{subject}_ses-{session}_run-{k + 1:02d}", "1", 0.0, lengths[k],
                {"label": WORDS[int(LABELS[session][k])], "clip": f"{session}-{k + 1:02d}"}, impulse_s=IMPULSE_S,
            )
            for k in range(24)
        ]  # fmt: skip
    return Expected(("01", "02"), 48, 62, MAT_RATE, tuple(trials))

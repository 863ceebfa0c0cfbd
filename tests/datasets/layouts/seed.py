"""SEED: Preprocessed_EEG/1_20131027.mat with NAME_eeg1 ... NAME_eeg15, label.mat; ExtractedFeatures has the same names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import scipy.io

from .expected import Expected, ExpectedTrial
from .seed_files import MAT_RATE, write_clips

LABELS = [1, 0, -1, -1, 0, 1, -1, 0, 1, 1, 0, -1, 0, 1, -1]
WORDS = {1: "positive", 0: "neutral", -1: "negative"}
IMPULSE_S = 1.15
#: File -> (initials, subject, session): sessions go by date, whatever the order of the names.
FILES = {"1_20131107": ("djc", "01", "2"), "1_20131027": ("djc", "01", "1"), "15_20130709": ("zjy", "15", "1")}


def write(root: Path) -> Expected:
    """Two people, one of them twice."""
    trials = []
    for seed, (stem, (initials, subject, session)) in enumerate(FILES.items()):
        lengths = write_clips(root / "Preprocessed_EEG" / f"{stem}.mat", initials, 15, IMPULSE_S, 100 * seed)
        features = root / "ExtractedFeatures" / f"{stem}.mat"
        features.parent.mkdir(exist_ok=True)
        scipy.io.savemat(features, {"de_LDS1": np.zeros((62, 4, 5))})
        trials += [
            ExpectedTrial(
                f"sub-{subject}_ses-{session}_run-{k + 1:02d}", "1", 0.0, lengths[k],
                {"label": WORDS[LABELS[k]], "clip": f"{k + 1:02d}"}, impulse_s=IMPULSE_S,
            )
            for k in range(15)
        ]  # fmt: skip
    scipy.io.savemat(root / "Preprocessed_EEG" / "label.mat", {"label": np.array([LABELS])})
    return Expected(("01", "15"), 45, 62, MAT_RATE, tuple(trials))

"""ADHD: ADHD_part1/v10p.mat and Control_part2/v117.mat, one variable of the file's name, samples x 19."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import scipy.io

from .expected import Expected, ExpectedTrial, eeg

SFREQ, IMPULSE_S = 128.0, 3.3
CHILDREN = (("ADHD_part1", "v10p", "adhd", 900), ("ADHD_part2", "v177", "adhd", 770), ("Control_part2", "v117", "control", 801))


def write(root: Path) -> Expected:
    """Three children; one variable bears another name than its file."""
    trials = []
    for seed, (folder, stem, label, n_times) in enumerate(CHILDREN):
        (root / folder).mkdir()
        values = np.round(eeg(19, n_times, SFREQ, [IMPULSE_S], seed)).T
        scipy.io.savemat(root / folder / f"{stem}.mat", {"v177p" if stem == "v177" else stem: values})
        trials.append(ExpectedTrial(f"sub-{stem}", "1", 0.0, n_times / SFREQ, {"label": label}, impulse_s=IMPULSE_S))
    return Expected(tuple(stem for _, stem, _, _ in CHILDREN), 3, 19, SFREQ, tuple(trials))

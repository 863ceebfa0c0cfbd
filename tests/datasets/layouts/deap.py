"""DEAP: data_preprocessed_python/s01.dat, a pickled dict of data (40 videos x 40 channels x time) and labels (40 x 4)."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np

from .expected import Expected, ExpectedTrial, eeg

SFREQ, BASELINE_S, N_TIMES, IMPULSE_S = 128.0, 3.0, 576, 0.8


def write(root: Path) -> Expected:
    """Two people; videos of 1.5 s after 3 s of baseline. Protocol 2 and names of numpy 1, as Python 2 wrote them."""
    folder = root / "data_preprocessed_python"
    folder.mkdir()
    trials = []
    for s in (1, 2):
        bump = BASELINE_S + IMPULSE_S
        clips = [np.vstack([eeg(32, N_TIMES, SFREQ, [bump], 40 * s + k), eeg(8, N_TIMES, SFREQ, [], k)]) for k in range(40)]
        ratings = np.tile(np.linspace(1.0, 9.0, 40)[:, None], (1, 4)) if s == 1 else np.full((40, 4), 5.0)
        written = pickle.dumps({"labels": ratings, "data": np.array(clips)}, protocol=2)
        (folder / f"s{s:02d}.dat").write_bytes(written.replace(b"numpy._core.", b"numpy.core."))
        trials += [
            ExpectedTrial(
                f"sub-{s:02d}_run-{k + 1:02d}", "1", BASELINE_S, N_TIMES / SFREQ - BASELINE_S,
                {"label": "high" if s == 1 and k >= 20 else "low", "clip": f"{k + 1:02d}"}, impulse_s=IMPULSE_S,
            )
            for k in range(40)
        ]  # fmt: skip
    return Expected(("01", "02"), 80, 32, SFREQ, tuple(trials))

"""Windows that differ in what a brain could differ in: how strong an oscillation is."""

from __future__ import annotations

import numpy as np

NAMES = ("C3", "Cz", "C4", "Pz")
SFREQ = 128.0


def rhythms(n: int = 80, seed: int = 0, sfreq: float = SFREQ, seconds: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    """X (n, 4, time) microvolts, y: in windows of "task" Cz oscillates at 10 Hz, in those of "rest" hardly."""
    rng = np.random.default_rng(seed)
    times = np.arange(round(seconds * sfreq)) / sfreq
    X, y = 10 * rng.standard_normal((n, len(NAMES), len(times))), np.array(["rest", "task"] * (n // 2))
    strength = np.where(y == "task", 12.0, 2.0)
    X[:, 1] += strength[:, None] * np.sin(2 * np.pi * 10 * times + rng.uniform(0, 6, (n, 1)))
    return X, y

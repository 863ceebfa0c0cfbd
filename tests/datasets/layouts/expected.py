"""What a layout writer promises about the files it wrote, and the signals they are made of.

Each module of this package is named as its data set and has ``write(root: Path) -> Expected``. It writes the published
layout with numpy, scipy, h5py, soundfile, pybv or edfio and never imports mindleaf.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

#: Width (standard deviation, s) of the bump that marks a moment in EEG and audio: narrow, yet inside 1-40 Hz for the EEG.
EEG_BUMP_S, AUDIO_BUMP_S = 0.012, 0.0005


@dataclass(frozen=True)
class ExpectedTrial:
    """One trial. ``impulse_s`` seconds after its onset stand a bump in every EEG channel and a click in every stimulus."""

    recording: str
    trial: str
    onset_s: float
    duration_s: float
    labels: dict[str, str] = field(default_factory=dict)
    stimuli: tuple[str, ...] = ()
    attended: int = 0
    impulse_s: float = 0.0


@dataclass(frozen=True)
class Expected:
    """``trials`` in the order of recordings and onsets; ``issues`` are codes that the reader must report, no others."""

    subjects: tuple[str, ...]
    n_recordings: int
    n_channels: int
    sfreq: float
    trials: tuple[ExpectedTrial, ...]
    issues: tuple[str, ...] = ()


def eeg(n_channels: int, n_times: int, sfreq: float, bumps_s: list[float], seed: int = 0) -> NDArray[np.float64]:
    """(n_channels, n_times) microvolts: slow noise of about 10 uV and a bump of 400 uV at each moment (s)."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((n_channels, n_times))
    kernel = np.hanning(max(3, int(0.03 * sfreq)))
    noise = np.apply_along_axis(np.convolve, 1, noise, kernel / np.linalg.norm(kernel), mode="same") * 10.0
    times = np.arange(n_times) / sfreq
    for moment in bumps_s:
        noise += 400.0 * np.exp(-0.5 * ((times - moment) / EEG_BUMP_S) ** 2)
    return noise


def audio(duration_s: float, rate: int, clicks_s: list[float], seed: int = 0) -> NDArray[np.float64]:
    """(n_samples,) in [-1, 1]: quiet noise that differs by seed, and a loud click at each moment (s)."""
    rng = np.random.default_rng(1000 + seed)
    n = round(duration_s * rate)
    sound = 0.02 * rng.standard_normal(n)
    times = np.arange(n) / rate
    for moment in clicks_s:
        sound += 0.8 * np.exp(-0.5 * ((times - moment) / AUDIO_BUMP_S) ** 2)
    return np.clip(sound, -1.0, 1.0)

"""What the generator knows of a data set it wrote: sounds as heard, listeners, and recordings without their answers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.io import wavfile

from mindleaf.datasets.synthesis.design import Presentation, presentations
from mindleaf.datasets.synthesis.head import head
from mindleaf.datasets.synthesis.hearing import Features, features
from mindleaf.datasets.synthesis.listener import Listener, standardised
from mindleaf.datasets.synthesis.session import quiet_session, tuned_listener
from mindleaf.datasets.synthesis.settings import SyntheticConfig


@dataclass(frozen=True)
class Truth:
    """One subject: the listener, the recording without answers (channel, time) in microvolts, the trials and their first samples."""

    listener: Listener
    noise: NDArray[np.float64]
    presentations: list[Presentation]
    starts: tuple[int, ...]


def heard_sounds(root: Path, config: SyntheticConfig) -> dict[str, Features]:
    """What an auditory cortex takes from each sound of a written data set, by stimulus id, with unit standard deviation."""
    paths = sorted((root / "stimuli").glob("*.wav"))
    heard = []
    for path in paths:
        rate, samples = wavfile.read(path)
        heard.append(features(samples.astype(np.float32) / 32767, rate, config.sfreq))
    return dict(zip([path.stem for path in paths], standardised(heard), strict=True))


def truth(config: SyntheticConfig, seed: int, subject: int, heard: dict[str, Features]) -> Truth:
    """Subject number ``subject`` (from 0) as ``write_synthetic`` drew it; without ``config.relation`` nothing was answered."""
    rng = np.random.default_rng([seed, 2, subject])
    shown = presentations(subject, config.n_trials, rng)
    cap = head(config.n_channels)
    starts, noise = quiet_session(cap, shown, config, rng)
    return Truth(tuned_listener(cap, shown, heard, config, rng), noise, shown, starts)


def settings_of(root: Path) -> tuple[SyntheticConfig, int]:
    """Settings and seed that a data set was written with."""
    written = json.loads((root / "code" / "synthetic.json").read_text())
    return SyntheticConfig.model_validate(written["config"]), int(written["seed"])

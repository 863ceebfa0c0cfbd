"""Shared material: small stores made from generated signals, and the folder of real recordings where there is one."""

from __future__ import annotations

import os
import signal
import subprocess
from functools import partial
from pathlib import Path

# Before any test: pytest's plugin imports it at the end, and after an export that fails in Python 3.11.7 (gh-106905).
import hypothesis  # noqa: F401
import numpy as np
import pytest

from mindleaf.montage import Montage
from mindleaf.recording import Candidate, Recording, Stimulus, Trial
from mindleaf.store.writer import write_store

CHANNELS = ("Fp1", "Fp2", "C3", "Cz", "C4", "Pz", "O1", "O2")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real recordings; tests that need it skip without it."""
    folder = os.environ.get("MINDLEAF_TEST_DATA")
    if not folder:
        pytest.skip("needs real recordings: set MINDLEAF_TEST_DATA to their folder")
    return Path(folder)


def _noise(seed: int, shape: tuple[int, ...], scale: float) -> np.ndarray:
    return (scale * np.random.default_rng(seed).standard_normal(shape)).astype(np.float32)


def hears_ctrl_c() -> None:
    """For a child process: a job that a script starts in the background is deaf to Ctrl-C, and so are its children, tests among them."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def make_recording(
    number: int, n_trials: int = 4, trial_s: float = 8.0, sfreq: float = 128.0, subject: str | None = None
) -> Recording:
    """A recording of noise with labelled two-candidate trials; stimulus k of trial t is shared by all subjects."""
    montage, _ = Montage.from_names(CHANNELS)
    n_times = int((n_trials * (trial_s + 1) + 1) * sfreq)
    stimuli, trials = [], []
    for t in range(n_trials):
        names = (f"story{t}_a", f"story{t}_b")
        stimuli += [
            Stimulus(name, 16_000.0, partial(_noise, 1000 + 2 * t + k, (int(trial_s * 16_000),), 0.1), "audio", "speech")
            for k, name in enumerate(names)
        ]
        candidates = tuple(
            Candidate(name, side, talker) for name, side, talker in zip(names, ("left", "right"), ("female", "male"), strict=True)
        )
        label = "rest" if (t + number) % 2 else "task"
        trials.append(Trial(f"t{t}", 1 + t * (trial_s + 1), trial_s, {"label": label}, candidates, 1 + (t + number) % 2))
    return Recording(
        dataset="toy", subject=subject or f"s{number}", id=f"rec{number}", sfreq=sfreq, montage=montage, n_times=n_times,
        load=partial(_noise, number, (len(CHANNELS), n_times), 20.0), stimuli=tuple(stimuli), trials=tuple(trials),
    )  # fmt: skip


@pytest.fixture(scope="session")
def toy_store(tmp_path_factory):
    """Four subjects, four trials each, no relation between EEG and anything."""
    folder = tmp_path_factory.mktemp("toy") / "store"
    return write_store([make_recording(k) for k in range(4)], folder, "toy", {"interval": None})


@pytest.fixture
def mounted(tmp_path):
    """A disk of 3 MB of its own, where this machine lets the tests mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("needs the right to mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)

"""Small stores of made-up data sets, so that one can be trained on and the other tested: listeners, and rhythms with labels."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt

from mindleaf.montage import Montage
from mindleaf.recording import Candidate, Recording, Stimulus, Trial
from mindleaf.store.store import Store
from mindleaf.store.writer import write_store

FEW = ("Fz", "C3", "Cz", "C4", "Pz")
MANY = ("Oz", "Pz", "C4", "Cz", "P3", "C3", "Fz", "P4")
RATE, DELAY_S, TRIAL_S = 64.0, 0.125, 16.0


def listeners(
    folder: Path, dataset: str, channels=FEW, sfreq=64.0, seed=0, n_subjects=3, n_streams=2, related=True, voices=None, prefix=""
) -> Store:
    """Four trials a subject. EEG is the attended envelope 125 ms later, strongest at Cz, in noise.

    related   False: a pattern of each trial's own instead, and nothing of the sounds
    voices    seed of the sounds; equal seeds give equal sounds
    prefix    of the names of the recordings, where they are not to begin with the data set's
    """
    recordings = [
        _listener(dataset, number, channels, sfreq, seed, n_streams, related, seed if voices is None else voices, prefix)
        for number in range(n_subjects)
    ]
    return write_store(recordings, folder, dataset, {})


def rhythms(folder: Path, dataset: str, kinds: dict[str, float], channels=FEW, sfreq=128.0, seed=0, n_subjects=3) -> Store:
    """Six trials of 4 s for each class of a subject: a rhythm of the class's frequency (Hz) at Cz."""
    recordings = [_rhythmic(dataset, number, kinds, channels, sfreq, seed) for number in range(n_subjects)]
    return write_store(recordings, folder, dataset, {})


def envelope(seed: int) -> NDArray[np.float32]:
    noise = np.random.default_rng(seed).standard_normal(round(TRIAL_S * RATE))
    slow = sosfiltfilt(butter(2, (1.0, 8.0), btype="bandpass", fs=RATE, output="sos"), noise)
    return (1.0 + slow / np.abs(slow).max()).astype(np.float32)


def _listener(dataset, number, channels, sfreq, seed, n_streams, related, voices, prefix) -> Recording:
    rng = np.random.default_rng((seed, number))
    length, n_trials = round(TRIAL_S * sfreq), 4
    eeg = rng.standard_normal((len(channels), n_trials * length))
    strength = np.array([{"Cz": 1.0, "C3": 0.5, "C4": 0.5, "Oz": 0.0}.get(name, 0.25) for name in channels])
    stimuli, trials = [], []
    for t in range(n_trials):
        seeds = [voices + 100 * t + k for k in range(n_streams)]
        ids, attended = [f"sound{t}{k}" for k in range(n_streams)], (t + number) % 2
        stimuli += [Stimulus(name, RATE, partial(envelope, s), "envelope") for name, s in zip(ids, seeds, strict=True)]
        times = np.arange(length) / sfreq - DELAY_S
        heard = np.interp(times, np.arange(round(TRIAL_S * RATE)) / RATE, envelope(seeds[attended]) - 1.0)
        span = slice(t * length, (t + 1) * length)
        eeg[:, span] += 3.0 * strength[:, None] * heard if related else rng.normal(0, 2, (len(channels), 1))
        pair = tuple(Candidate(i, side=side) for i, side in zip(ids, ("left", "right", "front")[:n_streams], strict=True))
        trials.append(Trial(f"t{t}", t * TRIAL_S, TRIAL_S, {}, pair, attended + 1))
    name = f"{prefix or dataset}-{number}"
    return _recording(dataset, number, name, channels, sfreq, (10.0 * eeg).astype(np.float32), stimuli, trials)


def _rhythmic(dataset, number, kinds, channels, sfreq, seed) -> Recording:
    rng = np.random.default_rng((seed, number))
    trial_s, n_trials = 4.0, 6 * len(kinds)
    length = round(trial_s * sfreq)
    eeg = 5.0 * rng.standard_normal((len(channels), n_trials * length))
    trials = []
    for t in range(n_trials):
        label, frequency = list(kinds.items())[t % len(kinds)]
        wave = 8.0 * np.sin(2 * np.pi * frequency * np.arange(length) / sfreq + rng.uniform(0, 6))
        eeg[channels.index("Cz"), t * length : (t + 1) * length] += wave
        trials.append(Trial(f"t{t:02d}", t * trial_s, trial_s, {"label": label}))
    return _recording(dataset, number, f"{dataset}-{number}", channels, sfreq, eeg.astype(np.float32), [], trials)


def _recording(dataset, number, name, channels, sfreq, signal, stimuli, trials) -> Recording:
    return Recording(
        dataset=dataset, subject=f"s{number}", id=name, sfreq=sfreq, montage=Montage.from_names(channels)[0],
        n_times=signal.shape[1], load=partial(np.asarray, signal), stimuli=tuple(stimuli), trials=tuple(trials),
    )  # fmt: skip

"""Small generated stores in which the right answer is known."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.signal import butter, sosfiltfilt

from mindleaf.montage import Montage
from mindleaf.recording import Candidate, Recording, Stimulus, Trial
from mindleaf.store.examples import Examples
from mindleaf.store.store import Store
from mindleaf.store.writer import write_store

CHANNELS = ("Fz", "C3", "Cz", "C4", "Pz", "Oz")
SFREQ, ENVELOPE_RATE, DELAY_S = 64.0, 64.0, 0.125
MIXING = np.array([0.2, 0.5, 1.0, 0.5, 0.3, 0.0])


def listening_store(
    folder: Path, n_subjects: int = 2, n_trials: int = 4, trial_s: float = 30.0, gain: float = 1.0, amplifier: ArrayLike = 1.0
) -> Store:
    """Two envelopes a trial; EEG is the attended one 125 ms later, strongest at Cz, in noise. Attention alternates.

    gain: of the response in the noise; amplifier: of all that is recorded, one number or one per channel.
    """
    recordings = [simulated_listener(number, n_trials, trial_s, gain, amplifier) for number in range(n_subjects)]
    return write_store(recordings, folder, "listening", {"ssvep_frequencies": []})


def attended_rows(store: Store, window_s: float, **cut) -> Examples:
    """Windows with the answer and the side as class; the candidates in the order of the trial."""
    rows = store.windows(window_s, **cut)
    rows["answer"] = rows["attended"] - 1
    rows["target"] = rows["answer"]
    return Examples(store, rows, classes=("left", "right"))


def rhythm_store(folder: Path, frequencies: tuple[float, ...] = (10.0, 14.0), ssvep: bool = False, flat: bool = False) -> Store:
    """Trials of noise with a rhythm at Oz (first class), C4 (second) or Fz (third), each class with its own frequency."""
    recordings = [_rhythms(number, frequencies, flat) for number in range(2)]
    return write_store(recordings, folder, "rhythm", {"ssvep_frequencies": list(frequencies) if ssvep else []})


def labelled_rows(store: Store, window_s: float = 2.0) -> Examples:
    rows = store.windows(window_s)
    classes = tuple(sorted(rows["label"].unique()))
    rows["answer"], rows["target"] = -1, [classes.index(label) for label in rows["label"]]
    return Examples(store, rows, classes=classes)


def halves(examples: Examples, last_trials: tuple[str, ...]) -> tuple[Examples, Examples]:
    """Training examples, and those of the named trials."""
    test = examples.rows["trial"].isin(last_trials).to_numpy()
    return examples.take(np.flatnonzero(~test)), examples.take(np.flatnonzero(test))


def none_of(examples: Examples) -> Examples:
    return examples.take([])


def _envelope(seed: int, n: int) -> NDArray[np.float32]:
    noise = np.random.default_rng(seed).standard_normal(n)
    slow = sosfiltfilt(butter(2, (1.0, 8.0), btype="bandpass", fs=ENVELOPE_RATE, output="sos"), noise)
    return (1.0 + slow / np.abs(slow).max()).astype(np.float32)


def simulated_listener(number: int, n_trials: int, trial_s: float, gain: float, amplifier: ArrayLike = 1.0) -> Recording:
    montage, _ = Montage.from_names(CHANNELS)
    length, pause = round(trial_s * SFREQ), round(SFREQ)
    n_times = n_trials * (length + pause) + pause
    eeg = np.random.default_rng(100 + number).standard_normal((len(CHANNELS), n_times))
    stimuli, trials = [], []
    for t in range(n_trials):
        seeds = [1000 * number + 10 * t + k for k in (1, 2)]
        ids = [f"sound{seed}" for seed in seeds]
        attended = (t + number) % 2
        stimuli += [
            Stimulus(i, ENVELOPE_RATE, partial(_envelope, s, length), "envelope") for i, s in zip(ids, seeds, strict=True)
        ]
        start = pause + t * (length + pause)
        heard = np.roll(_envelope(seeds[attended], length) - 1.0, round(DELAY_S * SFREQ))
        eeg[:, start : start + length] += 2.0 * gain * MIXING[:, None] * heard
        pair = tuple(Candidate(i, side=side) for i, side in zip(ids, ("left", "right"), strict=True))
        trials.append(Trial(f"t{t}", start / SFREQ, trial_s, {}, pair, attended + 1))
    signal = (10.0 * (number + 1) * np.reshape(amplifier, (-1, 1)) * eeg).astype(np.float32)
    return Recording(
        dataset="listening", subject=f"s{number}", id=f"r{number}", sfreq=SFREQ, montage=montage, n_times=n_times,
        load=partial(np.asarray, signal), stimuli=tuple(stimuli), trials=tuple(trials),
    )  # fmt: skip


def _rhythms(number: int, frequencies: tuple[float, ...], flat: bool) -> Recording:
    montage, _ = Montage.from_names(CHANNELS)
    sfreq, trial_s, n_trials = 128.0, 4.0, 12
    rng = np.random.default_rng(number)
    eeg = 5.0 * rng.standard_normal((len(CHANNELS), round(n_trials * trial_s * sfreq)))
    trials = []
    for t in range(n_trials):
        kind = t % len(frequencies)
        span = slice(round(t * trial_s * sfreq), round((t + 1) * trial_s * sfreq))
        time = np.arange(round(trial_s * sfreq)) / sfreq
        eeg[-1 - kind * (len(CHANNELS) - 1) // 2, span] += 8.0 * np.sin(2 * np.pi * frequencies[kind] * time + rng.uniform(0, 6))
        trials.append(Trial(f"t{t:02d}", t * trial_s, trial_s, {"label": f"class{kind}"}))
    if flat:
        eeg[1] = 0.0
    return Recording(
        dataset="rhythm", subject=f"s{number}", id=f"r{number}", sfreq=sfreq, montage=montage, n_times=eeg.shape[1],
        load=partial(np.asarray, eeg.astype(np.float32)), trials=tuple(trials),
    )  # fmt: skip

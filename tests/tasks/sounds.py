"""A small generated store of single sounds: what the listener heard, what EEG knows of it, and labels of either."""

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

CHANNELS = ("Fz", "C3", "Cz", "C4", "Pz", "Oz")
SFREQ = 64.0
_DELAY = 8


def sound_store(
    folder: Path, *, n_subjects=2, n_clips=6, trial_s=20.0, gain=0.0, repeats=1, label_in_eeg=False, tones=False, seed=0
) -> Store:
    """Every subject hears every clip ``repeats`` times, one clip a trial; clip k is as loud as k says, its label is drawn by lot.

    gain          how strongly EEG follows the envelope (0: no relation)
    tones         sounds are kept as waveforms, each clip a tone of its own, instead of envelopes
    label_in_eeg  a 10-Hz rhythm at Oz in the trials of the label "joy", which is then drawn for each trial, not for each clip
    """
    rng = np.random.default_rng(seed)
    labels = rng.permutation(["joy", "fear"] * -(-n_clips // 2))[:n_clips]
    recordings = [_listener(s, n_clips, repeats, trial_s, gain, label_in_eeg, labels, tones, seed) for s in range(n_subjects)]
    return write_store(recordings, folder, "sounds", {})


def envelope(clip: int, trial_s: float) -> NDArray[np.float32]:
    noise = np.random.default_rng(1000 + clip).standard_normal(round(trial_s * SFREQ))
    slow = sosfiltfilt(butter(2, (1.0, 8.0), btype="bandpass", fs=SFREQ, output="sos"), noise)
    return ((1.0 + 0.2 * clip) * (1.0 + slow / np.abs(slow).max())).astype(np.float32)


def _tone(clip: int, trial_s: float) -> NDArray[np.float32]:
    time = np.arange(round(trial_s * 16_000)) / 16_000
    loudness = np.interp(time, np.arange(round(trial_s * SFREQ)) / SFREQ, envelope(clip, trial_s))
    return (0.1 * loudness * np.sin(2 * np.pi * 200 * 1.3**clip * time)).astype(np.float32)


def _listener(number, n_clips, repeats, trial_s, gain, label_in_eeg, labels, tones, seed) -> Recording:
    montage, _ = Montage.from_names(CHANNELS)
    rng = np.random.default_rng((seed, number))
    length, pause = round(trial_s * SFREQ), round(SFREQ)
    order = rng.permutation(np.repeat(np.arange(n_clips), repeats))
    eeg = rng.standard_normal((len(CHANNELS), len(order) * (length + pause) + pause))
    trials = []
    for t, clip in enumerate(order):
        start = pause + t * (length + pause)
        span = slice(start, start + length)
        heard = np.roll(envelope(clip, trial_s) / (1.0 + 0.2 * clip) - 1.0, _DELAY)
        eeg[:, span] += gain * np.array([0.2, 0.5, 1.0, 0.5, 0.3, 0.0])[:, None] * heard
        label = str(rng.choice(["joy", "fear"])) if label_in_eeg else str(labels[clip])
        if label_in_eeg and label == "joy":
            eeg[-1, span] += 2.0 * np.sin(2 * np.pi * 10 * np.arange(length) / SFREQ)
        candidate = (Candidate(f"clip{clip}"),)
        trials.append(Trial(f"t{t:02d}", start / SFREQ, trial_s, {"emotion": label}, candidate, attended=1))
    make, rate, kind = (_tone, 16_000.0, "audio") if tones else (envelope, SFREQ, "envelope")
    stimuli = tuple(Stimulus(f"clip{c}", rate, partial(make, c, trial_s), kind, "music") for c in range(n_clips))
    signal = (10.0 * eeg).astype(np.float32)
    return Recording(
        dataset="sounds", subject=f"s{number}", id=f"r{number}", sfreq=SFREQ, montage=montage, n_times=eeg.shape[1],
        load=partial(np.asarray, signal), stimuli=stimuli, trials=tuple(trials),
    )  # fmt: skip

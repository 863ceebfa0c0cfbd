"""Fixtures of data sets whose published layout nobody could check: signals and sounds described by two tables."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from .expected import Expected, ExpectedTrial, audio, eeg

AUDIO_RATE, IMPULSE_S, TRIAL_S, GAP_S = 16_000, 0.9, 2.5, 0.3


def write_described(
    root: Path,
    channels: Sequence[str],
    sfreq: float,
    labels: Sequence[dict[str, str]],
    talkers: Sequence[str] = (),
    auditory_type: str = "speech",
    montage: str = "",
) -> Expected:
    """Two listeners, one trial for each entry of ``labels``; as many sounds at once as there are ``talkers``."""
    n_trials = len(labels)
    onsets = [round((GAP_S + t * (TRIAL_S + GAP_S)) * sfreq) / sfreq for t in range(n_trials)]
    n_times = round((onsets[-1] + TRIAL_S + GAP_S) * sfreq)
    names = [[f"clip{t}_{talker}" for talker in talkers] for t in range(n_trials)]
    for t, row in enumerate(names):
        for k, name in enumerate(row):
            soundfile.write(root / f"{name}.wav", audio(TRIAL_S, AUDIO_RATE, [IMPULSE_S], seed=9 * t + k), AUDIO_RATE)
    recordings, trials, expected = [], [], []
    for s in (1, 2):
        signal = eeg(len(channels), n_times, sfreq, [onset + IMPULSE_S for onset in onsets], s)
        np.savez(root / f"s{s}.npz", signal=signal, channel_names=np.array(channels), sfreq=sfreq)
        recordings.append({"recording": f"s{s}", "file": f"s{s}.npz", "subject": str(s), "montage": montage})
        for t, onset in enumerate(onsets):
            attended = 1 + (s + t) % len(talkers) if talkers else 0
            row = {"recording": f"s{s}", "trial": str(t + 1), "onset_s": repr(onset), "duration_s": str(TRIAL_S), **labels[t]}
            for k, (name, talker) in enumerate(zip(names[t], talkers, strict=True), start=1):
                row |= {f"stimulus_{k}": name, f"stimulus_file_{k}": f"{name}.wav", f"talker_{k}": talker}
                row |= {f"auditory_type_{k}": auditory_type, "attended": str(attended)}
            trials.append(row)
            stimuli = tuple(names[t])
            expected.append(ExpectedTrial(f"s{s}", str(t + 1), onset, TRIAL_S, dict(labels[t]), stimuli, attended, IMPULSE_S))
    _table(root / "recordings.tsv", recordings)
    _table(root / "trials.tsv", trials)
    return Expected(("1", "2"), 2, len(channels), sfreq, tuple(expected))


def _table(path: Path, rows: Sequence[dict[str, str]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter="\t")
        writer.writeheader()
        writer.writerows(rows)

"""KUL as on Zenodo 4004271: S1.mat ... with a 1 x 20 cell of structs, stimuli/partN_trackN_{dry,hrtf}.wav."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import scipy.io
import soundfile

from .caps import BIOSEMI64
from .expected import Expected, ExpectedTrial, audio, eeg

SFREQ, AUDIO_RATE, IMPULSE_S = 128.0, 44_100, 1.7


def write(root: Path) -> Expected:
    """Two listeners; one file nests trials in a cell, the other is a struct array without channel labels."""
    stimuli = root / "stimuli"
    stimuli.mkdir()
    for part in (1, 2):
        for track in (1, 2):
            for kind in ("dry", "hrtf"):
                late = IMPULSE_S if kind == "dry" else IMPULSE_S + 0.2
                sound = audio(5.0, AUDIO_RATE, [late], seed=10 * part + track)
                soundfile.write(stimuli / f"part{part}_track{track}_{kind}.wav", sound, AUDIO_RATE, subtype="PCM_16")
    expected = []
    for subject in (1, 2):
        trials = [_trial(subject, number) for number in range(1, 21)]
        nested: Any = np.empty((1, 20), object)
        for column, trial in enumerate(trials):
            nested[0, column] = trial
        values = {"trials": nested} if subject == 1 else {"trials": _struct_array(trials)}
        scipy.io.savemat(root / f"S{subject}.mat", values, do_compression=True)
        for number in range(1, 9):
            part = 1 + (number - 1) % 2
            left, right = (1, 2) if number % 2 else (2, 1)
            expected.append(
                ExpectedTrial(
                    recording=f"sub-0{subject}_run-{number}",
                    trial=str(number),
                    onset_s=0.0,
                    duration_s=_n_times(number) / SFREQ,
                    labels={"condition": "dry" if number % 4 < 2 else "hrtf", "experiment": str(1 + (number > 4))},
                    stimuli=(f"part{part}_track{left}", f"part{part}_track{right}"),
                    attended=1 if number in (1, 4, 6, 7) else 2,
                    impulse_s=IMPULSE_S,
                )
            )
    return Expected(subjects=("01", "02"), n_recordings=16, n_channels=64, sfreq=SFREQ, trials=tuple(expected))


def _n_times(number: int) -> int:
    return 400 + 10 * number


def _trial(subject: int, number: int) -> dict[str, Any]:
    repeated = number > 8
    part = 1 + (number - 1) % 2
    left, right = (1, 2) if number % 2 else (2, 1)
    kind = "dry" if number % 4 < 2 else "hrtf"
    prefix = "rep_" if repeated else ""
    n_times = _n_times(number) if not repeated else 64
    ear = "L" if number in (1, 4, 6, 7) else "R"
    names = np.array([f"{prefix}part{part}_track{track}_{kind}.wav" for track in (left, right)], object)
    labels = np.array([(name,) for name in BIOSEMI64], dtype=[("Label", object)])
    header: dict[str, Any] = {"SampleRate": SFREQ}
    if subject == 1:
        header["Channels"] = labels[None]
    return {
        "RawData": {"Channels": np.arange(1, 65)[None], "EegData": eeg(64, n_times, SFREQ, [IMPULSE_S], number).T},
        "FileHeader": header,
        "TrialID": number,
        "attended_ear": ear,
        "stimuli": names[:, None],
        "condition": "dry" if kind == "dry" else "HRTF",
        "experiment": 3 if repeated else 1 + (number > 4),
        "part": part,
        "attended_track": left if ear == "L" else right,
        "repetition": int(repeated),
        "subject": f"S{subject}",
    }


def _struct_array(trials: list[dict[str, Any]]) -> np.ndarray:
    array = np.empty((1, len(trials)), dtype=[(name, object) for name in trials[0]])
    for column, trial in enumerate(trials):
        for name, value in trial.items():
            array[0, column][name] = value
    return array

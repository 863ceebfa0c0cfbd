"""OpenNeuro ds004408: one BrainVision recording a part of the book, no events, EEG longer than the sound."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pybv
import soundfile

from .expected import Expected, ExpectedTrial, audio, eeg

RATE, SOUND_RATE, SOUND_S, BUMP_S = 512, 44_100, 4.0, 1.5
NAMES = [f"{row}{number}" for row in "ABCD" for number in range(1, 33)]


def write(root: Path) -> Expected:
    """Two listeners, two parts, every channel good."""
    trials = []
    for subject in ("001", "002"):
        for run in ("01", "15"):
            write_run(root, subject, run, SOUND_S + 2.0)
            name = f"sub-{subject}_task-listening_run-{run}"
            trials.append(ExpectedTrial(name, run, 0.0, SOUND_S, {}, (f"audio{run}",), 1, BUMP_S))
    for number, run in enumerate(("01", "15")):
        write_sound(root, run, SOUND_S, number)
    return Expected(("001", "002"), 4, 128, float(RATE), tuple(trials))


def write_sound(root: Path, run: str, seconds: float, seed: int = 0) -> None:
    (root / "stimuli").mkdir(exist_ok=True)
    sound = audio(seconds, SOUND_RATE, [BUMP_S], seed)
    soundfile.write(root / "stimuli" / f"audio{run}.wav", np.stack([sound, sound], axis=1), SOUND_RATE)


def write_run(root: Path, subject: str, run: str, seconds: float, bad: tuple[str, ...] = ()) -> None:
    folder, stem = root / f"sub-{subject}" / "eeg", f"sub-{subject}_task-listening_run-{run}"
    folder.mkdir(parents=True, exist_ok=True)
    signal = 1e-6 * eeg(128, int(seconds * RATE), RATE, [BUMP_S], seed=int(subject) + int(run))
    pybv.write_brainvision(data=signal, sfreq=RATE, ch_names=NAMES, fname_base=f"{stem}_eeg", folder_out=folder, unit="V")
    lines = ["name\ttype\tunits\tdescription\tsampling_frequency\tstatus\tstatus_description"]
    lines += [f"{name}\tEEG\tV\tElectroEncephaloGram\t512.0\t{'bad' if name in bad else 'good'}\tn/a" for name in NAMES]
    (folder / f"{stem}_channels.tsv").write_text("\n".join(lines) + "\n")

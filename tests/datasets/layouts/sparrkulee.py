"""SparrKULee after gunzip: BDF with a status channel, one row of events, sounds and trains of pulses as packed NPZ."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import edfio
import numpy as np

from .caps import BIOSEMI64
from .expected import Expected, ExpectedTrial, audio, eeg

RATE, SOUND_RATE, SOUND_S, BUMP_S, IDLE = 1024, 48_000, 8.0, 1.3, 254
NAMES = [*BIOSEMI64, "EXG1", "EXG2"]
#: Sample of the EEG at which the sound starts. The first pulse comes half a second later, then one every two seconds.
STARTS = {"001": 1331, "002": 2048}
PULSES_S = (0.5, 2.5, 4.5, 6.5)


def write(root: Path) -> Expected:
    """Two listeners of one audio book."""
    trials = []
    for subject, start in STARTS.items():
        write_recording(root, subject, start)
        name = f"sub-{subject}_ses-shortstories01_run-01"
        trials.append(ExpectedTrial(name, "1", start / RATE, SOUND_S, {}, ("audiobook_1_1",), 1, BUMP_S))
    write_sounds(root, "audiobook_1_1")
    return Expected(tuple(STARTS), 2, 64, float(RATE), tuple(trials))


def write_recording(
    root: Path, subject: str, start: int, sound: str = "audiobook_1_1", pulses: tuple[float, ...] = PULSES_S
) -> None:
    folder, stem = (
        root / f"sub-{subject}" / "ses-shortstories01" / "eeg",
        f"sub-{subject}_ses-shortstories01_task-listeningActive_run-01",
    )
    folder.mkdir(parents=True, exist_ok=True)
    n_times = 13 * RATE
    signal = eeg(len(NAMES), n_times, RATE, [start / RATE + BUMP_S], seed=int(subject))
    status = np.full(n_times, IDLE)
    for pulse in pulses:
        first = start + round(pulse * RATE)
        status[first : first + 20] = 255
    signals = [
        edfio.BdfSignal(
            row, RATE, label=name, physical_dimension="uV", physical_range=(-262144, 262143), digital_range=(-8388608, 8388607)
        )
        for name, row in zip(NAMES, signal, strict=True)
    ]
    whole = (-8388608, 8388607)
    signals.append(
        edfio.BdfSignal(
            status.astype(float), RATE, label="Status", physical_dimension="Boolean", physical_range=whole, digital_range=whole
        )
    )
    edfio.Bdf(signals).write(folder / f"{stem}_eeg.bdf")
    row = f"0.0\t{SOUND_S}\teeg/{sound}.npz.gz\teeg/t_{sound}.npz.gz"
    (folder / f"{stem}_events.tsv").write_text(f"onset\tduration\tstim_file\ttrigger_file\n{row}\n")


def write_sounds(root: Path, name: str, seconds: float = SOUND_S) -> None:
    folder = root / "stimuli" / "eeg"
    folder.mkdir(parents=True, exist_ok=True)
    train = np.zeros(int(seconds * SOUND_RATE))
    for pulse in PULSES_S:
        train[int(pulse * SOUND_RATE) : int(pulse * SOUND_RATE) + 900] = 1.0
    for file, values in ((name, audio(seconds, SOUND_RATE, [BUMP_S])), (f"t_{name}", train)):
        memory = io.BytesIO()
        np.savez(memory, audio=values.astype(np.float32), fs=SOUND_RATE)
        with gzip.open(folder / f"{file}.npz.gz", "wb", compresslevel=1) as packed:
            packed.write(memory.getvalue())

"""OpenBMI: sess01_subj01_EEG_MI.mat with the structs EEG_MI_train and EEG_MI_test; samples count from 1."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import scipy.io

from .expected import Expected, ExpectedTrial, eeg

SFREQ, IMPULSE_S = 1000.0, 1.1
CHANNELS = [
    "Fp1",
    "Fp2",
    "F7",
    "F3",
    "Fz",
    "F4",
    "F8",
    "FC5",
    "FC1",
    "FC2",
    "FC6",
    "T7",
    "C3",
    "Cz",
    "C4",
    "T8",
    "TP9",
    "CP5",
    "CP1",
    "CP2",
    "CP6",
    "TP10",
    "P7",
    "P3",
    "Pz",
    "P4",
    "P8",
    "PO9",
    "O1",
    "Oz",
    "O2",
    "PO10",
    "FC3",
    "FC4",
    "C5",
    "C1",
    "C2",
    "C6",
    "CP3",
    "CPz",
    "CP4",
    "P1",
    "P2",
    "POz",
    "FT9",
    "FTT9h",
    "TTP7h",
    "TP7",
    "TPP9h",
    "FT10",
    "FTT10h",
    "TPP8h",
    "TP8",
    "TPP10h",
    "F9",
    "F10",
    "AF7",
    "AF3",
    "AF4",
    "AF8",
    "PO3",
    "PO4",
]


def write(root: Path) -> Expected:
    return write_paradigm(root, "MI", [(1, "right"), (2, "left")], {1: "right", 2: "left"}, [[1, 2], [2, 1]])


def write_paradigm(
    root: Path, paradigm: str, classes: list[tuple[int, str]], labels: dict[int, str], kinds: list[list[int]]
) -> Expected:
    """Two subjects, one session each, two runs with the trials of ``kinds``."""
    trials = []
    for subject in (1, 54):
        structs = {}
        for number, run in enumerate(("train", "test")):
            starts = [1203 + number + 4600 * k for k in range(len(kinds[number]))]
            n_times = starts[-1] + 4500
            signal = eeg(len(CHANNELS), n_times, SFREQ, [start / SFREQ + IMPULSE_S for start in starts], 10 * subject + number)
            structs[f"EEG_{paradigm}_{run}"] = _struct(signal, starts, kinds[number], classes)
            trials += [
                ExpectedTrial(
                    f"sub-{subject:02d}_ses-01_run-{run}", f"{k:03d}", start / SFREQ, 4.0, {"label": labels[kind]},
                    impulse_s=IMPULSE_S,
                )
                for k, (start, kind) in enumerate(zip(starts, kinds[number], strict=True), start=1)
            ]  # fmt: skip
        folder = root / "session1" / f"s{subject}"
        folder.mkdir(parents=True)
        scipy.io.savemat(folder / f"sess01_subj{subject:02d}_EEG_{paradigm}.mat", structs)
    return Expected(("01", "54"), 4, 62, SFREQ, tuple(trials))


def _struct(signal: np.ndarray, starts: list[int], kinds: list[int], classes: list[tuple[int, str]]) -> dict:
    words = dict(classes)
    table = np.empty((len(classes), 2), object)
    table[:, 0] = [str(number) for number, _ in classes]
    table[:, 1] = [word for _, word in classes]
    return {
        "x": np.round(signal.T, 1).astype(np.float32),
        "t": np.array([start + 1 for start in starts], np.int32)[None],
        "fs": SFREQ,
        "y_dec": np.array(kinds, np.uint8)[None],
        "y_logic": np.array([[kind == number for kind in kinds] for number, _ in classes]),
        "y_class": np.array([[words[kind] for kind in kinds]], object),
        "class": table,
        "chan": np.array([CHANNELS], object),
        "EMG": np.zeros((signal.shape[1], 4), np.float32),
        "EMG_index": np.array([["EMG1", "EMG2", "EMG3", "EMG4"]], object),
        "pre_rest": np.zeros((100, len(CHANNELS)), np.float32),
    }

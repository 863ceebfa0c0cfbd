"""High-Gamma: data/train/N.edf and data/test/N.edf, 128 EEG, 2 EOG and 3 EMG signals with their kind in front of the name."""

from __future__ import annotations

from pathlib import Path

import edfio

from .expected import Expected, ExpectedTrial, eeg

SFREQ, IMPULSE_S = 500.0, 1.3
FIRST = [
    "Fp1",
    "Fp2",
    "Fpz",
    "F7",
    "F3",
    "Fz",
    "F4",
    "F8",
    "FC5",
    "FC1",
    "FC2",
    "FC6",
    "M1",
    "T7",
    "C3",
    "Cz",
    "C4",
    "T8",
    "M2",
    "CP5",
    "CP1",
    "CP2",
    "CP6",
    "P7",
    "P3",
    "Pz",
    "P4",
    "P8",
    "POz",
    "O1",
    "Oz",
    "O2",
]
OTHER = ["EOG EOGh", "EOG EOGv", "EMG EMG_RH", "EMG EMG_LH", "EMG EMG_RF"]
LAST = [
    "AF7",
    "AF3",
    "AF4",
    "AF8",
    "F5",
    "F1",
    "F2",
    "F6",
    "FC3",
    "FCz",
    "FC4",
    "C5",
    "C1",
    "C2",
    "C6",
    "CP3",
    "CPz",
    "CP4",
    "P5",
    "P1",
    "P2",
    "P6",
    "PO5",
    "PO3",
    "PO4",
    "PO6",
    "FT7",
    "FT8",
    "TP7",
    "TP8",
    "PO7",
    "PO8",
    "FT9",
    "FT10",
    "TPP9h",
    "TPP10h",
    "PO9",
    "PO10",
    "P9",
    "P10",
    "AFF1",
    "AFz",
    "AFF2",
    "FFC5h",
    "FFC3h",
    "FFC4h",
    "FFC6h",
    "FCC5h",
    "FCC3h",
    "FCC4h",
    "FCC6h",
    "CCP5h",
    "CCP3h",
    "CCP4h",
    "CCP6h",
    "CPP5h",
    "CPP3h",
    "CPP4h",
    "CPP6h",
    "PPO1",
    "PPO2",
    "I1",
    "Iz",
    "I2",
    "AFp3h",
    "AFp4h",
    "AFF5h",
    "AFF6h",
    "FFT7h",
    "FFC1h",
    "FFC2h",
    "FFT8h",
    "FTT9h",
    "FTT7h",
    "FCC1h",
    "FCC2h",
    "FTT8h",
    "FTT10h",
    "TTP7h",
    "CCP1h",
    "CCP2h",
    "TTP8h",
    "TPP7h",
    "CPP1h",
    "CPP2h",
    "TPP8h",
    "PPO9h",
    "PPO5h",
    "PPO6h",
    "PPO10h",
    "POO9h",
    "POO3h",
    "POO4h",
    "POO10h",
    "OI1h",
    "OI2h",
]
NAMES = [*(f"EEG {name}" for name in FIRST), *OTHER, *(f"EEG {name}" for name in LAST)]
LABELS = {"right_hand": "right", "feet": "feet", "left_hand": "left", "rest": "rest"}


def write(root: Path) -> Expected:
    trials = []
    for subject in (1, 14):
        for part, marks in (("train", ("right_hand", "feet")), ("test", ("left_hand", "rest"))):
            onsets = [1.0 + 0.002 * subject + 5.0 * k for k in range(2)]
            signal = eeg(len(NAMES), 5750, SFREQ, [onset + IMPULSE_S for onset in onsets], subject)
            edf = edfio.Edf(
                [
                    edfio.EdfSignal(row, SFREQ, label=name, physical_dimension="uV", physical_range=(-3276.8, 3276.7))
                    for row, name in zip(signal, NAMES, strict=True)
                ],
                annotations=[edfio.EdfAnnotation(onset, 4.0, mark) for onset, mark in zip(onsets, marks, strict=True)],
                data_record_duration=0.5,
            )
            (root / "data" / part).mkdir(parents=True, exist_ok=True)
            edf.write(root / "data" / part / f"{subject}.edf")
            trials += [
                ExpectedTrial(
                    f"sub-{subject:02d}_run-{part}", f"{k:03d}", onset, 4.0, {"label": LABELS[mark]}, impulse_s=IMPULSE_S
                )
                for k, (onset, mark) in enumerate(zip(onsets, marks, strict=True), start=1)
            ]
    return Expected(("01", "14"), 4, 128, SFREQ, tuple(trials))

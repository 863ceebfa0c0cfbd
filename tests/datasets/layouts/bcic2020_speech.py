"""BCI Competition 2020 track 3: epochs in .mat, version 5 for training and validation, 7.3 for the test; labels in Excel."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import scipy.io

from .answer_sheet import write_sheet
from .expected import Expected, ExpectedTrial, eeg

SFREQ, N_SAMPLES, BEFORE_S, IMPULSE_S = 256.0, 795, 0.5, 0.8
LABELS = ("hello", "help me", "stop", "thank you", "yes")
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
    "AF7",
    "AF3",
    "AF4",
    "AF8",
    "F5",
    "F1",
    "F2",
    "F6",
    "FT9",
    "FT7",
    "FC3",
    "FC4",
    "FT8",
    "FT10",
    "C5",
    "C1",
    "C2",
    "C6",
    "TP7",
    "CP3",
    "CPz",
    "CP4",
    "TP8",
    "P5",
    "P1",
    "P2",
    "P6",
    "PO7",
    "PO3",
    "POz",
    "PO4",
    "PO8",
]
SETS = {"training": ("Training set", [1, 2, 3, 4]), "validation": ("Validation set", [5, 1]), "test": ("Test set", [3, 5])}


def write(root: Path) -> Expected:
    trials = []
    for subject in ("01", "15"):
        for place, (session, (folder, kinds)) in enumerate(SETS.items()):
            (root / folder).mkdir(exist_ok=True)
            data = [
                eeg(64, N_SAMPLES, SFREQ, [BEFORE_S + IMPULSE_S], 100 * int(subject) + 10 * place + k) for k in range(len(kinds))
            ]
            x = np.stack(data, axis=2).transpose(1, 0, 2)  # time, channel, trial
            path = root / folder / f"Data_Sample{subject}.mat"
            if session == "test":
                _write_v73(path, x)
            else:
                _write_v5(path, "epo_train" if session == "training" else "epo_validation", x, kinds)
            trials += [
                ExpectedTrial(
                    f"sub-{subject}_ses-{session}", f"{k + 1:03d}", k * N_SAMPLES / SFREQ + BEFORE_S, 2.0,
                    {"label": LABELS[kind - 1]}, impulse_s=IMPULSE_S,
                )
                for k, kind in enumerate(kinds)
            ]  # fmt: skip
    write_sheet(root / "Test set" / "Track3_Answer Sheet_Test.xlsx", {"01": [3, 5], "15": [3, 5]}, "Track3")
    return Expected(("01", "15"), 6, 64, SFREQ, tuple(trials))


def _write_v5(path: Path, name: str, x: np.ndarray, kinds: list[int]) -> None:
    """The fifth and sixth fields are x and y: public loaders take them by place."""
    struct = {
        "clab": np.array([CHANNELS], object), "fs": SFREQ, "title": "imagined speech", "file": "",
        "x": x, "y": np.array([[kind == number for kind in kinds] for number in range(1, 6)], np.uint8),
        "t": -500.0 + np.arange(N_SAMPLES)[None] * 1000.0 / SFREQ, "className": np.array([list(LABELS)], object),
    }  # fmt: skip
    scipy.io.savemat(path, {name: struct, "mnt": {"pos_3d": np.zeros((3, 64))}})


def _write_v73(path: Path, x: np.ndarray) -> None:
    """HDF5 holds MATLAB's arrays transposed, text as numbers, cells as references."""
    with h5py.File(path, "w", userblock_size=512) as file:
        epo = file.create_group("epo_test")
        epo.attrs["MATLAB_class"] = np.bytes_(b"struct")
        values = {"x": x.T, "fs": np.array([[SFREQ]]), "t": -500.0 + np.arange(N_SAMPLES)[:, None] * 1000.0 / SFREQ}
        values["y"] = np.ones((x.shape[2], 5))  # a dummy: the true labels are in the sheet
        for name, value in values.items():
            epo.create_dataset(name, data=value).attrs["MATLAB_class"] = np.bytes_(b"double")
        cells = []
        for number, channel in enumerate(CHANNELS):
            text = file.create_dataset(f"#refs#/c{number}", data=np.array([[ord(letter)] for letter in channel], np.uint16))
            text.attrs["MATLAB_class"] = np.bytes_(b"char")
            cells.append(text.ref)
        clab = epo.create_dataset("clab", data=np.array([[cell] for cell in cells], h5py.ref_dtype), dtype=h5py.ref_dtype)
        clab.attrs["MATLAB_class"] = np.bytes_(b"cell")
    with path.open("r+b") as raw:
        raw.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")

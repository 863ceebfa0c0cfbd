"""BCI Competition 2020 track 4: epochs of 10 s in .mat (struct epo), three days; the cue is zeroed in the test files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import scipy.io

from .answer_sheet import write_sheet
from .expected import Expected, ExpectedTrial, eeg

SFREQ, N_SAMPLES, IMAGERY_S, IMPULSE_S = 250.0, 2501, 6.0, 0.9
LABELS = ("cylindrical", "spherical", "lumbrical")
CHANNELS = [
    "Fp1",
    "AF7",
    "AF3",
    "AFz",
    "F7",
    "F5",
    "F3",
    "F1",
    "Fz",
    "FT7",
    "FC5",
    "FC3",
    "FC1",
    "T7",
    "C5",
    "C3",
    "C1",
    "Cz",
    "TP7",
    "CP5",
    "CP3",
    "CP1",
    "CPz",
    "P7",
    "P5",
    "P3",
    "P1",
    "Pz",
    "PO7",
    "PO3",
    "POz",
    "Fp2",
    "AF4",
    "AF8",
    "F2",
    "F4",
    "F6",
    "F8",
    "FC2",
    "FC4",
    "FC6",
    "FT8",
    "C2",
    "C4",
    "C6",
    "T8",
    "CP2",
    "CP4",
    "CP6",
    "TP8",
    "P2",
    "P4",
    "P6",
    "P8",
    "PO4",
    "PO8",
    "O1",
    "Oz",
    "O2",
    "Iz",
]
SETS = (("1", "Training set", [1, 2]), ("2", "Validation set", [3, 1]), ("3", "Test set", [2, 3]))


def write(root: Path) -> Expected:
    trials = []
    for subject in ("01", "15"):
        for day, folder, kinds in SETS:
            (root / folder).mkdir(exist_ok=True)
            data = [eeg(60, N_SAMPLES, SFREQ, [IMAGERY_S + IMPULSE_S], 100 * int(subject) + 10 * int(day) + k) for k in range(2)]
            x = np.stack(data, axis=2).transpose(1, 0, 2).astype(np.float32)  # time, channel, trial
            struct = {"clab": np.array([CHANNELS], object), "t": np.arange(N_SAMPLES)[None] * 4.0, "x": x, "fs": SFREQ}
            if day == "3":
                x[750:1500] = 0.0
            else:
                struct["y"] = np.array([[kind == number for kind in kinds] for number in (1, 2, 3)], np.uint8)
            scipy.io.savemat(root / folder / f"data_sample{subject}.mat", {"epo": struct})
            trials += [
                ExpectedTrial(
                    f"sub-{subject}_ses-{day}", f"{k + 1:03d}", k * 4.0, 4.0, {"label": LABELS[kind - 1]}, impulse_s=IMPULSE_S
                )
                for k, kind in enumerate(kinds)
            ]
    write_sheet(root / "Test set" / "Track4_Answer Sheet_Test.xlsx", {"01": [2, 3], "15": [2, 3]}, "Track4")
    return Expected(("01", "15"), 6, 60, SFREQ, tuple(trials))

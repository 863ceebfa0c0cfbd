"""BCI Competition IV 2a as GDF with tables of true labels, and one subject as the .mat release."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import scipy.io

from .expected import Expected, ExpectedTrial
from .gdf_files import write_gdf
from .graz_session import IMPULSE_S, SFREQ, session

#: As the files name them: the GDF files say "EEG" where they have no electrode's name.
NAMES = (
    ["EEG-Fz"] + ["EEG"] * 6 + ["EEG-C3", "EEG", "EEG-Cz", "EEG", "EEG-C4"] + ["EEG"] * 7 + ["EEG-Pz", "EEG", "EEG"]
    + ["EOG-left", "EOG-central", "EOG-right"]
)  # fmt: skip
LABELS = ("left", "right", "feet", "tongue")
CODES, UNKNOWN = [769, 770, 771, 772], [783] * 4
RUNS = [[1, 2], [3, 4]]


def write(root: Path) -> Expected:
    """Subjects 1 (both days), 2 (.mat) and 4, whose training file has a single block of eye movements and six runs."""
    trials: list[ExpectedTrial] = []
    trials += write_gdf_session(root, "1", "T", 3, RUNS, rejected=(1, 0))
    trials += write_gdf_session(root, "1", "E", 3, [[4, 3], [2, 1]])
    trials += write_gdf_session(root, "4", "T", 1, [[1 + k % 4] for k in range(6)])
    trials += write_mat_session(root, "2", "T", 3, RUNS)
    return Expected(("01", "02", "04"), 12, 22, float(SFREQ), tuple(trials))


def write_gdf_session(
    root: Path, subject: str, day: str, n_eye_blocks: int, classes: list[list[int]], rejected: tuple[int, int] = (-1, -1),
    with_labels: bool = True,
) -> list[ExpectedTrial]:  # fmt: skip
    """A file of day T with classes, or of day E with 783 and, beside it, the true classes."""
    codes = CODES if day == "T" else UNKNOWN
    made = session(25, n_eye_blocks, classes, codes, 2.0, 6.4, 100 * int(subject) + (day == "E"), rejected)
    write_gdf(root / "BCICIV_2a_gdf" / f"A0{subject}{day}.gdf", NAMES, SFREQ, made.signal, made.events)
    if day == "E" and with_labels:
        (root / "true_labels").mkdir(parents=True, exist_ok=True)
        truth = np.array([kind for run in classes for kind in run], np.uint8)[:, None]
        scipy.io.savemat(root / "true_labels" / f"A0{subject}{day}.mat", {"classlabel": truth})
    return promised(subject, day, made.starts, classes, rejected)


def write_mat_session(root: Path, subject: str, day: str, n_eye_blocks: int, classes: list[list[int]]) -> list[ExpectedTrial]:
    """The release of BNCI Horizon: a cell of structs, the blocks of eye movements without trials."""
    made = session(25, n_eye_blocks, classes, CODES, 2.0, 6.4, 100 * int(subject))
    structs = [_struct(np.zeros((2 * SFREQ, 25)), [], []) for _ in range(n_eye_blocks)]
    structs += [_struct(run.T, starts, kinds) for run, starts, kinds in zip(made.runs, made.starts, classes, strict=True)]
    cell = np.empty((1, len(structs)), object)
    cell[0, :] = structs
    root.mkdir(parents=True, exist_ok=True)
    scipy.io.savemat(root / f"A0{subject}{day}.mat", {"data": cell}, do_compression=True)
    return promised(subject, day, made.starts, classes)


def _struct(signal: np.ndarray, starts: list[int], kinds: list[int]) -> dict:
    names = np.array(["left hand", "right hand", "feet", "tongue"], object)
    return {
        "X": signal, "trial": np.array(starts, float)[:, None] + 1, "y": np.array(kinds, float)[:, None], "fs": float(SFREQ),
        "classes": names[None], "artifacts": np.zeros((len(starts), 1), np.uint8), "gender": "female", "age": 22.0,
    }  # fmt: skip


def promised(
    subject: str, day: str, starts: list[list[int]], classes: list[list[int]], rejected: tuple[int, int] = (-1, -1)
) -> list[ExpectedTrial]:
    return [
        ExpectedTrial(
            f"sub-0{subject}_ses-{day}_run-{number}", f"{k:02d}", start / SFREQ, 6.0,
            {"label": LABELS[kind - 1], "artifact": "yes" if (number - 1, k - 1) == rejected else "no"}, impulse_s=IMPULSE_S,
        )
        for number, (run, kinds) in enumerate(zip(starts, classes, strict=True), start=1)
        for k, (start, kind) in enumerate(zip(run, kinds, strict=True), start=1)
    ]  # fmt: skip

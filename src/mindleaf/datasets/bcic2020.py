"""The 2020 International BCI Competition's files: BBCI epochs in .mat, true labels of the test in an Excel sheet."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mindleaf.datasets.epochs import laid_end_to_end
from mindleaf.errors import ReadError
from mindleaf.reading.matfile import load_mat
from mindleaf.reading.workbook import read_sheet
from mindleaf.recording import Issue

CITATION = (
    "Jeong JH, Cho JH, Lee YE, et al. (2022). 2020 International brain-computer interface competition: a review. "
    "Front Hum Neurosci 16, 898300."
)
#: Folder of the release -> session. "Test set (new)" is the name in one copy.
FOLDERS = {"Training set": "training", "Validation set": "validation", "Test set": "test", "Test set (new)": "test"}
ACCESS_STEPS = (
    "Open https://osf.io/pq7vb/ and download the folder of the track: Training set, Validation set, Test set.",
    "Keep the sheet of true labels (Answer Sheet_Test.xlsx) in the test folder.",
    "Give the folder that holds the three as --root.",
)
_SAMPLE = re.compile(r"(?i)data_?sample(\d{2})")


def subject_of(path: Path) -> str:
    """ "01" to "15" from Data_Sample01.mat or data_sample01_test.mat, "" for other names."""
    match = _SAMPLE.match(path.stem)
    return match.group(1) if match else ""


def true_classes(sheet: Path | None, subject: str, n_trials: int) -> list[int]:
    """Classes from 1 of a subject's test trials; empty without a sheet.

    The sheet has a pair of columns a subject: Data_SampleNN in the head of the first, classes in the second. Raises
    ReadError for a sheet that does not give every trial a class.
    """
    if sheet is None:
        return []
    rows = read_sheet(sheet)
    for number, row in enumerate(rows):
        columns = [k for k, cell in enumerate(row) if (match := _SAMPLE.match(cell.strip())) and match.group(1) == subject]
        if columns:
            below = [row[columns[0] + 1].strip() for row in rows[number + 1 :] if len(row) > columns[0] + 1]
            found = [int(float(cell)) for cell in below if re.fullmatch(r"\d+(\.0+)?", cell)]
            if len(found) == n_trials:
                return [value + 1 for value in found] if 0 in found else found
            raise ReadError(
                f"{sheet}: wanted {n_trials} classes for Data_Sample{subject}, found {len(found)}; get the sheet again."
            )
    raise ReadError(f"{sheet}: wanted a column headed Data_Sample{subject}, there is none; get the sheet again.")


def labels_missing(n_trials: int) -> Issue:
    """For a test session without its sheet."""
    text = f"labels_missing: {n_trials} test trials have no label; put the Excel sheet of true labels beside the file"
    return Issue("labels_missing", text)


def describe_epochs(path: str, variables: list[str]) -> dict[str, Any]:
    """In the child: shape (time, channel, trial), rate, first time (ms), channel names and classes from 1 (empty: none)."""
    epo = _struct(path, variables)
    names = [str(name).strip() for name in epo["clab"]] if isinstance(epo.get("clab"), list) else []
    y = np.asarray(epo["y"]) if isinstance(epo.get("y"), np.ndarray) else np.empty((0, 0))
    one_hot = y.ndim == 2 and y.shape[1] == epo["x"].shape[2] and y.size and bool((y.sum(axis=0) == 1).all())
    return {
        "shape": list(epo["x"].shape),
        "fs": float(np.ravel(epo["fs"])[0]) if "fs" in epo else 0.0,
        "first_ms": float(np.ravel(epo["t"])[0]) if np.size(epo.get("t", ())) else 0.0,
        "channels": names,
        "classes": [int(value) + 1 for value in y.argmax(axis=0)] if one_hot else [],
    }


def read_epochs(path: str, variables: list[str], first: int, last: int) -> NDArray[np.float32]:
    """In the child: samples first to last of every epoch, laid end to end, (channel, time) microvolts."""
    return laid_end_to_end(_struct(path, variables)["x"][first:last].transpose(2, 1, 0))


def _struct(path: str, variables: list[str]) -> dict[str, Any]:
    found = load_mat(path, [])
    present = [name for name in variables if isinstance(found.get(name), dict)]
    if not present or not isinstance(found[present[0]].get("x"), np.ndarray) or found[present[0]]["x"].ndim != 3:
        raise ReadError(
            f"{path}: wanted a struct {' or '.join(variables)} with epochs x, the file holds {', '.join(found)}; get it again."
        )
    return found[present[0]]

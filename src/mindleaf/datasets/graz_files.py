"""What runs in the reader process for the Graz sets: gaps of a GDF file, runs of a .mat file, tables of true labels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mindleaf.errors import ReadError
from mindleaf.reading.matfile import load_mat

SFREQ = 250.0
#: Runs are parted by 100 missing samples; half of that is a gap for certain, a clipped artefact is shorter.
_GAP_SAMPLES = 50
_BLOCK = 100_000


def stretches(path: str, n_channels: int) -> list[list[int]]:
    """[first, last) of what lies between the gaps of a GDF file, in samples.

    Missing samples are written as the most negative number, or read as NaN: a gap is where all EEG channels at once sit at
    the lowest value they ever take.
    """
    import mne

    raw = mne.io.read_raw_gdf(path, preload=False, verbose="ERROR")
    rows = list(range(n_channels))
    blocks = [(first, min(first + _BLOCK, raw.n_times)) for first in range(0, raw.n_times, _BLOCK)]
    lowest = np.full(n_channels, np.inf)
    for first, last in blocks:
        lowest = np.fmin(lowest, np.fmin.reduce(raw.get_data(picks=rows, start=first, stop=last), axis=1))
    missing = [_missing(raw.get_data(picks=rows, start=first, stop=last), lowest) for first, last in blocks]
    return between_gaps(np.concatenate(missing))


def _missing(values: NDArray, lowest: NDArray) -> NDArray[np.bool_]:
    return (np.isnan(values) | (values <= lowest[:, None])).all(axis=0)


def between_gaps(missing: NDArray[np.bool_]) -> list[list[int]]:
    """[first, last) of the stretches that gaps leave: at least ``_GAP_SAMPLES`` long, or at either end of the file."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], missing.astype(np.int8), [0]])))
    gaps = [
        (int(first), int(last))
        for first, last in edges.reshape(-1, 2)
        if last - first >= _GAP_SAMPLES or first == 0 or last == len(missing)
    ]
    starts = [0, *(last for _, last in gaps)]
    ends = [*(first for first, _ in gaps), len(missing)]
    return [[first, last] for first, last in zip(starts, ends, strict=True) if last > first]


def true_labels(path: str) -> list[int]:
    """``classlabel`` of a table of true labels; empty for a file without it (a .mat release has the same name)."""
    import scipy.io

    found = scipy.io.loadmat(path, variable_names=["classlabel"]).get("classlabel")
    return [] if found is None else [int(value) for value in np.ravel(found)]


def describe_mat(path: str) -> list[dict[str, Any]]:
    """Every struct of a .mat release without its signal; sample numbers count from 1, as MATLAB does."""
    return [
        {
            "n_times": run["X"].shape[0],
            "n_channels": run["X"].shape[1],
            "fs": float(np.ravel(run["fs"])[0]),
            "trial": [int(value) for value in np.ravel(run["trial"])],
            "y": [int(value) for value in np.ravel(run["y"])],
            "artifacts": _artifacts(run),
        }
        for run in _runs(path)
    ]


def read_mat_run(path: str, number: int, n_channels: int) -> NDArray[np.float32]:
    """The first channels of struct ``number``, (channel, time) microvolts."""
    return np.ascontiguousarray(_runs(path)[number]["X"][:, :n_channels].T, np.float32)


def _runs(path: str) -> list[dict[str, Any]]:
    found = load_mat(path, ["data"])["data"]
    runs = found if isinstance(found, list) else [found]
    for run in runs:
        if not isinstance(run, dict) or not {"X", "trial", "y", "fs"} <= set(run):
            raise ReadError(f"{path}: wanted structs with X, trial, y and fs in the variable data; get the file again.")
    return runs


def _artifacts(run: dict[str, Any]) -> list[int]:
    found = np.ravel(run.get("artifacts", np.empty(0)))
    return [int(value) for value in found] if len(found) == np.size(run["trial"]) else [0] * np.size(run["trial"])

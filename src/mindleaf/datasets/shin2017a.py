"""Left or right hand imagined by 29 subjects, three sessions (Shin et al. 2017, data set A), BBCI .mat files."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mindleaf.datasets.dataset import Archive, Dataset, DatasetFacts, Hours, Source, identifier, matching_files, relative_names
from mindleaf.datasets.whole_reads import load_span, read_guarded
from mindleaf.errors import ReadError
from mindleaf.montage import Montage
from mindleaf.reading.matfile import load_mat
from mindleaf.recording import Recording, Trial

SFREQ, TRIAL_S = 200.0, 10.0
#: Of the six recordings of a file the 1st, 3rd and 5th are motor imagery, the others mental arithmetic (data set B).
_IMAGERY = (0, 2, 4)
_LABELS = {16: "left", 32: "right"}
_NOT_EEG = ("VEOG", "HEOG")


def sources(root: Path) -> Iterator[Source]:
    """One source a subject: cnt.mat with the signals, mrk.mat with the marks beside it."""
    for path in matching_files(root, "shin2017a", "**/subject ??/with occular artifact/cnt.mat"):
        if match := re.fullmatch(r"subject (\d\d)", path.parent.parent.name):
            yield Source(relative_names(root, path)[0], partial(_open, root, path, match.group(1)))


def _open(root: Path, path: Path, subject: str) -> list[Recording]:
    marks: Any = read_guarded(describe_marks, path.with_name("mrk.mat"))
    signals: Any = read_guarded(describe_signals, path)
    return [
        _recording(root, path, subject, str(session), number, signals[number], marks[number])
        for session, number in enumerate(_IMAGERY, start=1)
    ]


def _recording(
    root: Path, path: Path, subject: str, session: str, number: int, signal: dict[str, Any], marks: dict[str, Any]
) -> Recording:
    unknown = set(marks["codes"]) - set(_LABELS)
    if signal["fs"] != SFREQ or unknown:
        raise ReadError(
            f"{path}: wanted {SFREQ:g} Hz and the marks 16 and 32 in its part {number + 1}, found {signal['fs']:g} Hz and "
            f"{sorted(set(marks['codes']))}; get the file again."
        )
    names = [name for name in signal["names"] if name not in _NOT_EEG]
    rows = tuple(signal["names"].index(name) for name in names)
    trials = tuple(
        # Marks are in milliseconds; the first sample ends after 5 ms, as in BBCI's toolbox.
        Trial(f"{k:02d}", (math.ceil(time * SFREQ / 1000.0 - 1e-6) - 1) / SFREQ, TRIAL_S, labels={"label": _LABELS[code]})
        for k, (time, code) in enumerate(zip(marks["times_ms"], marks["codes"], strict=True), start=1)
    )
    return Recording(
        dataset="shin2017a",
        subject=subject,
        id=identifier(("sub", subject), ("ses", session)),
        session=session,
        sfreq=SFREQ,
        montage=Montage.from_names(names)[0],
        n_times=signal["n_times"],
        load=partial(load_span, read_signal, path, (number, rows)),
        trials=trials,
        source_files=relative_names(root, path, path.with_name("mrk.mat")),
    )


def describe_marks(path: str) -> list[dict[str, Any]]:
    """In the child: times and codes of each of the six recordings."""
    return [
        {
            "times_ms": [float(value) for value in np.ravel(part["time"])],
            "codes": [int(value) for value in np.ravel(part["event"]["desc"])],
        }
        for part in _six(path, "mrk")
    ]


def describe_signals(path: str) -> list[dict[str, Any]]:
    """In the child: rate, length and channel names of each of the six recordings."""
    return [
        {
            "fs": float(np.ravel(part["fs"])[0]),
            "n_times": part["x"].shape[0],
            "names": [str(name).strip() for name in part["clab"]],
        }
        for part in _six(path, "cnt")
    ]


def read_signal(path: str, number: int, rows: list[int]) -> NDArray[np.float32]:
    """In the child: (channel, time) microvolts of recording ``number``."""
    return np.ascontiguousarray(_six(path, "cnt")[number]["x"].T[rows], np.float32)


def _six(path: str, variable: str) -> list[dict[str, Any]]:
    parts = load_mat(path, [variable])[variable]
    if not isinstance(parts, list) or len(parts) != 6 or not all(isinstance(part, dict) for part in parts):
        raise ReadError(f"{path}: wanted six recordings in the cell {variable}; get the file again.")
    return parts


DATASET = Dataset(
    facts=DatasetFacts(
        name="shin2017a",
        title="Hybrid EEG and NIRS, motor imagery (Shin2017A)",
        citation="Shin J, von Lühmann A, Blankertz B, et al. (2017). Open access dataset for EEG+NIRS single-trial "
        "classification. IEEE Trans Neural Syst Rehabil Eng 25(10), 1735-1745.",
        licence="GPL-3.0",
        access="open",
        n_subjects=29,
        n_recordings=87,
        n_channels=30,
        sfreq=SFREQ,
        hours=15.5,
        reference="linked mastoids",
        line_frequency=50.0,
        paradigm="motor imagery",
        labels=tuple(_LABELS.values()),
        interval=(0.0, TRIAL_S),
        files=("subject ??/with occular artifact/cnt.mat", "subject ??/with occular artifact/mrk.mat"),
        url="http://doc.ml.tu-berlin.de/hBCI",
        stimuli="an arrow on a screen and a beep at the start and the end of the task; not in the files",
        exclusions=(
            ("VEOG, HEOG", "not EEG"),
            ("mental arithmetic (2nd, 4th and 6th part)", "data set B"),
            ("NIRS", "another instrument, in files of its own"),
        ),
        counted=(
            Hours("29 subjects, 3 sessions, 20 trials of 10 s", 1740, TRIAL_S),
            Hours("pauses of 15 to 17 s, instructions, and rest of a minute before and after", 87, 440.0),
        ),
        archives=(Archive("moabb", "Shin2017A"),),
        notes=(
            "A trial starts with the task, 2 s after the arrow; LEAF takes the first 4 s of the 10.",
            "Recorded at 1000 Hz, published at 200 Hz.",
            "The folder's name is spelt so by the authors (occular).",
        ),
        unverified=(
            "the layout on real files (read here on files written after MOABB's code)",
            "the unit, taken as microvolts; the length of a session",
        ),
    ),
    sources=sources,
)

"""OpenBMI's .mat files: one struct for training, one for test, each a continuous signal with its trials."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mindleaf.datasets.dataset import Source, identifier, matching_files, relative_names
from mindleaf.datasets.whole_reads import load_span, read_guarded
from mindleaf.errors import ReadError
from mindleaf.montage import Montage
from mindleaf.reading.matfile import load_mat
from mindleaf.recording import Issue, Recording, Trial

SFREQ, TRIAL_S = 1000.0, 4.0
_NAME = re.compile(r"sess(\d{2})_subj(\d{2})_EEG_(MI|SSVEP)\.mat")


@dataclass(frozen=True)
class OpenBmiSet:
    """``paradigm`` as the files are named; ``classes``: number -> (word the files use, label)."""

    name: str
    paradigm: str
    classes: dict[int, tuple[str, str]]


def openbmi_sources(bmi: OpenBmiSet, root: Path) -> Iterator[Source]:
    """One source a file, which holds a session's training and test."""
    for path in matching_files(root, bmi.name, f"**/sess0?_subj??_EEG_{bmi.paradigm}.mat"):
        if match := _NAME.fullmatch(path.name):
            session, subject, _ = match.groups()
            yield Source(relative_names(root, path)[0], partial(_open, bmi, root, path, subject, session))


def _open(bmi: OpenBmiSet, root: Path, path: Path, subject: str, session: str) -> list[Recording]:
    return [_recording(bmi, root, path, subject, session, run) for run in ("train", "test")]


def _recording(bmi: OpenBmiSet, root: Path, path: Path, subject: str, session: str, run: str) -> Recording:
    struct = f"EEG_{bmi.paradigm}_{run}"
    found: Any = read_guarded(describe_struct, path, struct)
    said = {int(number): str(word).strip().lower() for number, word in found["classes"]}
    wanted = {number: word for number, (word, _) in bmi.classes.items()}
    if said != wanted or found["fs"] != SFREQ or not set(found["y"]) <= set(wanted):
        raise ReadError(
            f"{path}: wanted {struct} at {SFREQ:g} Hz with the classes {wanted}, found {found['fs']:g} Hz and {said}; "
            "get the file again."
        )
    n_times = int(found["n_times"])
    trials = [
        # The files count samples from 1, as MATLAB does.
        Trial(f"{number:03d}", (start - 1) / SFREQ, TRIAL_S, labels={"label": bmi.classes[y][1]})
        for number, (start, y) in enumerate(zip(found["t"], found["y"], strict=True), start=1)
    ]
    whole = tuple(trial for trial in trials if trial.onset + TRIAL_S <= n_times / SFREQ)
    cut = len(trials) - len(whole)
    issues = (Issue("trials_cut", f"trials_cut: {cut} trials do not end within the run; left out"),) if cut else ()
    return Recording(
        dataset=bmi.name,
        subject=subject,
        id=identifier(("sub", subject), ("ses", session), ("run", run)),
        session=session,
        run=run,
        sfreq=SFREQ,
        montage=Montage.from_names(found["channels"])[0],
        n_times=n_times,
        load=partial(load_span, read_signal, path, (struct,)),
        trials=whole,
        issues=issues,
        source_files=relative_names(root, path),
    )


def describe_struct(path: str, struct: str) -> dict[str, Any]:
    """In the child: everything of a struct but its signals."""
    found = _struct(path, struct)
    names = [str(name).strip() for name in found["chan"]]
    if len(names) != found["x"].shape[1]:
        raise ReadError(f"{path}: {struct} names {len(names)} channels and holds {found['x'].shape[1]}; get the file again.")
    cells = found["class"]  # n x 2, column by column: numbers, then words
    half = len(cells) // 2
    numbers = [int(float(np.ravel(cell)[0]) if isinstance(cell, np.ndarray) else float(cell)) for cell in cells[:half]]
    return {
        "n_times": found["x"].shape[0],
        "fs": float(np.ravel(found["fs"])[0]),
        "channels": names,
        "classes": [[number, word] for number, word in zip(numbers, cells[half:], strict=True)],
        "t": [int(value) for value in np.ravel(found["t"])],
        "y": [int(value) for value in np.ravel(found["y_dec"])],
    }


def read_signal(path: str, struct: str) -> NDArray[np.float32]:
    """In the child: (channel, time) microvolts."""
    return np.ascontiguousarray(_struct(path, struct)["x"].T, np.float32)


def _struct(path: str, struct: str) -> dict[str, Any]:
    found = load_mat(path, [struct])[struct]
    missing = {"x", "t", "fs", "y_dec", "class", "chan"} - set(found if isinstance(found, dict) else ())
    if missing:
        raise ReadError(f"{path}: wanted the field {sorted(missing)[0]} in {struct}, it is not there; get the file again.")
    return found

"""Simple and compound limb motor imagery: ten subjects, seven tasks (Yi et al. 2014), .mat epochs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mindleaf.datasets.dataset import Archive, Dataset, DatasetFacts, Hours, Source, identifier, matching_files, relative_names
from mindleaf.datasets.epochs import JOINED, epoch_trials, laid_end_to_end
from mindleaf.datasets.whole_reads import load_span, read_guarded
from mindleaf.errors import ReadError
from mindleaf.montage import Montage
from mindleaf.reading.matfile import load_mat
from mindleaf.recording import Recording

SFREQ, TRIAL_S = 200.0, 8.0
#: All 64 rows of a file; the last of each group are no scalp electrodes of the table.
_ROWS = (
    "Fp1", "Fpz", "Fp2", "AF3", "AF4", "F7", "F5", "F3", "F1", "Fz", "F2", "F4", "F6", "F8", "FT7", "FC5", "FC3", "FC1",
    "FCz", "FC2", "FC4", "FC6", "FT8", "T7", "C5", "C3", "C1", "Cz", "C2", "C4", "C6", "T8", "TP7", "CP5", "CP3", "CP1",
    "CPz", "CP2", "CP4", "CP6", "TP8", "P7", "P5", "P3", "P1", "Pz", "P2", "P4", "P6", "P8", "PO7", "PO5", "PO3", "POz",
    "PO4", "PO6", "PO8", "CB1", "O1", "Oz", "O2", "CB2", "VEO", "HEO",
)  # fmt: skip
_NOT_SCALP = ("CB1", "CB2", "VEO", "HEO")
CHANNELS = tuple(name for name in _ROWS if name not in _NOT_SCALP)
_LABELS = ("left", "right", "hands", "feet", "left_hand_right_foot", "right_hand_left_foot", "rest")
#: What the published files are called by, in the order of subjects 1 to 10; MOABB calls them subject_N.mat.
_PREFIXES = ("cl", "cyy", "kyf", "lnn", "ls", "ry", "wcf", "wx", "yyx", "zd")


def sources(root: Path) -> Iterator[Source]:
    """One source a subject."""
    patterns = ("**/subject_*.mat", *(f"**/{prefix}*.mat" for prefix in _PREFIXES))
    found: dict[int, Path] = {}
    for path in matching_files(root, "weibo2014", *patterns):
        number = _subject(path.stem)
        if number:
            found.setdefault(number, path)
    for number, path in sorted(found.items()):
        yield Source(relative_names(root, path)[0], partial(_open, root, path, f"{number:02d}"))


def _subject(stem: str) -> int:
    """1 to 10, 0 for a name that stands for nobody."""
    if match := re.fullmatch(r"subject_(\d+)", stem):
        return int(match.group(1))
    known = [number for number, prefix in enumerate(_PREFIXES, start=1) if re.fullmatch(rf"{prefix}[^a-z]?.*", stem)]
    return known[0] if len(known) == 1 else 0


def _open(root: Path, path: Path, subject: str) -> list[Recording]:
    found: Any = read_guarded(describe_subject, path)
    n_channels, n_samples, n_trials = found["shape"]
    labels = [_LABELS[value - 1] if 1 <= value <= len(_LABELS) else "" for value in found["labels"]]
    if n_channels != len(_ROWS) or n_samples != TRIAL_S * SFREQ or len(labels) != n_trials or "" in labels:
        raise ReadError(
            f"{path}: wanted {len(_ROWS)} channels x {TRIAL_S * SFREQ:g} samples x epochs with a label 1 to {len(_LABELS)} "
            f"each, got {tuple(found['shape'])} and {len(labels)} labels; get the file again."
        )
    return [
        Recording(
            dataset="weibo2014",
            subject=subject,
            id=identifier(("sub", subject)),
            sfreq=SFREQ,
            montage=Montage.from_names(CHANNELS)[0],
            n_times=n_trials * n_samples,
            load=partial(load_span, read_subject, path, ()),
            trials=epoch_trials(labels, n_samples, SFREQ, 0.0, TRIAL_S),
            source_files=relative_names(root, path),
        )
    ]


def describe_subject(path: str) -> dict[str, Any]:
    """In the child: shape and labels."""
    found = load_mat(path, ["data", "label"])
    return {"shape": list(found["data"].shape), "labels": [int(value) for value in np.ravel(found["label"])]}


def read_subject(path: str) -> NDArray[np.float32]:
    """In the child: (channel, time) microvolts."""
    rows = [_ROWS.index(name) for name in CHANNELS]
    return laid_end_to_end(load_mat(path, ["data"])["data"][rows].transpose(2, 0, 1))


DATASET = Dataset(
    facts=DatasetFacts(
        name="weibo2014",
        title="Simple and compound limb motor imagery (Weibo2014)",
        citation="Yi W, Qiu S, Wang K, et al. (2014). Evaluation of EEG oscillatory patterns and cognitive process during "
        "simple and compound limb motor imagery. PLoS One 9(12), e114853.",
        licence="CC0 1.0",
        access="open",
        n_subjects=10,
        n_recordings=10,
        n_channels=60,
        sfreq=SFREQ,
        hours=12.44,
        reference="nose, ground on the prefrontal lobe",
        line_frequency=50.0,
        paradigm="motor imagery",
        labels=_LABELS,
        interval=(3.0, 7.0),
        files=("subject_1.mat ... subject_10.mat", "or the published names: " + ", ".join(f"{name}*.mat" for name in _PREFIXES)),
        url="https://doi.org/10.7910/DVN/27306",
        stimuli="written cues on a screen; not in the files",
        exclusions=(("CB1, CB2", "places below the standard positions, unknown"), ("VEO, HEO", "not EEG")),
        counted=(Hours("560 trials of 8 s of each of 10 subjects", 5600, TRIAL_S),),
        archives=(Archive("moabb", "Weibo2014"),),
        notes=(
            JOINED,
            "The cue comes at 3 s and stays for 4 s.",
            "The 80 trials of rest were recorded in a section of their own: whatever drifts over the session tells rest from "
            "imagery.",
            "Held out in LEAF's table of tasks, for decoding without training.",
        ),
        unverified=("the layout on real files (read here on files written after MOABB's code)", "the unit, taken as microvolts"),
    ),
    sources=sources,
)

"""BCI Competition 2020, track 4: fifteen subjects imagine three grasps, three days (Jeong et al. 2022), .mat epochs."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from mindleaf.datasets.bcic2020 import (
    ACCESS_STEPS,
    CITATION,
    FOLDERS,
    describe_epochs,
    labels_missing,
    read_epochs,
    subject_of,
    true_classes,
)
from mindleaf.datasets.dataset import Dataset, DatasetFacts, Hours, Source, identifier, matching_files, relative_names
from mindleaf.datasets.epochs import JOINED, epoch_trials
from mindleaf.datasets.whole_reads import load_span, read_guarded
from mindleaf.errors import ReadError
from mindleaf.montage import Montage
from mindleaf.recording import Recording

SFREQ, TRIAL_S, N_CHANNELS = 250.0, 4.0, 60
#: Imagery is 6 to 10 s of an epoch; the cue before it (3 to 6 s) is zeroed in the test files, so it is left out everywhere.
_FIRST, _LAST = 1500, 2500
_VARIABLES = ("epo",)
_LABELS = ("cylindrical", "spherical", "lumbrical")
#: Days a week apart.
_DAYS = {"training": "1", "validation": "2", "test": "3"}
_SHEETS = ("Track4_Answer Sheet_Test.xlsx", "Track4_Answer_Sheet_Test.xlsx")


def sources(root: Path) -> Iterator[Source]:
    """One source a file."""
    paths = matching_files(root, "bcic2020_upperlimb", *(f"**/{folder}/*.mat" for folder in FOLDERS))
    for path in paths:
        subject, session = subject_of(path), FOLDERS[path.parent.name]
        if subject:
            places = [folder / name for folder in (path.parent, path.parent.parent) for name in _SHEETS]
            sheet = next((place for place in places if session == "test" and place.exists()), None)
            yield Source(relative_names(root, path)[0], partial(_open, root, path, subject, session, sheet))


def _open(root: Path, path: Path, subject: str, session: str, sheet: Path | None) -> list[Recording]:
    found: Any = read_guarded(describe_epochs, path, list(_VARIABLES))
    n_samples, n_channels, n_trials = found["shape"]
    if n_channels != N_CHANNELS or n_samples < _LAST or len(found["channels"]) != N_CHANNELS:
        raise ReadError(
            f"{path}: wanted epochs of {_LAST} samples or more x {N_CHANNELS} named channels, found {n_samples} x {n_channels}; "
            "get the file again."
        )
    classes = true_classes(sheet, subject, n_trials) if session == "test" else found["classes"]
    labels = [_LABELS[value - 1] if 1 <= value <= len(_LABELS) else "" for value in classes] or [""] * n_trials
    if session != "test" and "" in labels:
        raise ReadError(f"{path}: wanted one of {len(_LABELS)} classes for each of its {n_trials} epochs; get the file again.")
    length = _LAST - _FIRST
    return [
        Recording(
            dataset="bcic2020_upperlimb",
            subject=subject,
            id=identifier(("sub", subject), ("ses", _DAYS[session])),
            session=_DAYS[session],
            run=session,
            sfreq=SFREQ,
            montage=Montage.from_names(found["channels"])[0],
            n_times=n_trials * length,
            load=partial(load_span, read_epochs, path, (_VARIABLES, _FIRST, _LAST)),
            trials=epoch_trials(labels, length, SFREQ, 0.0, TRIAL_S),
            issues=() if classes else (labels_missing(n_trials),),
            source_files=relative_names(root, path, *([sheet] if sheet else [])),
        )
    ]


DATASET = Dataset(
    facts=DatasetFacts(
        name="bcic2020_upperlimb",
        title="BCI Competition 2020 track 4: grasps of one arm",
        citation=CITATION,
        licence="CC BY 4.0 (MOABB's entry)",
        access="open",
        n_subjects=15,
        n_recordings=45,
        n_channels=N_CHANNELS,
        sfreq=SFREQ,
        hours=7.5,
        reference="FCz, ground Fpz",
        line_frequency=60.0,
        paradigm="motor imagery",
        labels=_LABELS,
        interval=(0.0, TRIAL_S),
        files=(*(f"{folder}/data_sample??.mat" for folder in FOLDERS), f"Test set/{_SHEETS[0]}"),
        url="https://osf.io/pq7vb/",
        stimuli="a green ring around the object to grasp; not in the files",
        exclusions=(
            ("the first 6 s of an epoch", "rest and cue; the cue is zeroed in the test files and would tell them apart"),
            ("test trials", "left out where the Excel sheet of true labels is not at hand"),
        ),
        counted=(Hours("15 subjects, 3 days, 150 epochs of which 4 s are imagery", 6750, TRIAL_S),),
        access_steps=ACCESS_STEPS,
        notes=(
            JOINED,
            "Training, validation and test are three days, a week apart: a split by session is a split by day.",
            "Subjects 2, 6 and 8 share one order of test trials, and so do 4, 7 and 9: place in the test tells the class to "
            "whoever has seen another of them.",
            "The files fetched by MOABB (moabb:BCIComp2020UpperLimb) have other names and are read under that name.",
        ),
        unverified=(
            "the layout on real files: variables as MOABB reads them, folders and sheet as in track 3",
            "whether the sheet counts classes from 0 or 1 (told by whether a 0 occurs)",
        ),
    ),
    sources=sources,
)

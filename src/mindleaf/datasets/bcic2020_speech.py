"""BCI Competition 2020, track 3: fifteen subjects imagine saying five words (Jeong et al. 2022), .mat epochs."""

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

SFREQ, TRIAL_S, BEFORE_S, N_SAMPLES, N_CHANNELS = 256.0, 2.0, 0.5, 795, 64
_VARIABLES = {"training": "epo_train", "validation": "epo_validation", "test": "epo_test"}
_LABELS = ("hello", "help me", "stop", "thank you", "yes")
SHEET = "Track3_Answer Sheet_Test.xlsx"


def sources(root: Path) -> Iterator[Source]:
    """One source a file."""
    paths = matching_files(root, "bcic2020_speech", *(f"**/{folder}/*.mat" for folder in FOLDERS))
    for path in paths:
        subject, session = subject_of(path), FOLDERS[path.parent.name]
        if subject:
            sheets = [sheet for sheet in (path.with_name(SHEET), path.parent.parent / SHEET) if sheet.exists()]
            sheet = sheets[0] if sheets and session == "test" else None
            yield Source(relative_names(root, path)[0], partial(_open, root, path, subject, session, sheet))


def _open(root: Path, path: Path, subject: str, session: str, sheet: Path | None) -> list[Recording]:
    variable = _VARIABLES[session]
    found: Any = read_guarded(describe_epochs, path, [variable])
    n_samples, n_channels, n_trials = found["shape"]
    if (n_samples, n_channels, found["fs"]) != (N_SAMPLES, N_CHANNELS, SFREQ) or len(found["channels"]) != N_CHANNELS:
        raise ReadError(
            f"{path}: wanted {N_SAMPLES} samples x {N_CHANNELS} named channels at {SFREQ:g} Hz, found {n_samples} x "
            f"{n_channels} at {found['fs']:g} Hz; get the file again."
        )
    # The y of a test file is a dummy: only the sheet is believed.
    classes = true_classes(sheet, subject, n_trials) if session == "test" else found["classes"]
    labels = [_LABELS[value - 1] if 1 <= value <= len(_LABELS) else "" for value in classes] or [""] * n_trials
    if session != "test" and "" in labels:
        raise ReadError(f"{path}: wanted one of {len(_LABELS)} classes for each of its {n_trials} epochs; get the file again.")
    return [
        Recording(
            dataset="bcic2020_speech",
            subject=subject,
            id=identifier(("sub", subject), ("ses", session)),
            session=session,
            sfreq=SFREQ,
            montage=Montage.from_names(found["channels"])[0],
            n_times=n_trials * n_samples,
            load=partial(load_span, read_epochs, path, ((variable,), 0, n_samples)),
            trials=epoch_trials(labels, n_samples, SFREQ, BEFORE_S, TRIAL_S),
            issues=() if classes else (labels_missing(n_trials),),
            source_files=relative_names(root, path, *([sheet] if sheet else [])),
        )
    ]


DATASET = Dataset(
    facts=DatasetFacts(
        name="bcic2020_speech",
        title="BCI Competition 2020 track 3: imagined speech",
        citation=CITATION,
        licence="CC BY 4.0 (MOABB's entry for track 4)",
        access="open",
        n_subjects=15,
        n_recordings=45,
        n_channels=N_CHANNELS,
        sfreq=SFREQ,
        hours=5.18,
        reference="FCz, ground FPz",
        line_frequency=60.0,
        paradigm="imagined speech",
        labels=_LABELS,
        interval=(0.0, TRIAL_S),
        files=(*(f"{folder}/Data_Sample??.mat" for folder in FOLDERS), f"Test set/{SHEET}"),
        url="https://osf.io/pq7vb/",
        stimuli="the word is heard before the imagery; not in the files",
        exclusions=(("test trials", "left out where the Excel sheet of true labels is not at hand"),),
        counted=(Hours("15 subjects, 300 + 50 + 50 epochs of 795 samples", 6000, N_SAMPLES / SFREQ),),
        access_steps=ACCESS_STEPS,
        notes=(
            JOINED,
            "An epoch runs from 0.5 s before to 2.6 s after the moment at which imagery starts; a trial is the 2 s of imagery. "
            "LEAF and CBraMod take the last 3 s.",
            "The class tables of training and validation are in the files; those in the test files are dummies.",
            "Validation and test are of the same session as the training: near in time, so easier than another day.",
        ),
        unverified=(
            "the layout on real files: names, shapes and the sheet as several public loaders read them",
            "the reference",
        ),
    ),
    sources=sources,
)

"""Shanghai University motor imagery: 25 subjects, five days each (Ma et al. 2022), .mat epochs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mindleaf.datasets.dataset import Dataset, DatasetFacts, Hours, Source, identifier, matching_files, relative_names
from mindleaf.datasets.epochs import JOINED, epoch_trials, laid_end_to_end
from mindleaf.datasets.whole_reads import load_span, read_guarded
from mindleaf.errors import ReadError
from mindleaf.montage import Montage
from mindleaf.reading.matfile import load_mat
from mindleaf.recording import Recording

SFREQ, TRIAL_S = 250.0, 4.0
CHANNELS = (
    "Fp1", "Fp2", "Fz", "F3", "F4", "F7", "F8", "FC1", "FC2", "FC5", "FC6", "Cz", "C3", "C4", "T3", "T4", "A1", "A2",
    "CP1", "CP2", "CP5", "CP6", "Pz", "P3", "P4", "T5", "T6", "PO3", "PO4", "Oz", "O1", "O2",
)  # fmt: skip
_NAME = re.compile(r"sub-(\d{3})_ses-(\d{2})_task[_-]motorimagery_eeg\.mat")
_LABELS = {1: "left", 2: "right"}


def sources(root: Path) -> Iterator[Source]:
    """One source a session. The .edf files hold the same epochs and are not read."""
    for path in matching_files(root, "shanghaiu", "**/sub-*_ses-*_task?motorimagery_eeg.mat"):
        if match := _NAME.fullmatch(path.name):
            yield Source(relative_names(root, path)[0], partial(_open, root, path, *match.groups()))


def _open(root: Path, path: Path, subject: str, session: str) -> list[Recording]:
    found: Any = read_guarded(describe_session, path)
    n_trials, n_channels, n_samples = found["shape"]
    labels = [_LABELS.get(value, "") for value in found["labels"]]
    if n_channels != len(CHANNELS) or n_samples != TRIAL_S * SFREQ or len(labels) != n_trials or "" in labels:
        raise ReadError(
            f"{path}: wanted epochs x {len(CHANNELS)} channels x {TRIAL_S * SFREQ:g} samples with a label 1 or 2 each, got "
            f"{tuple(found['shape'])} and {len(labels)} labels; get the file again."
        )
    return [
        Recording(
            dataset="shanghaiu",
            subject=subject,
            id=identifier(("sub", subject), ("ses", session)),
            session=session,
            sfreq=SFREQ,
            montage=Montage.from_names(CHANNELS)[0],
            n_times=n_trials * n_samples,
            load=partial(load_span, read_session, path, ()),
            trials=epoch_trials(labels, n_samples, SFREQ, 0.0, TRIAL_S),
            source_files=relative_names(root, path),
        )
    ]


def describe_session(path: str) -> dict[str, Any]:
    """In the child: shape and labels."""
    found = load_mat(path, ["data", "labels"])
    return {"shape": list(found["data"].shape), "labels": [int(value) for value in np.ravel(found["labels"])]}


def read_session(path: str) -> NDArray[np.float32]:
    """In the child: (channel, time) microvolts."""
    return laid_end_to_end(load_mat(path, ["data"])["data"])


DATASET = Dataset(
    facts=DatasetFacts(
        name="shanghaiu",
        title="Shanghai University multi-session motor imagery (SHU)",
        citation="Ma J, Yang B, Qiu W, Li Y, Gao S, Xia X (2022). A large EEG dataset for studying cross-session variability "
        "in motor imagery brain-computer interface. Sci Data 9, 531.",
        licence="CC BY 4.0",
        access="open",
        n_subjects=25,
        n_recordings=125,
        n_channels=32,
        sfreq=SFREQ,
        hours=13.32,
        reference="not stated in the files",
        line_frequency=50.0,
        paradigm="motor imagery",
        labels=tuple(_LABELS.values()),
        interval=(0.0, TRIAL_S),
        files=("sub-???_ses-??_task_motorimagery_eeg.mat",),
        url="https://doi.org/10.6084/m9.figshare.19228725",
        stimuli="pictures of a hand on a screen; not in the files",
        exclusions=(("the .edf files and their tables of events", "the same epochs once more"),),
        counted=(Hours("11988 trials of 4 s, 5983 left and 6005 right", 11988, TRIAL_S),),
        access_steps=(
            "Open https://doi.org/10.6084/m9.figshare.19228725 and download mat_files.zip.",
            "Unpack it into one folder and give that folder as --root.",
        ),
        notes=(
            JOINED,
            "The 32 channels hold the ear leads A1 and A2.",
            "Filtered 0.5-40 Hz and freed of artefacts by the authors: there is nothing above 40 Hz.",
        ),
        unverified=(
            "that label 1 is the left hand and 2 the right",
            "the channels' order, taken from the set's electrode table as others copied it",
            "the layout on real files; microvolts",
        ),
    ),
    sources=sources,
)

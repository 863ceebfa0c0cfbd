"""Left or right hand imagined by 52 subjects (Cho et al. 2017), .mat epochs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mindleaf.datasets.dataset import Archive, Dataset, DatasetFacts, Hours, Source, identifier, matching_files, relative_names
from mindleaf.datasets.epochs import JOINED, laid_end_to_end
from mindleaf.datasets.whole_reads import load_span, read_guarded
from mindleaf.errors import ReadError
from mindleaf.montage import Montage
from mindleaf.reading.matfile import load_mat
from mindleaf.recording import Recording, Trial

SFREQ, TRIAL_S = 512.0, 3.0
#: BioSemi's 64 rows by their 10-10 names; four EMG rows follow in the file.
CHANNELS = (
    "Fp1", "AF7", "AF3", "F1", "F3", "F5", "F7", "FT7", "FC5", "FC3", "FC1", "C1", "C3", "C5", "T7", "TP7", "CP5", "CP3",
    "CP1", "P1", "P3", "P5", "P7", "P9", "PO7", "PO3", "O1", "Iz", "Oz", "POz", "Pz", "CPz", "Fpz", "Fp2", "AF8", "AF4",
    "AFz", "Fz", "F2", "F4", "F6", "F8", "FT8", "FC6", "FC4", "FC2", "FCz", "Cz", "C2", "C4", "C6", "T8", "TP8", "CP6",
    "CP4", "CP2", "P2", "P4", "P6", "P8", "P10", "PO8", "PO4", "O2",
)  # fmt: skip
_SIDES = ("left", "right")


def sources(root: Path) -> Iterator[Source]:
    """One source a subject."""
    for path in matching_files(root, "cho2017", "**/s??.mat"):
        if match := re.fullmatch(r"s(\d\d)\.mat", path.name):
            yield Source(relative_names(root, path)[0], partial(_open, root, path, match.group(1)))


def _open(root: Path, path: Path, subject: str) -> list[Recording]:
    found: Any = read_guarded(describe_subject, path)
    n_samples, cues = int(found["n_samples"]), [int(cue) for cue in found["cues"]]
    if found["sfreq"] != SFREQ or any(cue + TRIAL_S * SFREQ > n_samples for cue in cues):
        raise ReadError(
            f"{path}: wanted epochs at {SFREQ:g} Hz with {TRIAL_S:g} s after each cue, found {found['sfreq']:g} Hz and epochs of "
            f"{n_samples} samples; get the file again."
        )
    trials = tuple(
        Trial(f"{side}-{k + 1:03d}", ((2 * k + place) * n_samples + cue) / SFREQ, TRIAL_S, labels={"label": side})
        for k, cue in enumerate(cues)
        for place, side in enumerate(_SIDES)
    )
    return [
        Recording(
            dataset="cho2017",
            subject=subject,
            id=identifier(("sub", subject)),
            sfreq=SFREQ,
            montage=Montage.from_names(CHANNELS)[0],
            n_times=2 * len(cues) * n_samples,
            load=partial(load_span, read_subject, path, ()),
            trials=trials,
            source_files=relative_names(root, path),
        )
    ]


def describe_subject(path: str) -> dict[str, Any]:
    """In the child: rate, samples of an epoch, and the sample of each epoch's cue."""
    eeg = _struct(path)
    event, n_samples = np.ravel(eeg["imagery_event"]), _epoch_samples(path, eeg)
    marks = event[: len(event) // n_samples * n_samples].reshape(-1, n_samples) != 0
    if not (marks.sum(axis=1) == 1).all():
        raise ReadError(f"{path}: wanted one mark in imagery_event for every epoch; get the file again.")
    return {"sfreq": float(np.ravel(eeg["srate"])[0]), "n_samples": n_samples, "cues": marks.argmax(axis=1)}


def read_subject(path: str) -> NDArray[np.float32]:
    """In the child: (channel, time) microvolts, epochs of left and right hand in turn."""
    eeg = _struct(path)
    n_samples = _epoch_samples(path, eeg)
    sides = [eeg[f"imagery_{side}"][: len(CHANNELS)].reshape(len(CHANNELS), -1, n_samples) for side in _SIDES]
    in_turn = np.stack(sides, axis=2)  # channel, number, side, time
    return laid_end_to_end(in_turn.reshape(len(CHANNELS), -1, n_samples).transpose(1, 0, 2))


def _struct(path: str) -> dict[str, Any]:
    eeg = load_mat(path, ["eeg"])["eeg"]
    missing = {"imagery_left", "imagery_right", "imagery_event", "srate", "n_imagery_trials"} - set(eeg or ())
    if missing:
        raise ReadError(f"{path}: wanted the field {sorted(missing)[0]} in the struct eeg, it is not there; get the file again.")
    return eeg


def _epoch_samples(path: str, eeg: dict[str, Any]) -> int:
    n_trials = int(np.ravel(eeg["n_imagery_trials"])[0])
    shapes = {eeg[f"imagery_{side}"].shape for side in _SIDES}
    rows, n_times = next(iter(shapes))
    if len(shapes) != 1 or rows < len(CHANNELS) or n_trials < 1 or n_times % n_trials:
        raise ReadError(
            f"{path}: wanted imagery_left and imagery_right alike, {len(CHANNELS)} channels or more and {n_trials} whole "
            f"epochs, found {sorted(shapes)}; get the file again."
        )
    return n_times // n_trials


DATASET = Dataset(
    facts=DatasetFacts(
        name="cho2017",
        title="Motor imagery of left and right hand, GigaDB (Cho2017)",
        citation="Cho H, Ahn M, Ahn S, Kwon M, Jun SC (2017). EEG datasets for motor imagery brain-computer interface. "
        "GigaScience 6(7), gix034.",
        licence="CC BY 4.0 (MOABB's entry)",
        access="open",
        n_subjects=52,
        n_recordings=52,
        n_channels=64,
        sfreq=SFREQ,
        hours=20.6,
        reference="CMS/DRL (BioSemi)",
        line_frequency=60.0,
        paradigm="motor imagery",
        labels=_SIDES,
        interval=(0.0, TRIAL_S),
        files=("s01.mat ... s52.mat",),
        url="https://doi.org/10.5524/100295",
        stimuli="a written instruction on a screen; not in the files",
        exclusions=(
            ("four EMG channels", "not EEG"),
            ("rest, noise and executed movements", "other tasks, apart in the files"),
        ),
        counted=(Hours("10600 trials with the 2 s before the cue and 2 s after the 3 s of imagery", 10600, 7.0),),
        archives=(Archive("moabb", "Cho2017"),),
        notes=(
            JOINED,
            "The files hold all epochs of one hand, then all of the other, the order of the session is lost. They are laid in "
            "turn (left-001, right-001, left-002 ...), so that place in the recording does not tell the hand.",
            "The authors list bad trials in the files; none is left out here, and nor does MOABB leave any out.",
        ),
        unverified=(
            "the layout on real files (read here on files written after MOABB's code)",
            "10600 trials: 100 of each hand, 120 for a few subjects; epochs of 7 s",
        ),
    ),
    sources=sources,
)

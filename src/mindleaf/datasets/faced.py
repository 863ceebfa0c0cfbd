"""FACED: 123 people watch 28 clips of nine emotions (Chen et al. 2023), pickled arrays at 250 Hz."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from mindleaf.datasets.dataset import Dataset, DatasetFacts, Hours, Source, identifier, matching_files, relative_names
from mindleaf.datasets.pickled_clips import describe_clips, load_clip
from mindleaf.datasets.whole_reads import read_guarded
from mindleaf.errors import BadInput
from mindleaf.montage import Montage
from mindleaf.recording import Issue, Recording, Trial

SFREQ, N_CLIPS = 250.0, 28
#: The first 30 of the array's 32 rows; the last two are the ears, which the authors' own code leaves off as well.
CHANNELS = (
    "Fp1", "Fp2", "Fz", "F3", "F4", "F7", "F8", "FC1", "FC2", "FC5", "FC6", "Cz", "C3", "C4", "T7", "T8",
    "CP1", "CP2", "CP5", "CP6", "Pz", "P3", "P4", "P7", "P8", "PO3", "PO4", "Oz", "O1", "O2",
)  # fmt: skip
_N_ROWS = 32
_ROWS = tuple(range(len(CHANNELS)))
#: Emotions in the clips' order, each with its number of clips.
EMOTIONS = {
    "anger": 3, "disgust": 3, "fear": 3, "sadness": 3, "neutral": 4, "amusement": 3, "inspiration": 3, "joy": 3, "tenderness": 3,
}  # fmt: skip
BY_CLIP = tuple(emotion for emotion, count in EMOTIONS.items() for _ in range(count))
_NEGATIVE = ("anger", "disgust", "fear", "sadness")
_NAME = re.compile(r"sub(\d{3})\.pkl")


def sources(root: Path) -> Iterator[Source]:
    """One source a person. Features (EEG_Features) lie in files of the same names and are left alone."""
    paths = matching_files(root, "faced", "**/Processed_data/sub*.pkl", "sub*.pkl")
    paths = [path for path in paths if _NAME.fullmatch(path.name)]
    if not paths:
        raise BadInput(f"faced: no file in {root} is named sub000.pkl to sub122.pkl; check --root.")
    for path in paths:
        yield Source(relative_names(root, path)[0], partial(_open, root, path, _NAME.fullmatch(path.name).group(1)))  # type: ignore[union-attr]


def _open(root: Path, path: Path, subject: str) -> list[Recording]:
    size = [N_CLIPS, _N_ROWS]
    found: Any = read_guarded(describe_clips, path, "", size, list(_ROWS), list(CHANNELS), SFREQ)
    shape = (N_CLIPS, _N_ROWS, found["n_times"])
    return [
        Recording(
            dataset="faced",
            subject=subject,
            id=identifier(("sub", subject), ("run", f"{clip + 1:02d}")),
            run=f"{clip + 1:02d}",
            sfreq=SFREQ,
            montage=Montage.from_names(CHANNELS)[0],
            n_times=found["n_times"],
            load=partial(load_clip, path, "", shape, _ROWS, clip),
            trials=(Trial("1", 0.0, found["n_times"] / SFREQ, _labels(clip)),),
            issues=tuple(Issue(note["code"], note["message"]) for note in found["notes"][clip]),
            source_files=relative_names(root, path),
        )
        for clip in range(N_CLIPS)
    ]


def _labels(clip: int) -> dict[str, str]:
    emotion = BY_CLIP[clip]
    valence = "neutral" if emotion == "neutral" else "negative" if emotion in _NEGATIVE else "positive"
    return {"label": emotion, "valence": valence, "clip": f"{clip + 1:02d}"}


DATASET = Dataset(
    facts=DatasetFacts(
        name="faced",
        title="FACED: a large finer-grained affective computing EEG dataset",
        citation="Chen J, Wang X, Huang C, Hu X, Shen X, Zhang D (2023). A large finer-grained affective computing EEG dataset. "
        "Sci Data 10, 740.",
        licence="CC BY 4.0 (as published again at NEMAR, nm000112); the processed files come under the terms of Synapse",
        access="registration",
        n_subjects=123,
        n_recordings=123 * N_CLIPS,
        n_channels=len(CHANNELS),
        sfreq=SFREQ,
        hours=123 * N_CLIPS * 30.0 / 3600.0,
        reference="average (the authors' preprocessing)",
        line_frequency=50.0,
        paradigm="watching emotional film clips",
        labels=tuple(EMOTIONS),
        interval=(0.0, 30.0),
        files=("**/Processed_data/sub???.pkl",),
        url="https://www.synapse.org/Synapse:syn50614194",
        stimuli="28 film clips, the same for everybody (column clip), of which the last 30 s are in the files; no sound",
        exclusions=(("A1 and A2, the last two rows", "they are the ears"),),
        counted=(Hours("123 people x 28 clips, the last 30 s of each", 123 * N_CLIPS, 30.0),),
        access_steps=(
            "Make an account at https://www.synapse.org and accept the terms of syn50614194.",
            "Get Processed_data.zip and unpack it (sub000.pkl to sub122.pkl).",
        ),
        notes=(
            "A clip has one emotion and everybody sees the same clips: who can tell the clip can tell the label, so split by clip as "
            "well as by subject.",
            "valence (negative, neutral, positive) is a column of its own. Clips were watched in blocks of one valence.",
            "The whole recordings (155 h, 1000 and 250 Hz) are at NEMAR as nm000112 in BIDS form.",
            "The files are pickles; they are read by a reader that builds numbers and arrays and calls nothing.",
        ),
        unverified=(
            "the order of the first 30 channels (as public code lists them), above all in the second group (subjects from 061), whose caps "
            "others found laid out otherwise",
            "that the last two rows are the ears: public code, the authors' included, drops them, though the caps' own list has "
            "the ears behind T8",
            "the reference and the unit (microvolts)",
            "no file was at hand",
        ),
    ),
    sources=sources,
)

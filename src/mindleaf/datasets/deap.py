"""DEAP: 32 people watch 40 music videos and say how they felt (Koelstra et al. 2012), pickled arrays at 128 Hz."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mindleaf.datasets.dataset import Dataset, DatasetFacts, Hours, Source, identifier, matching_files, relative_names
from mindleaf.datasets.pickled_clips import describe_clips, load_clip
from mindleaf.datasets.whole_reads import read_guarded
from mindleaf.errors import BadInput, ReadError
from mindleaf.montage import Montage
from mindleaf.reading.pickled import load_pickled
from mindleaf.recording import Issue, Recording, Trial

SFREQ, BASELINE_S, N_CLIPS, N_CHANNELS = 128.0, 3.0, 40, 40
#: The first 32 of 40 channels; then come eyes, muscles, skin, breath, pulse and temperature.
CHANNELS = (
    "Fp1", "AF3", "F3", "F7", "FC5", "FC1", "C3", "T7", "CP5", "CP1", "P3", "P7", "PO3", "O1", "Oz", "Pz",
    "Fp2", "AF4", "Fz", "F4", "F8", "FC6", "FC2", "Cz", "C4", "T8", "CP6", "CP2", "P4", "P8", "PO4", "O2",
)  # fmt: skip
#: Columns of the ratings, 1 to 9.
RATINGS = ("valence", "arousal", "dominance", "liking")
MIDDLE = 5.0
_NAME = re.compile(r"s(\d{2})\.dat")


def sources(root: Path) -> Iterator[Source]:
    """One source a person."""
    paths = [path for path in matching_files(root, "deap", "**/s*.dat") if _NAME.fullmatch(path.name)]
    if not paths:
        raise BadInput(f"deap: no file in {root} is named s01.dat to s32.dat; check --root.")
    for path in paths:
        yield Source(relative_names(root, path)[0], partial(_open, root, path, _NAME.fullmatch(path.name).group(1)))  # type: ignore[union-attr]


def _open(root: Path, path: Path, subject: str) -> list[Recording]:
    found: Any = read_guarded(describe, path)
    shape, rows = (N_CLIPS, N_CHANNELS, found["n_times"]), tuple(range(len(CHANNELS)))
    return [
        Recording(
            dataset="deap",
            subject=subject,
            id=identifier(("sub", subject), ("run", f"{clip + 1:02d}")),
            run=f"{clip + 1:02d}",
            sfreq=SFREQ,
            montage=Montage.from_names(CHANNELS)[0],
            n_times=found["n_times"],
            load=partial(load_clip, path, "data", shape, rows, clip),
            trials=(Trial("1", BASELINE_S, found["n_times"] / SFREQ - BASELINE_S, _labels(found["ratings"][clip], clip)),),
            issues=tuple(Issue(note["code"], note["message"]) for note in found["notes"][clip]),
            source_files=relative_names(root, path),
        )
        for clip in range(N_CLIPS)
    ]


def describe(path: str) -> dict[str, Any]:
    """In the child: lengths, ratings and issues of a file."""
    found = describe_clips(path, "data", [N_CLIPS, N_CHANNELS], list(range(len(CHANNELS))), list(CHANNELS), SFREQ)
    ratings = load_pickled(path, "latin1").get("labels")
    if not isinstance(ratings, np.ndarray) or ratings.shape != (N_CLIPS, len(RATINGS)) or not np.isfinite(ratings).all():
        raise ReadError(f"{path}: wanted labels of {N_CLIPS} clips x {len(RATINGS)} ratings; get the file again.")
    if found["n_times"] <= BASELINE_S * SFREQ:
        raise ReadError(f"{path}: clips of {found['n_times']} samples are no longer than the baseline of {BASELINE_S:g} s.")
    return {**found, "ratings": ratings.astype(float).tolist()}


def _labels(ratings: list[float], clip: int) -> dict[str, str]:
    high = ["high" if rating > MIDDLE else "low" for rating in ratings]
    scores = {f"{name}_score": f"{rating:.2f}" for name, rating in zip(RATINGS, ratings, strict=True)}
    return {"label": high[0], **dict(zip(RATINGS, high, strict=True)), **scores, "clip": f"{clip + 1:02d}"}


DATASET = Dataset(
    facts=DatasetFacts(
        name="deap",
        title="DEAP: a database for emotion analysis using physiological signals",
        citation="Koelstra S, Muehl C, Soleymani M, et al. (2012). DEAP: a database for emotion analysis using physiological "
        "signals. IEEE Trans Affect Comput 3(1), 18-31.",
        licence="by the provider's agreement (academic use, no redistribution)",
        access="agreement",
        n_subjects=32,
        n_recordings=1280,
        n_channels=len(CHANNELS),
        sfreq=SFREQ,
        hours=32 * 40 * 60.0 / 3600.0,
        reference="average (the authors' preprocessing)",
        line_frequency=50.0,
        paradigm="watching music videos; how it felt",
        labels=("low", "high"),
        interval=(0.0, 60.0),
        files=("**/s??.dat",),
        url="https://www.eecs.qmul.ac.uk/mmv/datasets/deap/",
        stimuli="40 music videos of a minute, the same for everybody (column clip); their sound is not in the files",
        exclusions=(
            ("the eight channels that are no EEG", "eyes, muscles, skin, breath, pulse and temperature"),
            ("the three seconds before each video", "they are the baseline: in the signal, outside the trial"),
        ),
        counted=(
            Hours("32 people x 40 videos of 60 s", 1280, 60.0),
            Hours("their baselines of 3 s", 1280, 3.0, used=False),
        ),
        access_steps=(
            "Fill in and sign the agreement at https://www.eecs.qmul.ac.uk/mmv/datasets/deap/download.html.",
            "Get data_preprocessed_python.zip and unpack it (s01.dat to s32.dat).",
        ),
        notes=(
            "label is valence, high above 5 of 9 and low up to 5; arousal, dominance and liking stand in columns of their own, each "
            "with its score.",
            "Everybody sees the same videos, and most agree on them: who can tell the video can tell the label, so split by clip as "
            "well as by subject.",
            "The files are pickles; they are read by a reader that builds numbers and arrays and calls nothing.",
            "The files are filtered at 4-45 Hz and freed of eye artefacts by their authors.",
        ),
        unverified=(
            "the order of the channels (remembered from the authors' description) and the unit (microvolts)",
            "that all files number the videos alike (they say so)",
            "no file was at hand",
        ),
    ),
    sources=sources,
)

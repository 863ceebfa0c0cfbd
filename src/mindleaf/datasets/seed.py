"""SEED: 15 people watch 15 film clips three times, negative, neutral and positive (Zheng and Lu 2015), .mat files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from mindleaf.datasets import seed_family as family
from mindleaf.datasets.dataset import Dataset, DatasetFacts, Hours, Source, matching_files, relative_names
from mindleaf.errors import ReadError
from mindleaf.reading.matfile import read_mat
from mindleaf.recording import Recording

SFREQ, N_CLIPS = 200.0, 15
_LABELS = {-1: "negative", 0: "neutral", 1: "positive"}
_NAME = re.compile(r"(\d{1,2})_(\d{8})\.mat")


def sources(root: Path) -> Iterator[Source]:
    """One source a session: Preprocessed_EEG/1_20131027.mat; label.mat beside it serves them all.

    Files of features (ExtractedFeatures) bear the same names and are left alone.
    """
    paths = matching_files(root, "seed", "**/Preprocessed_EEG/*_*.mat", "*_*.mat")
    paths = family.named_files("seed", root, paths, _NAME, "1_20131027.mat")
    for path, (subject, session) in family.sessions_by_date(paths, _NAME).items():
        yield Source(relative_names(root, path)[0], partial(_open, root, path, subject, session))


def _open(root: Path, path: Path, subject: str, session: str) -> list[Recording]:
    table = path.with_name("label.mat")
    values = np.ravel(read_mat(table, ["label"])["label"])
    if len(values) != N_CLIPS or not set(values.tolist()) <= set(_LABELS):
        raise ReadError(f"{table}: wanted label with {N_CLIPS} values of -1, 0 and 1, got {len(values)}; get the file again.")
    labels = {k: {"label": _LABELS[int(value)], "clip": f"{k:02d}"} for k, value in enumerate(values, start=1)}
    return family.clip_recordings("seed", root, path, subject, session, SFREQ, labels)


DATASET = Dataset(
    facts=DatasetFacts(
        name="seed",
        title="SJTU Emotion EEG Dataset",
        citation="Zheng W-L, Lu B-L (2015). Investigating critical frequency bands and channels for EEG-based emotion recognition "
        "with deep neural networks. IEEE Trans Auton Ment Dev 7(3), 162-175.",
        licence=family.LICENCE,
        access="agreement",
        n_subjects=15,
        n_recordings=45 * N_CLIPS,
        n_channels=len(family.CHANNELS),
        sfreq=SFREQ,
        hours=42.4,
        reference="as recorded (Neuroscan, between Cz and CPz)",
        line_frequency=50.0,
        paradigm="watching emotional film clips",
        labels=tuple(_LABELS.values()),
        files=("**/Preprocessed_EEG/SUBJECT_DATE.mat", "label.mat beside them"),
        url="https://bcmi.sjtu.edu.cn/home/seed/seed.html",
        stimuli="15 clips of Chinese films of about four minutes, the same in every session and for everybody (column clip)",
        counted=(Hours("45 sessions of 15 clips, 226 s on average", 45 * N_CLIPS, 226.0),),
        access_steps=family.access_steps("https://bcmi.sjtu.edu.cn/home/seed/seed.html", "Preprocessed_EEG"),
        notes=(
            *family.NOTES,
            "Sessions are numbered in the order of their dates among the files at hand: with one missing, later ones move up.",
            "Each clip is a recording of its own: what was cut away between clips is not in the files.",
        ),
        unverified=(
            "42.4 hours (3394 s a session, remembered from others' counts)",
            "the reference and the unit (microvolts)",
            "variable names and channel order were taken from public code that read the files; none was at hand",
        ),
    ),
    sources=sources,
)

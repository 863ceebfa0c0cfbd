"""SEED-IV: 15 people watch 72 film clips in three sessions, four emotions (Zheng et al. 2019), .mat files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from mindleaf.datasets import seed_family as family
from mindleaf.datasets.dataset import Dataset, DatasetFacts, Hours, Source, matching_files, relative_names
from mindleaf.recording import Recording

SFREQ, N_CLIPS = 200.0, 24
_LABELS = ("neutral", "sad", "fear", "happy")
#: Emotions of the 24 clips of each session.
SESSIONS = {
    "1": (1, 2, 3, 0, 2, 0, 0, 1, 0, 1, 2, 1, 1, 1, 2, 3, 2, 2, 3, 3, 0, 3, 0, 3),
    "2": (2, 1, 3, 0, 0, 2, 0, 2, 3, 3, 2, 3, 2, 0, 1, 1, 2, 1, 0, 3, 0, 1, 3, 1),
    "3": (1, 2, 2, 1, 3, 3, 3, 1, 1, 2, 1, 0, 2, 3, 3, 0, 2, 3, 0, 0, 2, 0, 1, 0),
}
_NAME = re.compile(r"(\d{1,2})_(\d{8})\.mat")


def sources(root: Path) -> Iterator[Source]:
    """One source a session: eeg_raw_data/1/1_20160518.mat; the folder's number is the session's.

    Files of features (eeg_feature_smooth) bear the same names and are left alone.
    """
    paths = matching_files(root, "seediv", "**/eeg_raw_data/[123]/*_*.mat", "[123]/*_*.mat")
    for path in family.named_files("seediv", root, paths, _NAME, "eeg_raw_data/1/1_20160518.mat"):
        subject = _NAME.fullmatch(path.name).group(1).zfill(2)  # type: ignore[union-attr]
        yield Source(relative_names(root, path)[0], partial(_open, root, path, subject, path.parent.name))


def _open(root: Path, path: Path, subject: str, session: str) -> list[Recording]:
    labels = {
        k: {"label": _LABELS[emotion], "clip": f"{session}-{k:02d}"} for k, emotion in enumerate(SESSIONS[session], start=1)
    }
    return family.clip_recordings("seediv", root, path, subject, session, SFREQ, labels)


DATASET = Dataset(
    facts=DatasetFacts(
        name="seediv",
        title="SJTU Emotion EEG Dataset for four emotions",
        citation="Zheng W-L, Liu W, Lu Y, Lu B-L, Cichocki A (2019). EmotionMeter: a multimodal framework for recognizing human "
        "emotions. IEEE Trans Cybern 49(3), 1110-1122.",
        licence=family.LICENCE,
        access="agreement",
        n_subjects=15,
        n_recordings=45 * N_CLIPS,
        n_channels=len(family.CHANNELS),
        sfreq=SFREQ,
        hours=None,
        reference="as recorded (Neuroscan, between Cz and CPz)",
        line_frequency=50.0,
        paradigm="watching emotional film clips",
        labels=_LABELS,
        files=("**/eeg_raw_data/[123]/SUBJECT_DATE.mat",),
        url="https://bcmi.sjtu.edu.cn/home/seed/seed-iv.html",
        stimuli="72 film clips of about two minutes, 24 in each session, the same for everybody (column clip)",
        counted=(Hours("45 sessions of 24 clips of about two minutes", 45 * N_CLIPS, 120.0),),
        access_steps=family.access_steps("https://bcmi.sjtu.edu.cn/home/seed/seed-iv.html", "eeg_raw_data"),
        notes=(*family.NOTES, "Each clip is a recording of its own: what was cut away between clips is not in the files."),
        unverified=(
            "the length of the clips (about two minutes by the authors)",
            "the reference and the unit (microvolts)",
            "variable names and channel order were taken from public code that read the files; none was at hand",
        ),
    ),
    sources=sources,
)

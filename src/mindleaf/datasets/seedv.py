"""SEED-V: 16 people watch 45 film clips in three sessions, five emotions (Liu et al. 2022), Neuroscan .cnt files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from mindleaf.datasets import seed_family as family
from mindleaf.datasets.dataset import Dataset, DatasetFacts, Hours, Source, matching_files, relative_names
from mindleaf.reading.signals import open_signal
from mindleaf.recording import Recording

_LABELS = ("disgust", "fear", "sad", "neutral", "happy")
#: Seconds at which the 15 clips of each session begin and end, and their emotions; alike for everybody.
STARTS = {
    "1": (30, 132, 287, 555, 773, 982, 1271, 1628, 1730, 2025, 2227, 2435, 2667, 2932, 3204),
    "2": (30, 299, 548, 646, 836, 1000, 1091, 1392, 1657, 1809, 1966, 2186, 2333, 2490, 2741),
    "3": (30, 353, 478, 674, 825, 908, 1200, 1346, 1451, 1711, 2055, 2307, 2457, 2726, 2888),
}
ENDS = {
    "1": (102, 228, 524, 742, 920, 1240, 1568, 1697, 1994, 2166, 2401, 2607, 2901, 3172, 3359),
    "2": (267, 488, 614, 773, 967, 1059, 1331, 1622, 1777, 1908, 2153, 2302, 2428, 2709, 2817),
    "3": (321, 418, 643, 764, 877, 1147, 1284, 1418, 1679, 1996, 2275, 2425, 2664, 2857, 3066),
}
EMOTIONS = {
    "1": (4, 1, 3, 2, 0, 4, 1, 3, 2, 0, 4, 1, 3, 2, 0),
    "2": (2, 1, 3, 0, 4, 4, 0, 3, 2, 1, 3, 4, 1, 2, 0),
    "3": (2, 1, 3, 0, 4, 4, 0, 3, 2, 1, 3, 4, 1, 2, 0),
}
_NAME = re.compile(r"(\d{1,2})_([123])_\d{8}\.cnt")
_WATCHED_S = sum(sum(ENDS[session]) - sum(STARTS[session]) for session in STARTS)


def sources(root: Path) -> Iterator[Source]:
    """One source a session: EEG_raw/1_1_20180804.cnt (subject, session, date)."""
    paths = matching_files(root, "seedv", "**/*_[123]_*.cnt")
    for path in family.named_files("seedv", root, paths, _NAME, "1_1_20180804.cnt"):
        subject, session = _NAME.fullmatch(path.name).groups()  # type: ignore[union-attr]
        yield Source(relative_names(root, path)[0], partial(_open, root, path, subject.zfill(2), session))


def _open(root: Path, path: Path, subject: str, session: str) -> list[Recording]:
    spans = [(float(start), float(end)) for start, end in zip(STARTS[session], ENDS[session], strict=True)]
    labels = [{"label": _LABELS[emotion], "clip": f"{session}-{k:02d}"} for k, emotion in enumerate(EMOTIONS[session], start=1)]
    return [family.session_recording("seedv", root, open_signal(path), subject, session, spans, labels)]


DATASET = Dataset(
    facts=DatasetFacts(
        name="seedv",
        title="SJTU Emotion EEG Dataset for five emotions",
        citation="Liu W, Qiu J-L, Zheng W-L, Lu B-L (2022). Comparing recognition performance and robustness of multimodal deep "
        "learning models for multimodal emotion recognition. IEEE Trans Cogn Dev Syst 14(2), 715-729.",
        licence=family.LICENCE,
        access="agreement",
        n_subjects=16,
        n_recordings=48,
        n_channels=len(family.CHANNELS),
        sfreq=1000.0,
        hours=16 * _WATCHED_S / 3600.0,
        reference="as recorded (Neuroscan, between Cz and CPz)",
        line_frequency=50.0,
        paradigm="watching emotional film clips",
        labels=_LABELS,
        files=("**/SUBJECT_SESSION_DATE.cnt",),
        url="https://bcmi.sjtu.edu.cn/home/seed/seed-v.html",
        stimuli="45 film clips of one to five minutes, 15 in each session, the same for everybody (column clip)",
        exclusions=(family.OUTSIDE,),
        counted=(Hours("16 people x the 45 clips between the starts and ends that the authors give", 16, float(_WATCHED_S)),),
        access_steps=family.access_steps("https://bcmi.sjtu.edu.cn/home/seed/seed-v.html", "EEG_raw"),
        notes=(
            *family.NOTES,
            "Starts and ends are whole seconds, the same for everybody, as the authors give them; the files' own marks are events.",
        ),
        unverified=(
            "that whole seconds meet the clips (the authors' table; a file's marks were not compared)",
            "the reference",
            "file names and channels were taken from public code that read the files; none was at hand, nor any real .cnt file",
        ),
    ),
    sources=sources,
)

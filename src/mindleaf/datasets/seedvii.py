"""SEED-VII: 20 people watch 80 film clips in four sessions, seven emotions (Jiang et al. 2024), Neuroscan .cnt files."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from mindleaf.datasets import seed_family as family
from mindleaf.datasets.dataset import Dataset, DatasetFacts, Hours, Source, matching_files, relative_names
from mindleaf.errors import BadInput, ReadError
from mindleaf.reading.presence import present_file
from mindleaf.reading.signals import SignalFile, open_signal
from mindleaf.reading.workbook import read_sheet
from mindleaf.recording import Recording

_LABELS = ("disgust", "fear", "sad", "neutral", "happy", "anger", "surprise")
N_SESSIONS, N_CLIPS = 4, 20
TABLE = "emotion_label_and_stimuli_order.xlsx"
#: (subject, session) whose marks are wrong, by the authors' code, and the time of day (s) at which the file begins: their
#: clips go by save_info's times of day.
WRONG_MARKS = {("14", "1"): 14 * 3600 + 25 * 60 + 34.0, ("09", "3"): 14 * 3600 + 1 * 60 + 27.0}
_NAME = re.compile(r"(\d{1,2})_\d{8}_([1234])\.cnt")
_CLOCK = re.compile(r"(?:.*\s)?(\d{1,2}):(\d{2}):(\d{2}(?:\.\d+)?)")


def sources(root: Path) -> Iterator[Source]:
    """One source a session: EEG_raw/1_20221001_1.cnt (subject, date, session); the labels stand in one workbook."""
    paths = matching_files(root, "seedvii", "**/*_*_[1234].cnt")
    paths = family.named_files("seedvii", root, paths, _NAME, "1_20221001_1.cnt")
    (table,) = matching_files(root, "seedvii", f"**/{TABLE}")[:1]
    for path in paths:
        subject, session = _NAME.fullmatch(path.name).groups()  # type: ignore[union-attr]
        yield Source(relative_names(root, path)[0], partial(_open, root, path, table, subject.zfill(2), session))


def _open(root: Path, path: Path, table: Path, subject: str, session: str) -> list[Recording]:
    emotions = read_emotions(table)[int(session) - 1]
    first = (int(session) - 1) * N_CLIPS
    labels = [{"label": emotion, "clip": f"{first + k:02d}"} for k, emotion in enumerate(emotions, start=1)]
    file = open_signal(path)
    if (subject, session) in WRONG_MARKS:
        marks = _clock_marks(root, path, WRONG_MARKS[subject, session])
    else:
        marks = [event.onset for event in sorted(file.events, key=lambda event: event.onset)]
    return [family.session_recording("seedvii", root, file, subject, session, _spans(file, marks), labels)]


def read_emotions(table: Path) -> list[list[str]]:
    """The emotions of each session's clips: the rows of the workbook that hold 20 of them, in order.

    Raises ReadError where there are not four such rows.
    """
    rows = [[cell.strip().lower() for cell in row[1:] if cell.strip()] for row in read_sheet(table)]
    found = [row for row in rows if len(row) == N_CLIPS and set(row) <= set(_LABELS)]
    if len(found) != N_SESSIONS:
        raise ReadError(f"{table}: wanted {N_SESSIONS} rows of {N_CLIPS} emotions, found {len(found)}; get the file again.")
    return found


def _spans(file: SignalFile, marks: list[float]) -> list[tuple[float, float]]:
    """Each clip has a mark at its start and one at its end; marks behind the last clip are not looked at."""
    if len(marks) < 2 * N_CLIPS:
        raise ReadError(
            f"{file.path}: wanted {2 * N_CLIPS} marks (start and end of {N_CLIPS} clips), got {len(marks)}; get the file again."
        )
    return list(zip(marks[0 : 2 * N_CLIPS : 2], marks[1 : 2 * N_CLIPS : 2], strict=True))


def _clock_marks(root: Path, path: Path, start_s: float) -> list[float]:
    """Seconds from the file's start, out of the stimulus computer's times of day."""
    name = f"{path.stem}_trigger_info.csv"
    tables = sorted(root.glob(f"**/{name}"))
    if not tables:
        raise BadInput(
            f"seedvii: the marks in {path.name} are wrong, wanted save_info/{name} below {root}; get save_info as well."
        )
    marks = []
    with present_file(tables[0], "a table of marks").open(newline="", encoding="utf-8-sig") as file:
        for number, row in enumerate(csv.reader(file), start=1):
            match = _CLOCK.fullmatch(row[1].strip()) if len(row) > 1 else None
            if match is None:
                raise ReadError(f"{tables[0]}: line {number}: wanted a mark and a time of day; get the file again.")
            hours, minutes, seconds = match.groups()
            marks.append(int(hours) * 3600 + int(minutes) * 60 + float(seconds) - start_s)
    return marks


DATASET = Dataset(
    facts=DatasetFacts(
        name="seedvii",
        title="SEED-VII: six basic emotions with continuous labels",
        citation="Jiang W-B, Liu X-H, Zheng W-L, Lu B-L (2024). SEED-VII: a multimodal dataset of six basic emotions with "
        "continuous labels for emotion recognition. IEEE Trans Affect Comput, doi 10.1109/TAFFC.2024.3485057.",
        licence=family.LICENCE,
        access="agreement",
        n_subjects=20,
        n_recordings=80,
        n_channels=len(family.CHANNELS),
        sfreq=1000.0,
        hours=None,
        reference="as recorded (Neuroscan, between Cz and CPz)",
        line_frequency=50.0,
        paradigm="watching emotional film clips",
        labels=_LABELS,
        files=("**/SUBJECT_DATE_SESSION.cnt", TABLE, "save_info/*_trigger_info.csv"),
        url="https://bcmi.sjtu.edu.cn/home/seed/seed-vii.html",
        stimuli="80 film clips of two to five minutes, 20 in each session, the same for everybody (column clip)",
        exclusions=(family.OUTSIDE,),
        counted=(Hours("20 people x 80 clips of two to five minutes, three on average", 1600, 180.0),),
        access_steps=family.access_steps("https://bcmi.sjtu.edu.cn/home/seed/seed-vii.html", f"EEG_raw, save_info and {TABLE}"),
        notes=(
            *family.NOTES,
            "The marks of two sessions (subject 9, session 3; subject 14, session 1) are wrong, as the authors' code says: their "
            "clips go by the times of day in save_info, with seconds of the file's start, so they may be off by up to a second.",
            "How strongly each second was felt (continuous_labels) is not read.",
        ),
        unverified=(
            "that marks alternate between start and end in every other file (public code takes them so)",
            "the length of the clips, and the reference",
            "file names, channels and tables were taken from public code that read them; none was at hand, nor any real .cnt file",
        ),
    ),
    sources=sources,
)

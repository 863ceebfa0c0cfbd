"""EEGMAT: rest and mental arithmetic, 36 students (Zyma et al. 2019), EDF."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from mindleaf.datasets.dataset import (
    Archive,
    Dataset,
    DatasetFacts,
    Hours,
    Source,
    TableHours,
    matching_files,
    recording_of,
    relative_names,
)
from mindleaf.errors import BadInput
from mindleaf.reading.signals import open_signal
from mindleaf.recording import Recording, Trial

#: Both classes give their first 60 s: the arithmetic files end after 62 s, and with equal lengths neither class nor the
#: place of a window in its recording tells them apart by count alone.
TRIAL_S = 60.0
_NAME = re.compile(r"Subject(\d+)_([12])\.edf")
_LABEL = {"1": "rest", "2": "arithmetic"}
_QUALITY = {"0": "poor", "1": "good"}


def sources(root: Path) -> Iterator[Source]:
    """One source a file: run 1 is rest, run 2 arithmetic."""
    paths = [path for path in matching_files(root, "eegmat", "**/Subject*_[12].edf") if _NAME.fullmatch(path.name)]
    quality = _count_quality(paths[0].parent / "subject-info.csv") if paths else {}
    for path in paths:
        subject, run = _NAME.fullmatch(path.name).groups()  # type: ignore[union-attr]
        labels = {"label": _LABEL[run], **({"count_quality": quality[subject]} if subject in quality else {})}
        yield Source(relative_names(root, path)[0], partial(_open, root, path, subject, run, labels))


def _open(root: Path, path: Path, subject: str, run: str, labels: dict[str, str]) -> list[Recording]:
    file = open_signal(path, known_channels=("EEG A2-A1",))
    # The first 20 signals: 19 scalp electrodes and the ear-to-ear lead A2-A1; the ECG stays out.
    file = file.pick([name for name in file.channel_names if name.startswith("EEG ")])
    if file.duration < TRIAL_S:
        raise BadInput(f"eegmat: {path.name} lasts {file.duration:.1f} s, wanted at least {TRIAL_S:g} s; get the file again.")
    return [
        recording_of(
            file,
            dataset="eegmat",
            subject=subject,
            run=run,
            trials=(Trial(id="1", onset=0.0, duration=TRIAL_S, labels=labels),),
            source_files=relative_names(root, path),
        )
    ]


def _count_quality(path: Path) -> dict[str, str]:
    """Whether each subject counted well, as the authors judged; empty where their table is not at hand."""
    if not path.exists():
        return {}
    with path.open(newline="", encoding="utf-8-sig") as file:
        try:
            return {row["Subject"].removeprefix("Subject"): _QUALITY[row["Count quality"]] for row in csv.DictReader(file)}
        except (KeyError, AttributeError) as error:
            raise BadInput(f"{path}: wanted the columns Subject and Count quality (0 or 1); get the table again.") from error


DATASET = Dataset(
    facts=DatasetFacts(
        name="eegmat",
        title="EEG During Mental Arithmetic Tasks",
        citation="Zyma I, Tukaev S, Seleznov I, et al. (2019). Electroencephalograms during mental arithmetic "
        "task performance. Data 4(1), 14.",
        licence="ODC-By 1.0",
        access="open",
        n_subjects=36,
        n_recordings=72,
        n_channels=20,
        sfreq=500.0,
        hours=2.41,
        reference="linked ears",
        line_frequency=50.0,
        paradigm="rest and mental arithmetic",
        labels=("rest", "arithmetic"),
        interval=(0.0, TRIAL_S),
        files=("Subject??_1.edf", "Subject??_2.edf", "subject-info.csv"),
        url="https://physionet.org/content/eegmat/1.0.0/",
        stimuli="none: the task is silent serial subtraction",
        counted=(Hours("36 rest files of 182 s", 36, 182.0), Hours("36 arithmetic files of 62 s", 36, 62.0)),
        table1=TableHours(1, 2.4, "rest files are 182 s and arithmetic files 62 s: 2.44 h by the full files"),
        archives=(Archive("physionet", "eegmat/1.0.0"),),
        notes=(
            "Each class of a subject is one recording, and windows of one recording resemble each other whatever the "
            "task: windows shuffled within a subject score far above what whole held-out subjects reach.",
            "One channel, A2-A1, is the lead between the ears; the ECG is left out.",
            "A trial is the first 60 s of a file.",
        ),
        unverified=(
            "the counts of 36 subjects and 2.41 hours (checked here on 14 subjects)",
            "the authors' filtering and cleaning by ICA before publication",
        ),
    ),
    sources=sources,
)

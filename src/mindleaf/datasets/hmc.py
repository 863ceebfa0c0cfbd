"""HMC: whole nights of sleep scored in 30-second epochs (Alvarez-Estevez and Rijsman 2022, PhysioNet), EDF with .txt tables."""

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
from mindleaf.errors import BadInput, ReadError
from mindleaf.reading.presence import present_file
from mindleaf.reading.signals import open_signal
from mindleaf.recording import Issue, Recording, Trial

EPOCH_S = 30.0
_CHANNELS = ("EEG F4-M1", "EEG C4-M1", "EEG O2-M1", "EEG C3-M2")
_NAME = re.compile(r"SN(\d{3})\.edf")
_STAGES = {f"Sleep stage {stage}": stage for stage in ("W", "N1", "N2", "N3", "R")}
_COLUMNS = ("Recording onset", "Duration", "Annotation")


def sources(root: Path) -> Iterator[Source]:
    """One source a night: SN001.edf with SN001_sleepscoring.txt beside it."""
    paths = [path for path in matching_files(root, "hmc", "**/SN*.edf") if _NAME.fullmatch(path.name)]
    if not paths:
        raise BadInput(f"hmc: no file in {root} is named SN001.edf to SN154.edf; check --root.")
    for path in paths:
        yield Source(relative_names(root, path)[0], partial(_open, root, path, _NAME.fullmatch(path.name).group(1)))  # type: ignore[union-attr]


def _open(root: Path, path: Path, subject: str) -> list[Recording]:
    table = present_file(path.with_name(f"{path.stem}_sleepscoring.txt"), "the table of sleep stages beside the .edf file")
    file = open_signal(path).pick(_CHANNELS)
    epochs = read_scoring(table)
    inside = [(onset, stage) for onset, stage in epochs if onset + EPOCH_S <= file.duration + 0.5 / file.sfreq]
    issues = file.issues
    if lost := len(epochs) - len(inside):
        issues = (*issues, Issue("events_outside", f"events_outside: {lost} scored epochs reach beyond the signal; left out"))
    return [
        recording_of(
            file,
            dataset="hmc",
            subject=subject,
            trials=tuple(Trial(f"{k:04d}", onset, EPOCH_S, {"label": stage}) for k, (onset, stage) in enumerate(inside, start=1)),
            issues=issues,
            source_files=relative_names(root, path, table),
        )
    ]


def read_scoring(path: Path) -> list[tuple[float, str]]:
    """(onset s, stage) of every scored epoch in order; marks such as lights off are no epochs.

    Raises ReadError for missing columns, a stage that is not known, and an epoch that does not last 30 s.
    """
    with path.open(newline="", encoding="latin-1") as file:
        rows = csv.reader(file, skipinitialspace=True)
        header = [cell.strip() for cell in next(rows, [])]
        missing = [column for column in _COLUMNS if column not in header]
        if missing:
            raise ReadError(f"{path}: wanted the columns {', '.join(_COLUMNS)}, {missing[0]} is missing; get the file again.")
        places = [header.index(column) for column in _COLUMNS]
        epochs = []
        for number, row in enumerate(rows, start=2):
            if len(row) <= max(places) or not row[places[2]].strip().startswith("Sleep stage"):
                continue
            onset, duration, text = (row[place].strip() for place in places)
            epochs.append((_seconds(path, number, onset), _stage(path, number, text)))
            if _seconds(path, number, duration) != EPOCH_S:
                raise ReadError(f"{path}: line {number}: wanted an epoch of {EPOCH_S:g} s, got {duration} s; get the file again.")
    return sorted(epochs)


def _seconds(path: Path, number: int, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e6:
        raise ReadError(
            f"{path}: line {number}: wanted seconds from the recording's start, got {text[:20]!r}; get the file again."
        )
    return value


def _stage(path: Path, number: int, text: str) -> str:
    if text not in _STAGES:
        raise ReadError(f"{path}: line {number}: wanted one of {', '.join(_STAGES)}, got another stage; get the file again.")
    return _STAGES[text]


DATASET = Dataset(
    facts=DatasetFacts(
        name="hmc",
        title="Haaglanden Medisch Centrum sleep staging database",
        citation="Alvarez-Estevez D, Rijsman RM (2021). Inter-database validation of a deep learning approach for automatic sleep "
        "scoring. PLoS ONE 16(8), e0256111; (2022) PhysioNet, version 1.1, doi 10.13026/t79q-fr32.",
        licence="CC BY 4.0",
        access="open",
        n_subjects=151,
        n_recordings=151,
        n_channels=len(_CHANNELS),
        sfreq=256.0,
        hours=1143.7,
        reference="the mastoid of the other side (M1 or M2)",
        line_frequency=50.0,
        paradigm="sleep, a night in a hospital",
        labels=tuple(_STAGES.values()),
        interval=(0.0, EPOCH_S),
        files=("SN???.edf", "SN???_sleepscoring.txt"),
        url="https://physionet.org/content/hmc-sleep-staging/1.1/",
        stimuli="none: sleep",
        exclusions=(("EOG, chin EMG and ECG channels", "they are no EEG, though all eight channels are in the files"),),
        counted=(Hours("137,243 scored epochs of 30 s in 151 nights", 137_243, EPOCH_S),),
        table1=TableHours(
            1,
            582.5,
            "about half (.51) of the scored epochs; nothing in the paper says which nights or hours were left out. Its 8 channels "
            "are the four of EEG, two of EOG, EMG and ECG together",
        ),
        archives=(Archive("physionet", "hmc-sleep-staging/1.1"),),
        notes=(
            "Stages change slowly: neighbouring epochs are alike and mostly of one stage, so split by subject.",
            "Version 1.0 had 154 nights, version 1.1 has 151.",
        ),
        unverified=(
            "137,243 epochs (remembered from others' tables, not found again)",
            "the licence",
            "columns and channel names were taken from public code that read the files; none was at hand",
        ),
    ),
    sources=sources,
)

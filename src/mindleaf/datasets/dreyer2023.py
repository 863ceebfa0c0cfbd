"""Left or right hand imagined by 87 subjects with online feedback (Dreyer et al. 2023), GDF, or the BIDS copy."""

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
    matching_files,
    numbered,
    recording_of,
    relative_names,
)
from mindleaf.errors import BadInput, ReadError
from mindleaf.reading.signals import SignalFile, open_signal
from mindleaf.recording import Recording, Trial

TRIAL_S = 5.0
CHANNELS = (
    "Fz", "FCz", "Cz", "CPz", "Pz", "C1", "C3", "C5", "C2", "C4", "C6", "F4", "FC2", "FC4", "FC6", "CP2", "CP4", "CP6", "P4",
    "F3", "FC1", "FC3", "FC5", "CP1", "CP3", "CP5", "P3",
)  # fmt: skip
#: Marks of the cue: OpenViBE's codes, or what a copy calls them.
_CUES = {"769": "left", "770": "right", "left_hand": "left", "right_hand": "right"}
_PUBLISHED = re.compile(r"[ABC](\d{1,2})_(R[1-6])_(?:acquisition|onlineT)\.gdf")
_BIDS = re.compile(r"sub-(\d{2})_task-(R[1-6])\w*_eeg\.(?:edf|bdf|gdf|vhdr|set)")
#: Left out as MOABB does: the recording of these runs failed.
EXCLUDED = {("59", "R5"), ("59", "R6")}


def sources(root: Path) -> Iterator[Source]:
    """One source a run; the published GDF wins over a BIDS copy of the same run. Baselines have no trials."""
    runs: dict[tuple[str, str], Path] = {}
    for path in matching_files(root, "dreyer2023", "**/[ABC]*_R?_*.gdf", "**/sub-*_task-R*_eeg.*"):
        for pattern in (_PUBLISHED, _BIDS):
            if match := pattern.fullmatch(path.name):
                key = (match.group(1).zfill(2), match.group(2))
                if key not in runs or pattern is _PUBLISHED:
                    runs[key] = path
    for (subject, run), path in sorted(runs.items(), key=lambda item: numbered(Path("-".join(item[0])))):
        if (subject, run) not in EXCLUDED:
            yield Source(relative_names(root, path)[0], partial(_open, root, path, subject, run))


def _open(root: Path, path: Path, subject: str, run: str) -> list[Recording]:
    file = open_signal(path, event_labels=tuple(_CUES))
    by_name = {name.casefold(): name for name in file.channel_names}
    missing = [name for name in CHANNELS if name.casefold() not in by_name]
    if missing:
        raise ReadError(f"{path}: wanted the channel {missing[0]}, found {', '.join(file.channel_names)}; get the file again.")
    file = file.pick([by_name[name.casefold()] for name in CHANNELS])
    table = path.with_name(path.name.rpartition("_eeg.")[0] + "_events.tsv")
    trials = tuple(
        Trial(f"{number:02d}", onset, TRIAL_S, labels={"label": label})
        for number, (onset, label) in enumerate(_cues(file, table), start=1)
        if onset + TRIAL_S <= file.duration + 0.5 / file.sfreq
    )
    if not trials:
        raise BadInput(f"dreyer2023: {path.name} holds no cue (769 or 770); get the file again.")
    return [
        recording_of(
            file,
            dataset="dreyer2023",
            subject=subject,
            run=run,
            trials=trials,
            source_files=relative_names(root, path, *([table] if table.exists() else [])),
        )
    ]


def _cues(file: SignalFile, table: Path) -> list[tuple[float, str]]:
    """(onset, label) in time, from the table of events beside a BIDS file, else from the file's own marks."""
    marks = [(event.onset, event.label) for event in file.events]
    if table.exists():
        try:
            with table.open(newline="", encoding="utf-8-sig") as lines:
                marks = [(float(row["onset"]), row["trial_type"]) for row in csv.DictReader(lines, delimiter="\t")]
        except (KeyError, TypeError, ValueError) as error:
            raise ReadError(f"{table}: wanted the columns onset (seconds) and trial_type; get the table again.") from error
    return sorted((onset, _CUES[text]) for onset, text in marks if text in _CUES)


DATASET = Dataset(
    facts=DatasetFacts(
        name="dreyer2023",
        title="Motor imagery with users' profiles (Dreyer2023)",
        citation="Dreyer P, Roc A, Pillette L, Rimbert S, Lotte F (2023). A large EEG database with users' profile information "
        "for motor imagery brain-computer interface research. Sci Data 10, 580.",
        licence="CC BY 4.0",
        access="open",
        n_subjects=87,
        n_recordings=520,
        n_channels=27,
        sfreq=512.0,
        hours=60.7,
        reference="left earlobe",
        line_frequency=50.0,
        paradigm="motor imagery",
        labels=("left", "right"),
        interval=(0.0, TRIAL_S),
        files=("[ABC]??_R?_acquisition.gdf, [ABC]??_R?_onlineT.gdf", "or sub-??_task-R*_eeg.* with sub-??_task-R*_events.tsv"),
        url="https://doi.org/10.5281/zenodo.8089820",
        stimuli="a beep, a red arrow, and from run 3 a bar as feedback; not in the files",
        exclusions=(
            ("EOG1-3, EMGg, EMGd", "not EEG"),
            ("baselines with eyes open and closed", "no trials"),
            ("runs 5 and 6 of subject 59", "recording failed; MOABB leaves them out too"),
        ),
        counted=(
            Hours("520 runs of 40 trials of 5 s from the arrow", 20800, TRIAL_S),
            Hours("cross, beep and pauses between them", 20800, 5.5),
        ),
        archives=(Archive("moabb", "Dreyer2023"),),
        notes=(
            "A trial starts with the arrow; feedback runs from 1.25 s to 5 s, in runs 1 and 2 it is a sham.",
            "Subjects are numbered through the three parts: A 1 to 60, B 61 to 81, C 82 to 87.",
            "Held out in LEAF's table of tasks, for decoding without training.",
        ),
        unverified=(
            "both layouts on real files: GDF names as published, BIDS names after MOABB's code",
            "the spelling of trial_type in the BIDS copy (769, 770, left_hand, right_hand are understood)",
            "60.7 hours: 40 trials of 8 s and pauses of 1.5 to 3.5 s a run",
        ),
    ),
    sources=sources,
)

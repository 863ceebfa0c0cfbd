"""TUEV, the TUH EEG Events Corpus: seconds marked as one of six kinds of events, EDF with .rec tables."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from mindleaf.datasets import tuh
from mindleaf.datasets.dataset import (
    Dataset,
    DatasetFacts,
    Hours,
    Source,
    TableHours,
    matching_files,
    recording_of,
    relative_names,
)
from mindleaf.errors import ReadError
from mindleaf.reading.presence import present_file
from mindleaf.recording import Issue, Recording, Trial

#: Numbers of the .rec files, counted from 1.
_LABELS = ("spsw", "gped", "pled", "eyem", "artf", "bckg")
#: The bipolar channels (TCP montage) whose numbers, counted from 0, stand in the .rec files.
TCP = (
    "FP1-F7", "F7-T3", "T3-T5", "T5-O1", "FP2-F8", "F8-T4", "T4-T6", "T6-O2", "A1-T3", "T3-C3", "C3-CZ",
    "CZ-C4", "C4-T4", "T4-A2", "FP1-F3", "F3-C3", "C3-P3", "P3-O1", "FP2-F4", "F4-C4", "C4-P4", "P4-O2",
)  # fmt: skip
_PARTITIONS = ("train", "eval")


def sources(root: Path) -> Iterator[Source]:
    """One source a file: edf/train/SUBJECT/SUBJECT_RUN.edf and edf/eval/NUMBER/bckg_NUMBER_a_.edf with .rec beside each."""
    for path in matching_files(root, "tuev", *(f"**/{partition}/*/*.edf" for partition in _PARTITIONS)):
        yield Source(relative_names(root, path)[0], partial(_open, root, path, path.parent.parent.name))


def _open(root: Path, path: Path, partition: str) -> list[Recording]:
    table = present_file(path.with_suffix(".rec"), "the table of events beside the .edf file")
    file, issues = tuh.open_scalp(path)
    events = read_rec(table)
    subject = path.parent.name
    trials = _trials(events, file.duration, 0.5 / file.sfreq, partition)
    if lost := len(events) - len(trials):
        issues = (*issues, Issue("events_outside", f"events_outside: {lost} events lie behind the end of the signal; left out"))
    run = re.sub(rf"^{re.escape(subject)}_", "", path.stem)
    return [
        recording_of(
            file,
            dataset="tuev",
            subject=subject,
            run=run,
            trials=trials,
            issues=issues,
            source_files=relative_names(root, path, table),
        )
    ]


def read_rec(path: Path) -> dict[tuple[float, float, int], list[int]]:
    """(start s, stop s, label number) -> channel numbers: the same event on several channels is one event.

    Raises ReadError naming the line of a row that is not ``channel,start,stop,label``.
    """
    found: dict[tuple[float, float, int], list[int]] = {}
    with path.open(newline="", encoding="latin-1") as file:
        for number, row in enumerate(csv.reader(file), start=1):
            if not any(cell.strip() for cell in row):
                continue
            try:
                channel, label = int(row[0]), int(float(row[3]))
                start, stop = float(row[1]), float(row[2])
            except (ValueError, IndexError) as error:
                raise ReadError(
                    f"{path}: line {number}: wanted channel,start,stop,label as numbers; get the file again."
                ) from error
            if not 1 <= label <= len(_LABELS) or not 0 <= channel < len(TCP) or not 0 <= start < stop:
                raise ReadError(
                    f"{path}: line {number}: wanted a channel of 0 to {len(TCP) - 1}, a label of 1 to {len(_LABELS)} and start before "
                    f"stop, got channel {channel}, label {label}, {start:g} to {stop:g} s; get the file again."
                )
            found.setdefault((start, stop, label), []).append(channel)
    return found


def _trials(
    events: dict[tuple[float, float, int], list[int]], duration_s: float, half_sample_s: float, partition: str
) -> tuple[Trial, ...]:
    """Events in order of time, those that begin inside the signal; an event that outlasts the signal ends with it."""
    inside = [key for key in sorted(events) if key[0] < duration_s - half_sample_s]
    return tuple(
        Trial(
            f"{number:04d}",
            start,
            min(stop, duration_s) - start,
            labels={
                "label": _LABELS[label - 1],
                "channels": " ".join(TCP[channel] for channel in sorted(set(events[start, stop, label]))),
                "partition": partition,
            },
        )
        for number, (start, stop, label) in enumerate(inside, start=1)
    )


DATASET = Dataset(
    facts=DatasetFacts(
        name="tuev",
        title="TUH EEG Events Corpus",
        citation="Harati A, Golmohammadi M, Lopez S, Obeid I, Picone J (2015). Improved EEG event classification using "
        "differential energy. IEEE SPMB 2015; Obeid I, Picone J (2016). Front Neurosci 10, 196.",
        licence=tuh.LICENCE,
        access="agreement",
        n_subjects=370,
        n_recordings=518,
        n_channels=len(tuh.SCALP),
        sfreq=250.0,
        hours=148.7,
        reference="common reference (REF)",
        line_frequency=60.0,
        paradigm="hospital EEG with marked events",
        labels=_LABELS,
        interval=(0.0, 1.0),
        files=("**/train/*/*.edf", "**/eval/*/*.edf", "the .rec file beside each"),
        url="https://isip.piconepress.com/projects/nedc/html/tuh_eeg/",
        stimuli="none, but for the flashes of a routine hospital examination, which are not read",
        exclusions=(
            *tuh.EXCLUSIONS,
            (
                "events that begin behind the end of their signal",
                "there is nothing to see; some public code reads them from the file's beginning, as if time went in a circle",
            ),
        ),
        counted=(
            Hours(
                "518 files of 17 minutes on average, by MindMix's Table 1 (no other count is at hand)", 518, 148.7 * 3600.0 / 518
            ),
        ),
        table1=TableHours(1, 148.7),
        access_steps=tuh.ACCESS_STEPS,
        notes=(
            *tuh.NOTES,
            "A trial is a marked second (sometimes more) on one or several bipolar channels, named in the column channels; the same "
            "mark on several channels is one trial. Others take two more seconds on either side.",
            "Events may overlap with events of other kinds: one second can belong to two trials with different labels.",
            "partition holds the authors' split; the numbers of eval's folders name its patients.",
        ),
        unverified=(
            "the hours (MindMix's Table 1); 370 patients, 359 + 159 files and 250 Hz (remembered)",
            "that each folder of eval is one patient",
            "the order of the 22 bipolar channels behind the numbers (remembered from the corpus' description of its montage)",
            "the mains frequency (recorded in Philadelphia)",
        ),
    ),
    sources=sources,
)

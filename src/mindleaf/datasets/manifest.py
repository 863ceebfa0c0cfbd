"""Anyone's recordings, described by two tables: recordings.tsv and trials.tsv.

recordings.tsv   recording, file, subject [, session, run, unit, sfreq, reference, line_frequency, montage]
trials.tsv       recording, trial, onset_s or trigger, duration_s [, attended, audio_offset_s, stimulus_k, stimulus_file_k,
                 side_k, talker_k, audio_offset_s_k, auditory_type_k]; every further column is a column of labels

Paths are relative to the tables. ``montage`` names a layout (biosemi64) for positions. ``trigger`` is the text of an
event in the signal file: the n-th line of a recording with that trigger stands for its n-th occurrence.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from mindleaf.datasets.dataset import Dataset, DatasetFacts, Source, placed, recording_of, relative_names, slug
from mindleaf.datasets.manifest_stimuli import StimulusShelf, candidates, check_stimulus_names
from mindleaf.datasets.written_tables import WrittenTable, read_table
from mindleaf.reading.signals import SignalFile, open_signal
from mindleaf.recording import Recording, Trial

_RECORDING_COLUMNS = ("recording", "file", "subject")
_TRIAL_COLUMNS = ("recording", "trial", "duration_s")
_NOT_LABELS = re.compile(
    r"recording|trial|onset_s|trigger|duration_s|attended|audio_offset_s(_\d+)?|(stimulus|stimulus_file|side|talker|auditory_type)_\d+"
)


def manifest_sources(root: Path, dataset: str = "manifest") -> Iterator[Source]:
    """One source a line of recordings.tsv, with the trials of trials.tsv that name it."""
    files = read_table(root / "recordings.tsv", _RECORDING_COLUMNS, dataset)
    trials = read_table(root / "trials.tsv", _TRIAL_COLUMNS, dataset)
    lines = _lines_by_recording(files, trials)
    check_stimulus_names(trials)
    for number, row in enumerate(files.rows):
        yield Source(row["file"], partial(_open, root, dataset, files.only([number]), trials.only(lines[row["recording"]])))


def _lines_by_recording(files: WrittenTable, trials: WrittenTable) -> dict[str, list[int]]:
    """Trial lines of each recording; every mistake that needs no signal file is found here, before anything is read."""
    known: set[str] = set()
    for number, row in enumerate(files.rows):
        for column in ("recording", "subject"):
            if not row[column]:
                raise files.mistake(number, column, "wanted a name, the cell is empty; fill it in")
        if slug(row["recording"]) in known:
            raise files.mistake(number, "recording", f"{row['recording']!r} comes twice; every recording needs its own name")
        known.add(slug(row["recording"]))
        files.existing_file(number, "file")
        for column in ("sfreq", "line_frequency"):
            if row.get(column):
                files.number(number, column)
    names = {row["recording"] for row in files.rows}
    lines: dict[str, list[int]] = defaultdict(list)
    for number, row in enumerate(trials.rows):
        if row["recording"] not in names:
            raise trials.mistake(
                number, "recording", f"{row['recording']!r} is not in recordings.tsv, which has {', '.join(sorted(names)[:8])}"
            )
        if bool(row.get("onset_s")) == bool(row.get("trigger")):
            raise trials.mistake(number, "onset_s", "wanted either onset_s or trigger, got both or neither; fill in one of them")
        if not row["trial"] or any(trials.rows[other]["trial"] == row["trial"] for other in lines[row["recording"]]):
            raise trials.mistake(
                number, "trial", f"wanted a name that no other trial of {row['recording']!r} has, got {row['trial']!r}"
            )
        lines[row["recording"]].append(number)
    return lines


def _open(root: Path, dataset: str, files: WrittenTable, trials: WrittenTable) -> list[Recording]:
    """The recording of the only row of ``files``, with the trials that are left in ``trials``."""
    row = files.rows[0]
    path = files.existing_file(0, "file")
    triggers = {line["trigger"] for line in trials.rows if line.get("trigger")}
    sfreq = files.number(0, "sfreq") if row.get("sfreq") else None
    file = open_signal(path, unit=row.get("unit") or None, sfreq=sfreq, event_labels=triggers).pick_types("eeg")
    shelf = StimulusShelf(trials)
    made = tuple(_trial(trials, line, onset, file, shelf) for line, onset in enumerate(_onsets(trials, file)))
    used = dict.fromkeys(candidate.stimulus for trial in made for candidate in trial.candidates)
    recording = recording_of(
        file,
        dataset=dataset,
        subject=row["subject"],
        id=slug(row["recording"]),
        session=row.get("session", ""),
        run=row.get("run", ""),
        montage=placed(file, row.get("montage", "")),
        stimuli=tuple(shelf[name] for name in used),
        trials=made,
        source_files=relative_names(root, path),
    )
    return [recording]


def _onsets(trials: WrittenTable, file: SignalFile) -> list[float]:
    """Seconds of each trial's start: written, or the next unused event that carries its trigger."""
    waiting: dict[str, list[float]] = defaultdict(list)
    for event in sorted(file.events, key=lambda event: event.onset):
        waiting[event.label].append(event.onset)
    onsets = []
    for line, row in enumerate(trials.rows):
        if row.get("onset_s"):
            onsets.append(trials.number(line, "onset_s"))
            continue
        if not waiting[row["trigger"]]:
            counts = ", ".join(
                f"{label} ({sum(e.label == label for e in file.events)})" for label in dict.fromkeys(e.label for e in file.events)
            )
            raise trials.mistake(
                line, "trigger", f"wanted another event {row['trigger']!r} in {file.path.name}, it has {counts or 'no events'}"
            )
        onsets.append(waiting[row["trigger"]].pop(0))
    return onsets


def _trial(trials: WrittenTable, line: int, onset: float, file: SignalFile, shelf: StimulusShelf) -> Trial:
    row = trials.rows[line]
    duration = trials.number(line, "duration_s")
    if duration <= 0 or onset < 0 or onset + duration > file.duration + 0.5 / file.sfreq:
        raise trials.mistake(
            line,
            "duration_s",
            f"the trial runs from {onset:g} s to {onset + duration:g} s, {file.path.name} from 0 to "
            f"{file.duration:g} s; correct onset or duration",
        )
    offered = candidates(trials, line, duration, shelf)
    attended = int(trials.number(line, "attended")) if row.get("attended") else 0
    if attended > len(offered):
        raise trials.mistake(
            line, "attended", f"wanted 1 to {len(offered)} (stimuli are counted from 1) or nothing, got {attended}"
        )
    labels = {column: cell for column, cell in row.items() if cell and not _NOT_LABELS.fullmatch(column)}
    return Trial(row["trial"], onset, duration, labels=labels, candidates=offered, attended=attended)


DATASET = Dataset(
    facts=DatasetFacts(
        name="manifest",
        title="Recordings described by recordings.tsv and trials.tsv",
        citation="",
        licence="the user's own",
        access="private",
        n_subjects=None,
        n_recordings=None,
        n_channels=None,
        sfreq=None,
        hours=None,
        reference="as recorded",
        line_frequency=0.0,
        paradigm="any",
        files=("recordings.tsv", "trials.tsv", "the files they name"),
    ),
    sources=manifest_sources,
)

"""The Graz sets of BCI Competition IV (2a, 2b): GDF files with marks, or the later .mat release, run by run."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mindleaf.datasets.dataset import Source, identifier, matching_files, relative_names
from mindleaf.datasets.graz_files import SFREQ, describe_mat, read_mat_run, stretches, true_labels
from mindleaf.datasets.whole_reads import load_span, read_guarded
from mindleaf.errors import ReadError
from mindleaf.montage import Montage
from mindleaf.reading.signals import SignalFile, open_signal
from mindleaf.recording import Event, Issue, Recording, Trial

_TRIAL, _UNKNOWN, _REJECTED, _NEW_RUN = "768", "783", "1023", "32766"
_LARGEST_TABLE_BYTES = 50_000


@dataclass(frozen=True)
class GrazSet:
    """What differs between the two sets.

    eeg        names of the EEG channels, the first of the file; ``file_names`` as the GDF reader gives them ("" unknown)
    classes    GDF code of a cue -> label, in the order of the .mat files' 1, 2, ...
    trial_s    length of a trial from its start (the fixation cross)
    globs      where the files lie; gdf, mat: patterns of their names with the groups subject and session
    mat_session(session, number)  the session that struct ``number`` of a .mat file is, and whether it is one run of several
    """

    name: str
    eeg: tuple[str, ...]
    file_names: tuple[str, ...]
    classes: dict[str, str]
    trial_s: float
    globs: tuple[str, ...]
    gdf: str
    mat: str
    mat_session: Callable[[str, int], tuple[str, bool]]


def graz_sources(graz: GrazSet, root: Path) -> Iterator[Source]:
    """One source a file. A .mat release is read where the subject has no GDF file of that day; tables of labels are no source."""
    paths = matching_files(root, graz.name, *graz.globs)
    gdf = {path: match for path in paths if (match := re.fullmatch(graz.gdf, path.name))}
    with_gdf = {(match.group(1), match.group(2)[-1]) for match in gdf.values()}
    tables: dict[str, list[Path]] = {}
    for path in paths:
        if path.suffix == ".mat":
            tables.setdefault(path.stem, []).append(path)
    for path in paths:
        name = relative_names(root, path)[0]
        if path in gdf:
            subject, session = gdf[path].groups()
            beside = tuple(tables.get(path.stem, ()))
            yield Source(name, partial(_open_gdf, graz, root, path, subject.zfill(2), session, beside))
        elif (match := re.fullmatch(graz.mat, path.name)) and match.groups() not in with_gdf and _is_release(path):
            yield Source(name, partial(_open_mat, graz, root, path, match.group(1).zfill(2), match.group(2)))


def _is_release(path: Path) -> bool:
    """Whether the .mat file can hold signals; a table of labels of the same name takes a few kilobytes."""
    return path.stat().st_size > _LARGEST_TABLE_BYTES


def _open_gdf(graz: GrazSet, root: Path, path: Path, subject: str, session: str, tables: Sequence[Path]) -> list[Recording]:
    file = open_signal(path)
    found = file.channel_names[: len(graz.eeg)]
    wrong = [name for name, wanted in zip(found, graz.file_names, strict=False) if wanted and name != wanted]
    if wrong or len(found) < len(graz.eeg) or file.sfreq != SFREQ:
        raise ReadError(
            f"{path}: wanted the channels of {graz.name} at {SFREQ:g} Hz, starting with {graz.file_names[0]}; found "
            f"{', '.join(found[:3])} at {file.sfreq:g} Hz; get the file again."
        )
    file = file.pick(found)
    # The published files call 17 electrodes "EEG"; they are named by their place here, so that is no issue.
    noticed = tuple(issue for issue in file.issues if issue.code != "channel_renamed")
    truth = _truth(tables)
    trials = _gdf_trials(graz, file, truth)
    recordings: list[Recording] = []
    for first, last in _runs(file, len(graz.eeg)):
        own = [trial for trial in trials if first <= round(trial.onset * SFREQ) < last]
        if not own:
            continue  # a block of eye movements, told by having no trial, not by its place: A04T has one, the others three
        kept, issues = _within(own, first, last)
        number = str(len(recordings) + 1)
        recordings.append(
            Recording(
                dataset=graz.name,
                subject=subject,
                id=identifier(("sub", subject), ("ses", session), ("run", number)),
                session=session,
                run=number,
                sfreq=SFREQ,
                montage=Montage.from_names(graz.eeg)[0],
                n_times=last - first,
                load=partial(load_part, file.load, first, last),
                events=_events_within(file, first, last),
                trials=kept,
                issues=(*noticed, *issues),
                source_files=relative_names(root, path, *(tables if truth else ())),
            )
        )
    return recordings


def load_part(
    load: Callable[..., NDArray], first: int, last: int, start: int = 0, stop: int | None = None
) -> NDArray[np.float32]:
    """Samples start to stop of the stretch first..last of a longer signal."""
    start, stop, _ = slice(start, stop).indices(last - first)
    return load(first + start, first + max(start, stop))


def _runs(file: SignalFile, n_channels: int) -> list[tuple[int, int]]:
    """Stretches of the file between its gaps; a file without gaps is cut at its marks of new runs."""
    found = read_guarded(stretches, file.path, n_channels)
    runs = [(int(first), int(last)) for first, last in found]  # type: ignore[attr-defined]
    marks = sorted({round(event.onset * SFREQ) for event in file.events if event.label == _NEW_RUN} - {0})
    if len(runs) > 1 or not marks:
        return runs
    borders = [0, *marks, file.n_times]
    return [(first, last) for first, last in pairwise(borders) if last > first]


def _gdf_trials(graz: GrazSet, file: SignalFile, truth: list[int]) -> list[Trial]:
    """All trials of the file in its own time, without a label where nobody says it."""
    starts = sorted(event.onset for event in file.events if event.label == _TRIAL)
    if truth and len(truth) != len(starts):
        raise ReadError(
            f"{file.path}: holds {len(starts)} trials, its table of true labels {len(truth)}; get both from one release."
        )
    names = list(graz.classes.values())
    trials = []
    for number, onset in enumerate(starts):
        end = starts[number + 1] if number + 1 < len(starts) else file.duration
        codes = {event.label for event in file.events if onset - 0.5 / SFREQ <= event.onset < end - 0.5 / SFREQ}
        cues = [graz.classes[code] for code in codes if code in graz.classes]
        label = cues[0] if len(cues) == 1 else names[truth[number] - 1] if truth and _UNKNOWN in codes else ""
        labels = {"label": label, "artifact": "yes" if _REJECTED in codes else "no"}
        trials.append(Trial(f"{number + 1:03d}", onset, graz.trial_s, labels=labels))
    return trials


def _within(trials: Sequence[Trial], first: int, last: int) -> tuple[tuple[Trial, ...], tuple[Issue, ...]]:
    """A run's trials in the run's time, numbered from 1; those without a label or cut by the run's end are left out, aloud."""
    kept: list[Trial] = []
    unlabelled = cut = 0
    for number, trial in enumerate(trials, start=1):
        onset = round(trial.onset * SFREQ) - first
        if not trial.labels["label"]:
            unlabelled += 1
        elif onset + trial.duration * SFREQ > last - first:
            cut += 1
        else:
            kept.append(replace(trial, id=f"{number:02d}", onset=onset / SFREQ))
    issues = []
    if unlabelled:
        text = (
            f"labels_missing: {unlabelled} trials have no label; put the table of true labels (same name, .mat) beside the file"
        )
        issues.append(Issue("labels_missing", text))
    if cut:
        issues.append(Issue("trials_cut", f"trials_cut: {cut} trials do not end within the run; left out"))
    return tuple(kept), tuple(issues)


def _events_within(file: SignalFile, first: int, last: int) -> tuple[Event, ...]:
    inside = [event for event in file.events if first <= round(event.onset * SFREQ) < last]
    return tuple(replace(event, onset=event.onset - first / SFREQ) for event in inside)


def _truth(tables: Sequence[Path]) -> list[int]:
    """The true classes (1, 2, ...) from the first table that holds any; empty where there is none."""
    for path in tables:
        found: Any = read_guarded(true_labels, path)
        if found:
            return [int(value) for value in found]
    return []


def _open_mat(graz: GrazSet, root: Path, path: Path, subject: str, session: str) -> list[Recording]:
    recordings: list[Recording] = []
    runs: Any = read_guarded(describe_mat, path)
    names = list(graz.classes.values())
    for number, run in enumerate(runs):
        if not len(run["trial"]):
            continue  # a block of eye movements: A04T has one of them, the others three
        if run["n_channels"] < len(graz.eeg) or run["fs"] != SFREQ or not set(run["y"]) <= set(range(1, len(names) + 1)):
            raise ReadError(
                f"{path}: wanted {len(graz.eeg)} EEG channels at {SFREQ:g} Hz and classes 1 to {len(names)}, found "
                f"{run['n_channels']} channels at {run['fs']:g} Hz; get the file again."
            )
        place, one_of_several = graz.mat_session(session, number)
        run_name = str(len(recordings) + 1) if one_of_several else ""
        trials = [
            Trial(str(k), (sample - 1) / SFREQ, graz.trial_s, {"label": names[y - 1], "artifact": "yes" if bad else "no"})
            for k, (sample, y, bad) in enumerate(zip(run["trial"], run["y"], run["artifacts"], strict=True))
        ]
        kept, issues = _within(trials, 0, run["n_times"])
        recordings.append(
            Recording(
                dataset=graz.name,
                subject=subject,
                id=identifier(("sub", subject), ("ses", place), ("run", run_name)),
                session=place,
                run=run_name,
                sfreq=SFREQ,
                montage=Montage.from_names(graz.eeg)[0],
                n_times=run["n_times"],
                load=partial(load_span, read_mat_run, path, (number, len(graz.eeg))),
                trials=kept,
                issues=issues,
                source_files=relative_names(root, path),
            )
        )
    return recordings

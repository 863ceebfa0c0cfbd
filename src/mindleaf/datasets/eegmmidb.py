"""EEG Motor Movement/Imagery Database: 109 subjects, 14 runs each (Schalk et al. 2004, PhysioNet), EDF+."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from mindleaf.datasets.dataset import (
    Archive,
    Dataset,
    DatasetFacts,
    Source,
    matching_files,
    recording_of,
    relative_names,
)
from mindleaf.errors import BadInput
from mindleaf.reading.signals import SignalFile, open_signal
from mindleaf.recording import Recording, Trial

TRIAL_S = 4.0
_NAME = re.compile(r"S(\d{3})R(\d{2})\.edf")
_CODES = ("T0", "T1", "T2")
#: What T1 and T2 mean, run by run (PhysioNet's table). The imagined fists carry the plain labels.
_BASELINE = {1: "eyes_open", 2: "eyes_closed"}
_CUES = {
    **{run: ("performed_left", "performed_right") for run in (3, 7, 11)},
    **{run: ("left", "right") for run in (4, 8, 12)},
    **{run: ("performed_fists", "performed_feet") for run in (5, 9, 13)},
    **{run: ("fists", "feet") for run in (6, 10, 14)},
}


def sources(root: Path) -> Iterator[Source]:
    """One source a run."""
    for path in matching_files(root, "eegmmidb", "S*R*.edf", "S*/S*R*.edf"):
        if match := _NAME.fullmatch(path.name):
            yield Source(relative_names(root, path)[0], partial(_open, root, path, *match.groups()))


def _open(root: Path, path: Path, subject: str, run: str) -> list[Recording]:
    """One recording; trials are the cued four seconds, the pauses between them (T0) stay events."""
    file = open_signal(path, event_labels=_CODES)
    return [
        recording_of(
            file,
            dataset="eegmmidb",
            subject=subject,
            run=run,
            trials=_trials(file, int(run)),
            source_files=relative_names(root, path),
        )
    ]


def _trials(file: SignalFile, run: int) -> tuple[Trial, ...]:
    if run in _BASELINE:
        return (Trial("1", 0.0, file.duration, labels={"label": _BASELINE[run]}),)
    if run not in _CUES:
        raise BadInput(f"eegmmidb: {file.path.name} is run {run}, wanted 1 to 14; check the file's name.")
    cues = [event for event in file.events if event.label in ("T1", "T2")]
    if not cues:
        raise BadInput(f"eegmmidb: {file.path.name} holds no cue T1 or T2; the annotations are damaged, get the file again.")
    return tuple(
        Trial(f"{number:02d}", cue.onset, TRIAL_S, labels={"label": _CUES[run][cue.label == "T2"]})
        for number, cue in enumerate(cues, start=1)
        if cue.onset + TRIAL_S <= file.duration + 1e-6
    )


DATASET = Dataset(
    facts=DatasetFacts(
        name="eegmmidb",
        title="EEG Motor Movement/Imagery Dataset",
        citation="Schalk G, McFarland DJ, Hinterberger T, Birbaumer N, Wolpaw JR (2004). BCI2000. IEEE Trans "
        "Biomed Eng 51, 1034-1043; "
        "Goldberger AL, et al. (2000). PhysioNet. Circulation 101, e215-e220.",
        licence="ODC-By 1.0",
        access="open",
        n_subjects=109,
        n_recordings=1526,
        n_channels=64,
        sfreq=160.0,
        hours=None,
        reference="as recorded (BCI2000); not named in the files",
        line_frequency=60.0,
        paradigm="motor imagery and movement",
        other_sfreqs=(128.0,),
        labels=(*_BASELINE.values(), *dict.fromkeys(label for pair in _CUES.values() for label in pair)),
        interval=(1.0, 2.0),
        files=("S???R??.edf", "S???/S???R??.edf"),
        url="https://physionet.org/content/eegmmidb/1.0.0/",
        stimuli="targets on a screen; no sound",
        archives=(Archive("physionet", "eegmmidb/1.0.0", ("S*/S*.edf",)),),
        notes=(
            "left and right are imagined fists (runs 4, 8, 12), fists and feet are imagined (6, 10, 14); "
            "performed_ stands before movements.",
            "A trial is the first four seconds after a cue; the pauses (T0) are events, not trials.",
        ),
        unverified=("every subject but S001", "subjects 088, 092 and 100 are known to be recorded at 128 Hz"),
    ),
    sources=sources,
)

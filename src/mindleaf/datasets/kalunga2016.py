"""SSVEP exoskeleton: 12 subjects, rest and three flicker frequencies (Kalunga et al. 2016), FIF or GDF."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from mindleaf.datasets.dataset import (
    Dataset,
    DatasetFacts,
    Source,
    matching_files,
    recording_of,
    relative_names,
)
from mindleaf.errors import BadInput
from mindleaf.reading.event_files import read_events
from mindleaf.reading.signals import SignalFile, open_signal
from mindleaf.recording import Event, Recording, Trial

TRIAL_S = 5.0
#: Codes of the event files. Label_02 is 21 Hz and Label_03 is 17 Hz, as the authors' README says and the spectra confirm.
_FIF_LABELS = {1: "rest", 2: "13", 3: "21", 4: "17"}
#: The same in the GDF files: a class code, then 32779 (stimulation starts).
_GDF_LABELS = {"33024": "rest", "33025": "13", "33026": "21", "33027": "17"}
_GDF_START = "32779"
#: Left out by the authors for protocol issues (synchronisation, hardware failure).
EXCLUDED = {
    ("08", "2013.04.06-16.22.32"),
    ("10", "2014.02.26-15.10.48"),
    ("10", "2014.02.26-15.50.09"),
    ("11", "2014.02.24-17.56.37"),
    ("11", "2014.02.24-18.02.40"),
}
_NAME = re.compile(r"record-\[([\d.-]+)\](?:_raw\.fif|\.gdf)")


def sources(root: Path) -> Iterator[Source]:
    """One source a session. A GDF file is read only where the FIF file of the same session is missing."""
    paths = matching_files(root, "kalunga2016", "subject*/record-*_raw.fif", "subject*/record-*.gdf")
    sessions: dict[tuple[str, str], Path] = {}
    for path in sorted(paths, key=lambda path: (path.suffix, path.as_posix())):
        if match := _NAME.fullmatch(path.name):
            sessions.setdefault((path.parent.name.removeprefix("subject"), match.group(1)), path)
    for (subject, stamp), path in sorted(sessions.items()):
        if (subject, stamp) not in EXCLUDED:
            yield Source(relative_names(root, path)[0], partial(_open, root, path, subject, stamp))


def _open(root: Path, path: Path, subject: str, stamp: str) -> list[Recording]:
    session = re.sub(r"\D", "", stamp)
    file = open_signal(path, event_labels=(*_GDF_LABELS, _GDF_START))
    read = [path]
    if path.suffix == ".fif":
        beside = path.with_name(path.name.replace("_raw.fif", "-eve.fif"))
        events = _fif_events(file, beside)
        read.append(beside)
    else:
        events = _gdf_events(file)
    trials = tuple(
        Trial(id=f"{number:02d}", onset=event.onset, duration=TRIAL_S, labels={"label": event.label})
        for number, event in enumerate(events, start=1)
        if event.onset + TRIAL_S <= file.duration
    )
    recording = recording_of(
        file,
        dataset="kalunga2016",
        subject=subject,
        session=session,
        events=tuple(events),
        trials=trials,
        source_files=relative_names(root, *read),
    )
    return [recording]


def _fif_events(file: SignalFile, beside: Path) -> list[Event]:
    events = read_events(beside)
    unknown = sorted({int(code) for _, code in events} - set(_FIF_LABELS))
    if unknown:
        raise BadInput(f"kalunga2016: {beside.name} holds the code {unknown[0]}, known are {', '.join(map(str, _FIF_LABELS))}.")
    return [Event(float(sample / file.sfreq), TRIAL_S, _FIF_LABELS[int(code)]) for sample, code in sorted(events.tolist())]


def _gdf_events(file: SignalFile) -> list[Event]:
    """The class code that stands before each start of stimulation."""
    found, label = [], ""
    for event in sorted(file.events, key=lambda event: event.onset):
        if event.label in _GDF_LABELS:
            label = _GDF_LABELS[event.label]
        elif event.label == _GDF_START and label:
            # The event files count samples from 1; the same moment must get the same onset from either file.
            found.append(Event(event.onset + 1.0 / file.sfreq, TRIAL_S, label))
    return found


DATASET = Dataset(
    facts=DatasetFacts(
        name="kalunga2016",
        title="SSVEP exoskeleton",
        citation="Kalunga EK, Chevallier S, Barthelemy Q, et al. (2016). Online SSVEP-based BCI using "
        "Riemannian geometry. Neurocomputing 191, 55-68.",
        licence="CC0",
        access="open",
        n_subjects=12,
        n_recordings=None,
        n_channels=8,
        sfreq=256.0,
        hours=None,
        reference="right (or left) mastoid, ground Fz",
        line_frequency=50.0,
        paradigm="SSVEP",
        labels=("rest", "13", "17", "21"),
        interval=(2.0, 4.0),
        ssvep_frequencies=(13.0, 17.0, 21.0),
        files=("subject??/record-[...]_raw.fif", "subject??/record-[...]-eve.fif", "subject??/record-[...].gdf"),
        url="https://github.com/sylvchev/dataset-ssvep-exoskeleton",
        notes=(
            "The FIF values are a million times the GDF values read as volts; neither is a plausible EEG "
            "amplitude, so every recording "
            "carries the issue unit_implausible. Nothing is rescaled: use systems that do not depend on the unit.",
            "Record 2012.07.11-15.33.08 is in the folders of subjects 03 and 07 with the same data: the same "
            "brain in training and test.",
            "In every record at hand the eight rest trials come first: slow drift alone can tell rest from stimulation.",
            "Five records of subjects 08, 10 and 11 are left out, as by the authors (protocol issues).",
        ),
        unverified=("subjects 08 to 12", "GDF files beyond one"),
    ),
    sources=sources,
)

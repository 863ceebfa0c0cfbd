"""CAP: nights of sleep with and without disorders (Terzano et al. 2001, PhysioNet), EDF with RemLogic's .txt tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from mindleaf.datasets.cap_scoring import read_remlogic, start_of_day_s
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
from mindleaf.montage import OTHER, Montage, clean_name, electrode_index
from mindleaf.reading.presence import present_file
from mindleaf.reading.signals import SignalFile, open_signal
from mindleaf.recording import Event, Issue, Recording, Trial

DAY_S = 86_400.0
_STAGES = {"SLEEP-S0": "W", **{f"SLEEP-S{k}": f"S{k}" for k in range(1, 5)}, "SLEEP-REM": "R"}
#: Prefixes of the file names.
GROUPS = {
    "brux": "bruxism", "ins": "insomnia", "n": "healthy", "narco": "narcolepsy", "nfle": "frontal_epilepsy",
    "plm": "periodic_leg_movements", "rbd": "rem_behaviour_disorder", "sdb": "sleep_disordered_breathing",
}  # fmt: skip
_NAME = re.compile(rf"({'|'.join(sorted(GROUPS, key=len, reverse=True))})(\d+)\.edf")
_PAIR = re.compile(r"([A-Za-z]{1,3}\d{1,2}|[A-Za-z]{1,2}z)-?([AM][12])", re.IGNORECASE)
_EARS = frozenset({"A1", "A2", "M1", "M2"})


def sources(root: Path) -> Iterator[Source]:
    """One source a night: n1.edf with n1.txt beside it; the name's letters are the diagnosis."""
    paths = [path for path in matching_files(root, "cap", "**/*.edf") if _NAME.fullmatch(path.name)]
    if not paths:
        raise BadInput(
            f"cap: no file in {root} is named as brux1.edf, n1.edf ... ({', '.join(GROUPS)} and a number); check --root."
        )
    for path in paths:
        yield Source(relative_names(root, path)[0], partial(_open, root, path, GROUPS[_NAME.fullmatch(path.name).group(1)]))  # type: ignore[union-attr]


def _open(root: Path, path: Path, group: str) -> list[Recording]:
    table = present_file(path.with_suffix(".txt"), "RemLogic's table of the scoring beside the .edf file")
    file, montage = _eeg(open_signal(path))
    start_s = start_of_day_s(path)
    trials: list[Trial] = []
    events: list[Event] = []
    outside = 0
    for clock_s, event, seconds in read_remlogic(table):
        onset = _since_start(clock_s, start_s, file.duration)
        inside = onset is not None and onset + seconds <= file.duration + 0.5 / file.sfreq
        if event in _STAGES:
            outside += not inside
            if inside and onset is not None:
                labels = {"label": _STAGES[event], "group": group}
                trials.append(Trial(f"{len(trials) + 1:04d}", onset, seconds, labels))
        elif inside and onset is not None and event.startswith("MCAP-"):
            events.append(Event(onset, seconds, event))
    issues = file.issues
    if outside:
        issues = (*issues, Issue("events_outside", f"events_outside: {outside} scored epochs lie outside the signal; left out"))
    return [
        recording_of(
            file,
            dataset="cap",
            subject=path.stem,
            montage=montage,
            events=tuple(events),
            trials=tuple(trials),
            issues=issues,
            source_files=relative_names(root, path, table),
        )
    ]


def _since_start(clock_s: float, start_s: float, duration_s: float) -> float | None:
    """Seconds from the recording's start to a time of day, which may be on the next day; None before it and behind its end."""
    onset = (clock_s - start_s) % DAY_S
    return onset if onset < duration_s else None


def eeg_name(raw: str) -> str:
    """The electrode or pair of electrodes behind a channel of these files, "" for a channel that is no EEG.

    "C4A1" and "C4-A1" are C4 against an ear, "Fp2-F4" stays a pair, ears alone and everything else is left out.
    """
    name = raw.strip()
    against_ear = _PAIR.fullmatch(name)
    if against_ear:
        name = against_ear.group(1)
    cleaned = clean_name(name)
    if cleaned in _EARS:
        return ""
    if electrode_index(cleaned) != OTHER:
        return cleaned
    parts = [clean_name(part) for part in name.split("-") if part.strip()]
    paired = len(parts) == 2 and all(electrode_index(part) != OTHER for part in parts) and not _EARS & set(parts)
    return "-".join(parts) if paired else ""


def _eeg(file: SignalFile) -> tuple[SignalFile, Montage]:
    names: dict[str, str] = {}
    for raw in file.channel_names:
        if (name := eeg_name(raw)) and name not in names:
            names[name] = raw
    if not names:
        raise ReadError(f"{file.path}: wanted EEG channels, the file has {', '.join(file.channel_names)}; leave it out.")
    kept = file.pick(list(names.values()))
    # A name out of the electrode table is one of a pair here, not a damaged one.
    kept = replace(kept, issues=tuple(issue for issue in kept.issues if issue.code != "channel_unknown"))
    return kept, Montage.from_names(list(names))[0]


DATASET = Dataset(
    facts=DatasetFacts(
        name="cap",
        title="CAP Sleep Database",
        citation="Terzano MG, Parrino L, Sherieri A, et al. (2001). Atlas, rules, and recording techniques for the scoring of "
        "cyclic alternating pattern (CAP) in human sleep. Sleep Med 2(6), 537-553; Goldberger AL, et al. (2000). PhysioNet. "
        "Circulation 101, e215-e220.",
        licence="ODC-By 1.0",
        access="open",
        n_subjects=108,
        n_recordings=108,
        n_channels=None,
        sfreq=None,
        hours=1004.5,
        reference="pairs of electrodes, or the ear of the other side; differs between files",
        line_frequency=50.0,
        paradigm="sleep, a night in a hospital",
        labels=tuple(_STAGES.values()),
        interval=(0.0, 30.0),
        files=("brux*.edf, ins*.edf, n*.edf, narco*.edf, nfle*.edf, plm*.edf, rbd*.edf, sdb*.edf", "the .txt file beside each"),
        url="https://physionet.org/content/capslpdb/1.0.0/",
        stimuli="none: sleep",
        exclusions=(
            ("body movement (SLEEP-MT) and unscored epochs", "they are no stage of sleep; they stay in the signal"),
            ("EOG, EMG, ECG, breathing, oxygen and ear channels", "they are no scalp EEG"),
        ),
        counted=(
            Hours(
                "108 nights of 9.3 hours on average, by MindMix's Table 1 (no other count is at hand)", 108, 1004.5 * 3600.0 / 108
            ),
        ),
        table1=TableHours(1, 1004.5),
        archives=(Archive("physionet", "capslpdb/1.0.0"),),
        notes=(
            "Channels differ from night to night: pairs (Fp2-F4) in most, single electrodes against an ear in others; the 20 of "
            "Table 1 count everything in a file.",
            "Scoring is by Rechtschaffen and Kales: S3 and S4 are apart (together about N3).",
            "group is the diagnosis; phases A1 to A3 of the cyclic alternating pattern are events.",
            "A table gives times of day: its distance to the recording's start is all that is kept of them.",
        ),
        unverified=(
            "the hours (MindMix's Table 1)",
            "channels of one file may have different rates: all come at the highest of them, as the EDF reader gives them",
            "tables and channel names were taken from public code that read the files; none was at hand",
        ),
    ),
    sources=sources,
)

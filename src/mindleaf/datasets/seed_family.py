"""What the SEED collections share: the 62 electrodes, terms of access, and signals in .mat files with one variable a clip."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mindleaf.datasets.dataset import identifier, recording_of, relative_names
from mindleaf.datasets.whole_reads import load_span, read_guarded
from mindleaf.errors import BadInput, ReadError
from mindleaf.montage import Montage
from mindleaf.reading.plausible import excerpts, signal_notes
from mindleaf.reading.signals import SignalFile
from mindleaf.recording import Issue, Recording, Trial

#: Order of the rows (channel-order.xlsx of the collections). CB1 and CB2 lie below O1 and O2.
CHANNELS = (
    "FP1", "FPZ", "FP2", "AF3", "AF4", "F7", "F5", "F3", "F1", "FZ", "F2", "F4", "F6", "F8", "FT7", "FC5", "FC3", "FC1", "FCZ",
    "FC2", "FC4", "FC6", "FT8", "T7", "C5", "C3", "C1", "CZ", "C2", "C4", "C6", "T8", "TP7", "CP5", "CP3", "CP1", "CPZ", "CP2",
    "CP4", "CP6", "TP8", "P7", "P5", "P3", "P1", "PZ", "P2", "P4", "P6", "P8", "PO7", "PO5", "PO3", "POZ", "PO4", "PO6", "PO8",
    "CB1", "O1", "OZ", "O2", "CB2",
)  # fmt: skip
#: Names of the variables: the person's initials, "_eeg" and the number of the clip.
_VARIABLE = re.compile(r"[A-Za-z]{1,8}_eeg(\d{1,2})")
LICENCE = "by signed agreement with Shanghai Jiao Tong University (academic use, no redistribution)"
OUTSIDE = (
    "mastoids, eyes and heart (M1, M2, VEO, HEO, ECG), where the files have them",
    "they are no scalp EEG",
)
NOTES = (
    "A clip has one emotion and everybody sees the same clips (column clip): who can tell the clip can tell the label, so split "
    "by clip as well as by subject.",
    "The film's sound is not in the files.",
)


def access_steps(page: str, files: str) -> tuple[str, ...]:
    """How to come by one of the collections."""
    return (
        f"Read {page} and send the signed licence agreement; an academic address and a supervisor's signature are wanted.",
        f"Get {files} with the account you are sent, and unpack it.",
    )


def clip_recordings(
    dataset: str, root: Path, path: Path, subject: str, session: str, sfreq: float, labels: Mapping[int, Mapping[str, str]]
) -> list[Recording]:
    """One recording a clip (they were cut out of a session), all of it one trial with the labels of the clip's number.

    Raises ReadError where the file's clips are not those that have labels.
    """
    found: Any = read_guarded(describe_clips, path, sfreq)
    numbers = [clip["number"] for clip in found]
    if numbers != sorted(labels):
        raise ReadError(f"{path}: wanted the clips 1 to {len(labels)} as NAME_eeg1 ..., got {numbers}; get the file again.")
    montage = Montage.from_names(CHANNELS)[0]
    return [
        Recording(
            dataset=dataset,
            subject=subject,
            id=identifier(("sub", subject), ("ses", session), ("run", f"{clip['number']:02d}")),
            session=session,
            run=f"{clip['number']:02d}",
            sfreq=sfreq,
            montage=montage,
            n_times=clip["n_times"],
            load=partial(load_clip, path, clip["variable"]),
            trials=(Trial("1", 0.0, clip["n_times"] / sfreq, labels=dict(labels[clip["number"]])),),
            issues=tuple(Issue(note["code"], note["message"]) for note in clip["notes"]),
            source_files=relative_names(root, path),
        )
        for clip in found
    ]


def load_clip(path: Path, variable: str, start: int = 0, stop: int | None = None) -> NDArray[np.float32]:
    """(62, stop - start) microvolts of a clip."""
    return load_span(read_clip, path, (variable,), start, stop)


def describe_clips(path: str, sfreq: float) -> list[dict[str, Any]]:
    """In the child: number, length and issues of each clip, by number."""
    clips = []
    for number, variable in sorted(_variables(path).items()):
        eeg = read_clip(path, variable)
        pieces = excerpts(lambda start, stop, eeg=eeg: eeg[:, start:stop].astype(np.float64), len(eeg), eeg.shape[1], sfreq)  # type: ignore[misc]
        notes = signal_notes(pieces, list(CHANNELS), [True] * len(CHANNELS), sfreq)
        clips.append({"number": number, "variable": variable, "n_times": eeg.shape[1], "notes": notes})
    return clips


def read_clip(path: str, variable: str) -> NDArray[np.float32]:
    """In the child: (62, time) microvolts."""
    import scipy.io

    values = scipy.io.loadmat(path, variable_names=[variable])[variable]
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "fiu" or values.ndim != 2 or len(values) != len(CHANNELS):
        raise ReadError(f"{path}: a clip is not as wanted, {len(CHANNELS)} channels x samples; get the file again.")
    return np.ascontiguousarray(values, np.float32)


def _variables(path: str) -> dict[int, str]:
    import scipy.io

    found: dict[int, str] = {}
    for name, _, _ in scipy.io.whosmat(path):
        if match := _VARIABLE.fullmatch(name):
            number = int(match.group(1))
            if number in found:
                raise ReadError(f"{path}: clip {number} comes twice; get the file again.")
            found[number] = name
    return found


def session_recording(
    dataset: str,
    root: Path,
    file: SignalFile,
    subject: str,
    session: str,
    spans: Sequence[tuple[float, float]],
    labels: Sequence[Mapping[str, str]],
) -> Recording:
    """A whole session as recorded, with a trial for each span (start s, end s) that lies in it.

    Raises ReadError where an electrode is missing.
    """
    by_name = {name.upper(): name for name in file.channel_names}
    missing = [name for name in CHANNELS if name not in by_name]
    if missing:
        raise ReadError(f"{file.path}: wanted 62 electrodes, {', '.join(missing)} are missing; get the file again.")
    file = file.pick([by_name[name] for name in CHANNELS])
    # CB1 and CB2 are no damaged names, though no table has them.
    issues = tuple(issue for issue in file.issues if issue.code != "channel_unknown")
    trials = tuple(
        Trial(f"{number:02d}", start, end - start, labels=dict(labels[number - 1]))
        for number, (start, end) in enumerate(spans, start=1)
        if end <= file.duration + 0.5 / file.sfreq
    )
    if lost := len(spans) - len(trials):
        issues = (*issues, Issue("events_outside", f"events_outside: {lost} clips reach beyond the signal; left out"))
    return recording_of(
        file,
        dataset=dataset,
        subject=subject,
        session=session,
        trials=trials,
        issues=issues,
        source_files=relative_names(root, file.path),
    )


def sessions_by_date(paths: Sequence[Path], name: re.Pattern[str]) -> dict[Path, tuple[str, str]]:
    """Path -> (subject, session) of files named SUBJECT_DATE.mat: sessions are counted in the order of their dates."""
    dates: dict[str, list[tuple[str, Path]]] = {}
    for path in paths:
        if match := name.fullmatch(path.name):
            dates.setdefault(match.group(1).zfill(2), []).append((match.group(2), path))
    return {path: (subject, str(k)) for subject, found in dates.items() for k, (_, path) in enumerate(sorted(found), start=1)}


def named_files(dataset: str, root: Path, paths: Sequence[Path], name: re.Pattern[str], example: str) -> list[Path]:
    """Those of ``paths`` that bear such a name; BadInput where none does."""
    found = [path for path in paths if name.fullmatch(path.name)]
    if not found:
        raise BadInput(f"{dataset}: no file in {root} is named like {example}; check --root.")
    return found

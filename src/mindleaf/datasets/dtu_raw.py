"""DTU's raw release: S1.mat (512 Hz, continuous), its list of trials as S1.csv, and the WAV files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mindleaf.datasets.dataset import identifier, relative_names
from mindleaf.datasets.whole_reads import load_span
from mindleaf.datasets.written_tables import read_table
from mindleaf.errors import BadInput, ReadError
from mindleaf.montage import OTHER, Montage, electrode_indices, is_biosemi, layout_positions
from mindleaf.reading.audio import load_samples, open_audio
from mindleaf.reading.child import GIGABYTE, guarded
from mindleaf.reading.matfile import load_mat
from mindleaf.reading.plausible import excerpts, signal_notes
from mindleaf.reading.presence import present_file
from mindleaf.recording import Candidate, Event, Issue, Recording, Stimulus, Trial

#: Triggers that end a trial; 192 stands for 191 in listener 8.
END_TRIGGERS = (191, 192)
_COLUMNS = ("attend_mf", "attend_lr", "acoustic_condition", "n_speakers", "wavfile_male", "wavfile_female", "trigger")
_TALKERS = ("male", "female")
_EARS = frozenset({"M1", "M2", "A1", "A2"})


def open_subject(root: Path, path: Path, subject: str, sounds: Mapping[str, Path]) -> list[Recording]:
    """The continuous recording of a listener, with the trials in which two people talk."""
    table = path.with_suffix(".csv")
    # The table first: a file of a gigabyte is not read to find that its list is missing.
    rows = read_table(table, _COLUMNS, "dtu").rows if table.exists() else None
    found = _guarded(describe, path)
    rows = found["expinfo"] if rows is None else rows
    if rows is None:
        raise BadInput(
            f"dtu: wanted {table.name} beside {path.name}: the list of trials in it (expinfo) is a MATLAB table, which only MATLAB "
            f"can read; there, load('{path.name}') and writetable(expinfo, '{table.name}')."
        )
    shelf: dict[str, tuple[Stimulus, float]] = {}
    trials = tuple(_trials(path, rows, found, sounds, shelf))
    sfreq = found["sfreq"]
    return [
        Recording(
            dataset="dtu",
            subject=subject,
            id=identifier(("sub", subject)),
            sfreq=sfreq,
            montage=Montage.from_names(found["names"])[0],
            n_times=found["n_times"],
            load=partial(load_scalp, path, found["columns"]),
            events=tuple(
                Event((sample - 1) / sfreq, 0.0, str(value))
                for sample, value in zip(found["samples"], found["values"], strict=True)
            ),
            stimuli=tuple(stimulus for stimulus, _ in shelf.values()),
            trials=trials,
            issues=tuple(Issue(note["code"], note["message"]) for note in found["notes"]),
            source_files=relative_names(
                root, path, *([table] if table.exists() else []), *(sounds[f"{name}.wav"] for name in shelf)
            ),
        )
    ]


def _trials(
    path: Path,
    rows: Sequence[Mapping[str, str]],
    found: dict[str, Any],
    sounds: Mapping[str, Path],
    shelf: dict[str, tuple[Stimulus, float]],
) -> list[Trial]:
    """Rows in the order of their triggers; a row with one talker takes its trigger and gives no trial."""
    samples, values, sfreq = found["samples"], found["values"], found["sfreq"]
    made, position = [], 0
    for number, row in enumerate(rows, start=1):
        trigger = _whole(row, "trigger", number, path)
        start = next((i for i in range(position, len(values)) if values[i] == trigger), None)
        if start is None:
            raise ReadError(
                f"{path}: wanted trigger {trigger} for trial {number} of the list after event {position}, it does not come; "
                "the list belongs to another file, or is out of order."
            )
        stop = next((i for i in range(start + 1, len(values)) if values[i] in END_TRIGGERS), None)
        position = start + 1
        files = [row[f"wavfile_{talker}"].strip() for talker in _TALKERS]
        if _empty(files[0]) or _empty(files[1]) or _whole(row, "n_speakers", number, path) < 2:
            continue
        names = [_put(name, path, sounds, shelf) for name in files]
        end = (samples[stop] - samples[start]) if stop is not None else (found["n_times"] - samples[start] + 1)
        attended, side = _whole(row, "attend_mf", number, path), _whole(row, "attend_lr", number, path)
        if attended not in (1, 2) or side not in (1, 2):
            raise ReadError(
                f"{path}: trial {number} attends to {attended} on side {side}, wanted 1 or 2 for each; correct the list of trials."
            )
        sides = ["left" if (side == 1) == (attended == k) else "right" for k in (1, 2)]
        made.append(
            Trial(
                id=str(number),
                onset=(samples[start] - 1) / sfreq,
                duration=min(end / sfreq, *(shelf[name][1] for name in names)),
                labels={"acoustic_condition": str(_whole(row, "acoustic_condition", number, path))},
                candidates=tuple(
                    Candidate(name, where, talker) for name, where, talker in zip(names, sides, _TALKERS, strict=True)
                ),
                attended=attended,
            )
        )
    return made


def _put(name: str, path: Path, sounds: Mapping[str, Path], shelf: dict[str, tuple[Stimulus, float]]) -> str:
    """Open a WAV file when the first trial asks for it; its id is the name without suffix."""
    wav = Path(name.lower()).name
    if wav not in sounds:
        raise BadInput(f"dtu: {path.name} names {wav}, it is not below the folder; unpack AUDIO.zip beside EEG.zip.")
    identity = wav.removesuffix(".wav")
    if identity not in shelf:
        audio = open_audio(sounds[wav])
        stimulus = Stimulus(identity, audio.sample_rate, partial(load_samples, audio.path), auditory_type="competing_speech")
        shelf[identity] = (stimulus, audio.duration)
    return identity


def _whole(row: Mapping[str, str], column: str, number: int, path: Path) -> int:
    try:
        return int(float(row.get(column, "")))
    except ValueError as error:
        raise ReadError(
            f"{path}: trial {number} of the list has {row.get(column, '')!r} as {column}, wanted a number; write the list again."
        ) from error


def _empty(text: str) -> bool:
    return text.lower() in ("", "nan", "[]")


def load_scalp(path: Path, columns: Sequence[int], start: int = 0, stop: int | None = None) -> NDArray[np.float32]:
    """(64, stop - start) microvolts."""
    return load_span(read_scalp, path, (tuple(columns),), start, stop)


def _guarded(function: Any, path: Path, *arguments: Any) -> Any:
    size = present_file(path, "a .mat file").stat().st_size
    return guarded(function, path, *arguments, timeout_s=120.0 + size / 3e6, memory_bytes=20 * size + GIGABYTE)


def read_scalp(path: str, columns: list[int]) -> NDArray[np.float32]:
    """In the child: the scalp's columns of the continuous signal as channel x time."""
    return np.ascontiguousarray(only(load_mat(path, ["data"])["data"]["eeg"])[:, columns].T, dtype=np.float32)


def describe(path: str) -> dict[str, Any]:
    """In the child: rate, scalp channels and their columns, length, events, and the list of trials where it is a struct."""
    data = load_mat(path, ["data"])["data"]
    try:
        eeg, sfreq = only(data["eeg"]), float(np.ravel(data["fsample"]["eeg"])[0])
        labels, events = names(data["dim"]["chan"]["eeg"]), only(data["event"]["eeg"])
        samples, values = numbers(events["sample"]), numbers(events["value"])
    except (KeyError, TypeError, IndexError) as error:
        raise ReadError(
            f"{path}: wanted data with eeg, fsample, dim.chan and event, a field lacks ({error}); get the file again."
        ) from error
    if getattr(eeg, "ndim", 0) != 2 or len(labels) != eeg.shape[1] or len(samples) != len(values):
        raise ReadError(
            f"{path}: {len(labels)} channel names for a signal of {getattr(eeg, 'shape', 'no shape')} (samples x channels), "
            f"{len(samples)} events with {len(values)} values; get the file again."
        )
    scalp, columns = scalp_channels(path, labels)
    pieces = excerpts(lambda start, stop: eeg[start:stop, columns].T.astype(np.float64), len(scalp), len(eeg), sfreq)
    return {
        "sfreq": sfreq, "names": scalp, "columns": columns, "n_times": len(eeg), "samples": samples, "values": values,
        "notes": signal_notes(pieces, scalp, [True] * len(scalp), sfreq), "expinfo": _expinfo(path),
    }  # fmt: skip


def scalp_channels(path: str, labels: list[str]) -> tuple[list[str], list[int]]:
    """Names and columns of the 64 scalp electrodes; BioSemi's A1 to B32 go by the names of its cap."""
    if is_biosemi(labels):
        cap = dict(zip([f"{row}{k}" for row in "AB" for k in range(1, 33)], layout_positions("biosemi64"), strict=True))
        columns = [column for column, name in enumerate(labels) if name in cap]
        return [cap[labels[column]] for column in columns], columns
    known = electrode_indices(labels)
    columns = [column for column, name in enumerate(labels) if known[column] != OTHER and name not in _EARS]
    if not columns:
        raise ReadError(f"{path}: wanted the names of scalp electrodes, found {', '.join(labels[:8])}; get the file again.")
    return [labels[column] for column in columns], columns


def only(value: Any) -> Any:
    """What a cell holds, where it holds one thing."""
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value


def names(value: Any) -> list[str]:
    """Texts out of cells within cells."""
    return [text for item in value for text in names(item)] if isinstance(value, list) else [str(value).strip()]


def numbers(value: Any) -> list[int]:
    """Whole numbers out of an array, or out of a cell of single numbers."""
    values = [number for item in value for number in numbers(item)] if isinstance(value, list) else np.ravel(value).tolist()
    return [int(number) for number in values]


def _expinfo(path: str) -> list[dict[str, str]] | None:
    """The list of trials where it was saved as a struct (an array of them, or one of columns); None for a MATLAB table."""
    try:
        found = load_mat(path, ["expinfo"])["expinfo"]
    except ReadError:
        return None  # scipy gives a table no name
    if isinstance(found, dict) and set(_COLUMNS) <= set(found):
        columns = {name: _cells(found[name]) for name in _COLUMNS}
        return [dict(zip(columns, line, strict=True)) for line in zip(*columns.values(), strict=True)]
    if isinstance(found, list) and all(isinstance(row, dict) and set(_COLUMNS) <= set(row) for row in found):
        return [{name: (_cells(row[name]) or [""])[0] for name in _COLUMNS} for row in found]
    return None


def _cells(value: Any) -> list[str]:
    if isinstance(value, list):
        return [(_cells(item) or [""])[0] for item in value]
    return [str(item) for item in np.ravel(value).tolist()]

"""AV-GC-AAD: two Dutch talkers, gaze controlled (Rotaru et al. 2024), 13 listeners, one MATLAB file each at 128 Hz.

The two talkers change sides in the middle of a trial and the listener follows one of them, so attention moves to the other
side. The files hold envelopes of the attended and of the ignored talker, no sound.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from functools import lru_cache, partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mindleaf.datasets.dataset import (
    Archive,
    Dataset,
    DatasetFacts,
    Hours,
    Source,
    identifier,
    matching_files,
    numbered,
    relative_names,
)
from mindleaf.errors import ReadError
from mindleaf.montage import Montage, layout_positions
from mindleaf.reading.child import GIGABYTE, guarded
from mindleaf.reading.matfile import load_mat
from mindleaf.reading.plausible import excerpts, signal_notes
from mindleaf.reading.presence import present_file
from mindleaf.recording import Candidate, Issue, Recording, Stimulus, Trial

N_SCALP = 64
_PATTERN = "**/2024-AV-GC-AAD-sub*_preprocessed.mat"
_SUBJECT = re.compile(r"sub(\d+)_preprocessed")
_SIDES = ("left", "right")
#: Seconds of an envelope by which it is recognised in another listener's file.
_FINGERPRINT_S = 30.0


def sources(root: Path) -> Iterator[Source]:
    """One source a listener."""
    for path in sorted(matching_files(root, "avgcaad", _PATTERN), key=numbered):
        found = _SUBJECT.search(path.stem)
        if found:
            yield Source(relative_names(root, path)[0], partial(_open, root, path, found.group(1)))


def _open(root: Path, path: Path, subject: str) -> list[Recording]:
    return [_recording(root, path, subject, found) for found in _trials(path, path.stat().st_mtime_ns)]


def _recording(root: Path, path: Path, subject: str, found: dict[str, Any]) -> Recording:
    number, sfreq = str(found["number"]), found["sfreq"]
    stimuli = {
        stream: Stimulus(
            fingerprint(found[stream], sfreq), sfreq, partial(load_envelope, path, found["number"], stream), "envelope",
            "competing_speech",
        )
        for stream in ("attended", "unattended")
    }  # fmt: skip
    return Recording(
        dataset="avgcaad",
        subject=subject,
        id=identifier(("sub", subject), ("run", number)),
        run=number,
        sfreq=sfreq,
        montage=_montage(found["names"]),
        n_times=found["eeg"].shape[1],
        load=partial(load_trial, path, found["number"]),
        stimuli=tuple(stimuli.values()),
        trials=_halves(found, stimuli),
        issues=tuple(Issue(note["code"], note["message"]) for note in found["notes"]),
        source_files=relative_names(root, path),
    )


def _halves(found: dict[str, Any], stimuli: dict[str, Stimulus]) -> tuple[Trial, ...]:
    """The trial before and after the talkers change sides. Candidates are in the order left, right."""
    end = min(found["eeg"].shape[1], len(found["attended"]), len(found["unattended"])) / found["sfreq"]
    borders = [0.0, *(second for second in found["switches"] if 0.0 < second < end), end]
    first, trials = _SIDES.index(found["first_side"]), []
    for k, (onset, stop) in enumerate(pairwise(borders)):
        side = (first + k) % 2
        streams = ["unattended", "unattended"]
        streams[side] = "attended"
        candidates = tuple(Candidate(stimuli[stream].id, name, "", onset) for stream, name in zip(streams, _SIDES, strict=True))
        labels = {"condition": found["condition"], "attended_side": _SIDES[side]}
        trials.append(Trial(f"{found['number']}{chr(ord('a') + k)}", onset, stop - onset, labels, candidates, side + 1))
    return tuple(trials)


def fingerprint(envelope: NDArray[np.float32], sfreq: float) -> str:
    """A name made of what is heard: listeners heard the same talks on other sides and in another order."""
    start = envelope[: int(_FINGERPRINT_S * sfreq)].astype(float)
    top = np.abs(start).max(initial=0.0) or 1.0
    return "env-" + hashlib.sha256(np.round(1000 * start / top).astype("<i2").tobytes()).hexdigest()[:12]


def _montage(names: list[str]) -> Montage:
    places = layout_positions("biosemi64")
    return Montage.from_names(names, [places.get(name, np.full(3, np.nan)) for name in names])[0]


def load_trial(path: Path, number: int, start: int = 0, stop: int | None = None) -> NDArray[np.float32]:
    """(64, stop - start) microvolts of a trial, counted from 1."""
    return _found(path, number)["eeg"][:, start:stop].copy()


def load_envelope(path: Path, number: int, stream: str) -> NDArray[np.float32]:
    """Envelope of the "attended" or "unattended" talker of a trial; small negative values of filtering become zero."""
    return np.maximum(_found(path, number)[stream], 0.0)


def _found(path: Path, number: int) -> dict[str, Any]:
    present_file(path, "a .mat file")
    return next(trial for trial in _trials(path, path.stat().st_mtime_ns) if trial["number"] == number)


@lru_cache(maxsize=1)
def _trials(path: Path, modified_ns: int) -> list[dict[str, Any]]:
    """A version 5 file is read as a whole, so the last one read is kept (160 MB)."""
    size = present_file(path, "a .mat file").stat().st_size
    return guarded(read_trials, path, timeout_s=60.0 + size / 5e6, memory_bytes=20 * size + GIGABYTE)


def read_trials(path: str) -> list[dict[str, Any]]:
    """In the child: every trial's EEG (64, time), envelopes, sides and condition."""
    mat = load_mat(path, ["data", "fs", "conditionID", "initAttention", "randomization", "stimulus", "metadata"])
    data = mat["data"] if isinstance(mat["data"], list) else [mat["data"]]
    return [_described(path, mat, k, np.asarray(eeg, np.float32).T) for k, eeg in enumerate(data)]


def _described(path: str, mat: dict[str, Any], k: int, signal: NDArray[np.float32]) -> dict[str, Any]:
    try:
        sfreq = float(np.ravel(mat["fs"])[0])
        side = str(_item(mat["initAttention"], k)).strip().lower()
        switches = _item(mat["randomization"], k).get("switch_times")
        stimulus = mat["stimulus"]
        streams = {
            name: np.asarray(_item(stimulus[f"{name}Envelopes"], k), np.float32).ravel() for name in ("attended", "unattended")
        }
        names = _names(_item(mat["metadata"], k))
        condition = re.sub(r"\d+$", "", str(_item(mat["conditionID"], k)).strip())
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        raise ReadError(f"{path}: trial {k + 1} lacks a field ({error}); get the file again from its source.") from error
    if side not in _SIDES or signal.ndim != 2 or len(signal) < len(names):
        raise ReadError(f"{path}: trial {k + 1} has {signal.shape} values and attention {side!r}; get the file again.")
    eeg = signal[: len(names)]
    pieces = excerpts(lambda start, stop: eeg[:, start:stop].astype(float), len(eeg), eeg.shape[1], sfreq)
    times = np.sort(np.ravel(switches).astype(float)) if isinstance(switches, np.ndarray) else np.empty(0)
    return {
        "number": k + 1, "eeg": eeg, "sfreq": sfreq, "names": names, "first_side": side, "condition": condition,
        "switches": times[np.isfinite(times)].tolist(), **streams,
        "notes": signal_notes(pieces, names, [True] * len(names), sfreq),
    }  # fmt: skip


def _item(values: Any, k: int) -> Any:
    """Item k of a cell or struct array; MATLAB drops the array around a single one."""
    return values[k] if isinstance(values, list) else values


def _names(metadata: dict[str, Any]) -> list[str]:
    """The scalp channels: the first 64; four electrodes at the eyes follow them."""
    channels = metadata["FileHeader"]["Channels"]
    labels = [str(channel["Label"]).strip() for channel in (channels if isinstance(channels, list) else [channels])]
    if len(labels) < N_SCALP:
        raise ValueError(f"{len(labels)} channel labels")
    return labels[:N_SCALP]


DATASET = Dataset(
    facts=DatasetFacts(
        name="avgcaad",
        title="Audiovisual, Gaze-controlled Auditory Attention Decoding Dataset KU Leuven (AV-GC-AAD)",
        citation="Rotaru I, Geirnaert S, Heintz N, Van de Ryck I, Bertrand A, Francart T (2024). What are we really decoding? "
        "Unveiling biases in EEG-based decoding of the spatial focus of auditory attention. J Neural Eng 21, 016017.",
        licence="as stated on the Zenodo record",
        access="open",
        n_subjects=13,
        n_recordings=104,
        n_channels=64,
        sfreq=128.0,
        hours=13 * 80.0 / 60.0,
        reference="as preprocessed by the authors",
        line_frequency=50.0,
        paradigm="auditory attention to one of two talkers, with and without video",
        files=("2024-AV-GC-AAD-sub??_preprocessed.mat",),
        url="https://zenodo.org/records/11058711",
        stimuli="envelopes at 128 Hz of the attended and the ignored talker of each trial, from its first sample; an envelope is named "
        "by its first 30 s, so that the same talk has one name for every listener",
        exclusions=(
            ("subjects 2, 5 and 6", "not published: they did not agree to it"),
            ("the four electrodes at the eyes", "not EEG"),
        ),
        counted=(Hours("13 listeners, 8 trials of 10 min", 104, 600.0),),
        archives=(Archive("zenodo", "11058711", ("*_preprocessed.mat",)),),
        notes=(
            "Sound is not published: envelope encoders only.",
            "A trial is cut where the talkers change sides (about 300 s): 1a and 1b are the two halves of trial 1. Both halves play the "
            "same talks, so keep them on one side of a split.",
            "Made to show that spatial decoders can live on eye movements: conditions differ in where the eyes go.",
        ),
        unverified=(
            "the files themselves: fields are taken from three public readers that agree",
            "that all listeners have eight trials (public code says listener 14 lacks one)",
            "that the attended envelope is one talker throughout and the sides change at switch_times",
            "that equal talks have equal envelopes in the files of two listeners, on which their names rest",
            "the unit, taken as microvolts as the file headers say, and the channel order",
        ),
    ),
    sources=sources,
)

"""DTU as preprocessed by its authors: S1_data_preproc.mat, 60 trials of 50 s at 64 Hz with two envelopes each."""

from __future__ import annotations

import hashlib
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mindleaf.datasets.dataset import identifier, relative_names
from mindleaf.datasets.dtu_raw import names, numbers, only, scalp_channels
from mindleaf.errors import ReadError
from mindleaf.montage import Montage
from mindleaf.reading.child import GIGABYTE, guarded
from mindleaf.reading.matfile import load_mat
from mindleaf.reading.plausible import signal_notes
from mindleaf.reading.presence import present_file
from mindleaf.recording import Candidate, Issue, Recording, Stimulus, Trial

_TALKERS = ("male", "female")


def open_subject(root: Path, path: Path, subject: str) -> list[Recording]:
    """One recording a trial; the man's envelope is candidate 1, the woman's candidate 2."""
    return [_recording(root, path, subject, found) for found in _trials(path, path.stat().st_mtime_ns)]


def _recording(root: Path, path: Path, subject: str, found: dict[str, Any]) -> Recording:
    number, attended = found["number"], found["attended"]
    # The file puts the attended envelope first (wavA): the talker tells which is whose.
    waves = ("wavA", "wavB") if attended == 1 else ("wavB", "wavA")
    stimuli = tuple(
        Stimulus(
            f"{talker}-{_digest(found[wave])}",
            found["sfreq"],
            partial(load_envelope, path, number, wave),
            "envelope",
            "competing_speech",
        )
        for talker, wave in zip(_TALKERS, waves, strict=True)
    )
    n_times = found["eeg"].shape[1]
    candidates = tuple(Candidate(stimulus.id, "", talker) for stimulus, talker in zip(stimuli, _TALKERS, strict=True))
    return Recording(
        dataset="dtu",
        subject=subject,
        id=identifier(("sub", subject), ("run", str(number))),
        run=str(number),
        sfreq=found["sfreq"],
        montage=Montage.from_names(found["names"])[0],
        n_times=n_times,
        load=partial(load_trial, path, number),
        stimuli=stimuli,
        trials=(Trial(str(number), 0.0, n_times / found["sfreq"], candidates=candidates, attended=attended),),
        issues=tuple(Issue(note["code"], note["message"]) for note in found["notes"]),
        source_files=relative_names(root, path),
    )


def _digest(envelope: NDArray) -> str:
    """Ten digits that are equal for equal envelopes: the file does not name its stories."""
    return hashlib.sha256(np.round(envelope, 5).astype("<f4").tobytes()).hexdigest()[:10]


def load_trial(path: Path, number: int, start: int = 0, stop: int | None = None) -> NDArray[np.float32]:
    """(64, stop - start) microvolts of a trial, counted from 1."""
    return _trials(path, path.stat().st_mtime_ns)[number - 1]["eeg"][:, start:stop].copy()


def load_envelope(path: Path, number: int, wave: str) -> NDArray[np.float32]:
    """(n_samples,) envelope; the small negative values that resampling left become zero."""
    return np.maximum(_trials(path, path.stat().st_mtime_ns)[number - 1][wave], 0.0)


@lru_cache(maxsize=1)
def _trials(path: Path, modified_ns: int) -> list[dict[str, Any]]:
    """A version 5 file is one compressed block, so the last one read is kept (50 MB)."""
    size = present_file(path, "a .mat file").stat().st_size
    return guarded(read_trials, path, timeout_s=60.0 + size / 5e6, memory_bytes=20 * size + GIGABYTE)


def read_trials(path: str) -> list[dict[str, Any]]:
    """In the child: scalp signals, envelopes and the attended talker (1 man, 2 woman) of each trial."""
    data = load_mat(path, ["data"])["data"]
    try:
        sfreq = float(np.ravel(data["fsample"]["eeg"])[0])
        labels = data["dim"]["chan"]["eeg"]
        labels = names(labels[0] if isinstance(labels[0], list) else labels)
        events, signals, waves = data["event"]["eeg"], data["eeg"], {wave: data[wave] for wave in ("wavA", "wavB")}
        attended = [numbers(only(event["value"]))[0] for event in (events if isinstance(events, list) else [events])]
    except (KeyError, TypeError, IndexError) as error:
        raise ReadError(
            f"{path}: wanted data with eeg, wavA, wavB, fsample, dim.chan and event, a field lacks ({error}); get the file again."
        ) from error
    if len({len(signals), len(attended), len(waves["wavA"]), len(waves["wavB"])}) > 1 or not set(attended) <= {1, 2}:
        raise ReadError(
            f"{path}: {len(signals)} signals, {len(attended)} marks of the attended talker (wanted 1 or 2) and "
            f"{len(waves['wavA'])} and {len(waves['wavB'])} envelopes do not fit together; get the file again."
        )
    scalp, columns = scalp_channels(path, labels)
    described = []
    for number, (signal, talker) in enumerate(zip(signals, attended, strict=True), start=1):
        eeg = np.ascontiguousarray(np.asarray(signal)[:, columns].T, dtype=np.float32)
        described.append(
            {
                "number": number, "eeg": eeg, "sfreq": sfreq, "names": scalp, "attended": talker,
                "notes": signal_notes([eeg.astype(np.float64)], scalp, [True] * len(scalp), sfreq),
                **{wave: np.ravel(values[number - 1]).astype(np.float32) for wave, values in waves.items()},
            }
        )  # fmt: skip
    return described

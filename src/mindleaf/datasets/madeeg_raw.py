"""MAD-EEG's raw release: madeeg_raw.hdf5 [listener] (channel, sample), two YAML files, and the WAV files as they were played."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from mindleaf.datasets.dataset import identifier, relative_names
from mindleaf.datasets.madeeg_preprocessed import (
    EXCLUDED,
    FILE,
    Sequence,
    load_response,
    mixtures,
    sequence,
    stems,
    unit_of,
)
from mindleaf.errors import ReadError
from mindleaf.montage import OTHER, Montage, electrode_indices
from mindleaf.reading.audio import AudioFile, load_samples, open_audio
from mindleaf.reading.hdf5 import array_shapes
from mindleaf.reading.yaml_files import read_yaml
from mindleaf.recording import Candidate, Issue, Recording, Stimulus, Trial

_EARS = frozenset({"M1", "M2", "A1", "A2"})
#: The release has one rate; its YAML names it.
_SFREQ = 256.0


def open_subject(root: Path, subject: str) -> list[Recording]:
    """The continuous recording of a listener; a trial is one repetition of a sequence."""
    path = root / "madeeg_raw.hdf5"
    described, sequences = read_yaml(root / "madeeg_raw.yaml"), read_yaml(root / "madeeg_sequences_raw.yaml")[subject]
    shape = array_shapes(path).get(subject)
    if shape is None or len(shape) != 2 or subject not in described:
        raise ReadError(
            f"{path}: wanted an array {subject!r} of channels x samples, and its channels in madeeg_raw.yaml; get both again."
        )
    labels, sfreq = [str(name) for name in described[subject]["ch_names"]], float(described[subject].get("sfreq", _SFREQ))
    if len(labels) != shape[0]:
        raise ReadError(f"{path}: {subject} has {shape[0]} channels, madeeg_raw.yaml names {len(labels)}; get both again.")
    known = electrode_indices(labels)
    rows = tuple(row for row, name in enumerate(labels) if known[row] != OTHER and name not in _EARS)
    names = [labels[row] for row in rows]
    scale, notes = unit_of(path, subject, rows, names, shape[1], sfreq)
    shelf = _Shelf(root)
    trials = tuple(trial for key in sequences for trial in _trials(sequence(key), sequences[key], shape[1] / sfreq, sfreq, shelf))
    return [
        Recording(
            dataset="madeeg",
            subject=subject,
            id=identifier(("sub", subject)),
            sfreq=sfreq,
            montage=Montage.from_names(names)[0],
            n_times=shape[1],
            load=partial(load_response, path, subject, rows, scale),
            stimuli=tuple(shelf.stimuli.values()),
            trials=trials,
            issues=(*notes, *shelf.issues()),
            source_files=relative_names(root, path, root / "madeeg_sequences_raw.yaml", *shelf.files()),
        )
    ]


def _trials(found: Sequence, played: dict[str, Any], length_s: float, sfreq: float, shelf: _Shelf) -> Iterator[Trial]:
    if found.mixture == EXCLUDED:
        return
    try:
        onsets, wavs = [int(onset) for onset in played["n_ech"]], list(played["wav_files"])
    except (KeyError, TypeError, ValueError) as error:
        raise ReadError(
            f"madeeg: {found.key} lacks n_ech or wav_files, lists of onsets and sounds; get madeeg_sequences_raw.yaml again."
        ) from error
    if len(onsets) != len(wavs):
        raise ReadError(
            f"madeeg: {found.key} has {len(onsets)} onsets and {len(wavs)} sounds; get madeeg_sequences_raw.yaml again."
        )
    for repetition, (onset, wav) in enumerate(zip(onsets, wavs, strict=True)):
        offered = shelf.candidates(found, repetition, len(onsets), str(wav))
        if offered is None:
            continue
        candidates, duration = offered
        yield Trial(
            id=f"{found.key}_{repetition + 1}",
            onset=onset / sfreq,
            duration=min(duration, length_s - onset / sfreq),
            labels={"ensemble": found.ensemble, "spatial": found.spatial, "sequence": found.key},
            candidates=candidates,
            attended=1 + [candidate.talker for candidate in candidates].index(found.target),
        )


class _Shelf:
    """Stimuli by id, each opened once, and the sequences that found none."""

    def __init__(self, root: Path) -> None:
        self.stimuli: dict[str, Stimulus] = {}
        self._parts, self._mixtures = root / FILE, mixtures(root)
        self._sounds = {path.name: path for path in sorted(root.glob("**/*.wav"))}
        self._audio: dict[str, AudioFile] = {}
        self._lost: dict[str, None] = {}

    def candidates(
        self, found: Sequence, repetition: int, n_repetitions: int, wav: str
    ) -> tuple[tuple[Candidate, ...], float] | None:
        """Candidates of one repetition and its seconds; None, and a note, where a part's sound is not at hand."""
        if found.ensemble != "solo" and found.mixture in self._mixtures:
            place, instruments, rate, n_samples = self._mixtures[found.mixture]
            self._check(found, instruments)
            seconds = n_samples / rate / n_repetitions
            parts = stems(self._parts, place, found.mixture, list(instruments), rate)
            for part in parts:
                self.stimuli.setdefault(part.id, part)
            made = [Candidate(p.id, "", name, repetition * seconds) for p, name in zip(parts, instruments, strict=True)]
            return tuple(made), seconds
        self._check(found, found.instruments)
        solos = [f"{found.piece}_solo_{name}_{found.theme}_mono_{repetition + 1}.wav" for name in found.instruments]
        files = [wav] if found.ensemble == "solo" else solos
        if any(name not in self._sounds for name in files):
            self._lost[found.key] = None
            return None
        names = [self._put(name) for name in files]
        made = [Candidate(name, "", instrument) for name, instrument in zip(names, found.instruments, strict=True)]
        return tuple(made), min(self._audio[name].duration for name in names)

    def _check(self, found: Sequence, instruments: tuple[str, ...]) -> None:
        if found.target not in instruments:
            raise ReadError(
                f"madeeg: {found.key} has the target {found.target!r}, its instruments are {', '.join(instruments)}; get the YAML files again."
            )

    def _put(self, wav: str) -> str:
        identity = wav.removesuffix(".wav")
        if identity not in self.stimuli:
            audio = self._audio[identity] = open_audio(self._sounds[wav])
            self.stimuli[identity] = Stimulus(
                identity, audio.sample_rate, partial(load_samples, audio.path), auditory_type="music"
            )
        return identity

    def files(self) -> list[Path]:
        """The sound files that are used."""
        return [audio.path for audio in self._audio.values()]

    def issues(self) -> list[Issue]:
        """One issue where sequences were left out for want of sound."""
        if not self._lost:
            return []
        return [
            Issue(
                "stems_missing",
                f"stems_missing: {len(self._lost)} sequences left out, the isolated parts of their mixture are not at hand; "
                "put madeeg_preprocessed.hdf5 and .yaml (and stimuli.zip unpacked) beside the raw files",
            )
        ]

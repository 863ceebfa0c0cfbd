"""The stimuli a trials.tsv names: audio files, or envelopes as tables, each opened once."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from mindleaf.datasets.written_tables import WrittenTable
from mindleaf.errors import BadInput
from mindleaf.reading import audio
from mindleaf.reading.signals import open_signal
from mindleaf.recording import AuditoryType, Candidate, Stimulus

#: Envelope tables are read like signals of one channel (see ``reading.tables``).
ENVELOPE_SUFFIXES = (".csv", ".tsv", ".npy", ".npz")
_SLACK_S = 0.05


def check_stimulus_names(trials: WrittenTable) -> None:
    """Raises BadInput where a name stands for two files: an id means the same file and channel in every recording."""
    first: dict[str, str] = {}
    for line, row in enumerate(trials.rows):
        for k in range(1, 100):
            file = row.get(f"stimulus_file_{k}")
            if not file:
                break
            name = row.get(f"stimulus_{k}") or file
            if first.setdefault(name, file) != file:
                raise trials.mistake(
                    line, f"stimulus_{k}", f"{name!r} stands for another file further up; give each stimulus its own name"
                )


class StimulusShelf:
    """Stimuli by id; a file is opened when the first trial asks for it."""

    def __init__(self, trials: WrittenTable) -> None:
        self._trials = trials
        self._stimuli: dict[str, Stimulus] = {}
        self._duration: dict[str, float] = {}

    def __getitem__(self, name: str) -> Stimulus:
        return self._stimuli[name]

    def duration(self, name: str) -> float:
        return self._duration[name]

    def put(self, line: int, k: int) -> str:
        """Open stimulus ``k`` of a trial line if it is new; its id."""
        row, column = self._trials.rows[line], f"stimulus_file_{k}"
        path, channel = self._path_and_channel(line, column)
        name = row.get(f"stimulus_{k}") or row[column]
        if name in self._stimuli:
            return name
        kind = row.get(f"auditory_type_{k}") or "unknown"
        if kind not in get_args(AuditoryType):
            raise self._trials.mistake(
                line, f"auditory_type_{k}", f"wanted one of {', '.join(get_args(AuditoryType))}, got {kind!r}"
            )
        self._stimuli[name], self._duration[name] = _open(name, path, channel, kind)  # type: ignore[arg-type]
        return name

    def _path_and_channel(self, line: int, column: str) -> tuple[Path, str]:
        """``both.wav#2`` is the second channel of both.wav."""
        text, mark, channel = self._trials.rows[line][column].partition("#")
        if mark and not (channel.isdigit() and int(channel) >= 1):
            raise self._trials.mistake(
                line, column, f"wanted FILE or FILE#CHANNEL with channels counted from 1, got {text}#{channel}"
            )
        path = self._trials.path.parent / text
        if not path.exists() and not path.is_symlink():
            raise self._trials.mistake(
                line,
                column,
                f"wanted the file {text!r} in {self._trials.path.parent}, it is not there; correct the name or add the file",
            )
        return path, channel


def _open(name: str, path: Path, channel: str, kind: AuditoryType) -> tuple[Stimulus, float]:
    if path.suffix.lower() in ENVELOPE_SUFFIXES:
        file = open_signal(path)
        if len(file.channel_names) != 1:
            raise BadInput(
                f"{path}: wanted one envelope, the table has {len(file.channel_names)} columns; write one file for each."
            )
        return Stimulus(name, file.sfreq, partial(load_envelope, path), "envelope", kind), file.duration
    found = audio.open_audio(path)
    row = int(channel) - 1 if channel else None
    if row is not None and row >= found.n_channels:
        raise BadInput(f"{path}: wanted audio channel {channel}, the file has {found.n_channels}.")
    return Stimulus(name, found.sample_rate, partial(audio.load_samples, path, row), "audio", kind), found.duration


def load_envelope(path: Path) -> NDArray[np.float32]:
    """The only column of an envelope table, in its own numbers, negative values as zero."""
    return np.maximum(open_signal(path, unit="uV").load()[0], 0.0)


def candidates(trials: WrittenTable, line: int, duration: float, shelf: StimulusShelf) -> tuple[Candidate, ...]:
    """The streams a trial offers, counted from 1 without a gap. Raises BadInput where audio ends before its trial does."""
    row, offered = trials.rows[line], []
    numbers = [k for k in range(1, 100) if row.get(f"stimulus_file_{k}") or row.get(f"stimulus_{k}")]
    for position, k in enumerate(numbers, start=1):
        if k != position:
            raise trials.mistake(
                line,
                f"stimulus_file_{position}",
                f"stimulus {k} is there, stimulus {position} is not; count from 1 without a gap",
            )
        if not row.get(f"stimulus_file_{k}"):
            raise trials.mistake(
                line,
                f"stimulus_file_{k}",
                f"wanted the file of stimulus {row[f'stimulus_{k}']!r}, the cell is empty; name the file",
            )
        offset_column = next((name for name in (f"audio_offset_s_{k}", "audio_offset_s") if row.get(name)), "")
        offset = trials.number(line, offset_column) if offset_column else 0.0
        name = shelf.put(line, k)
        if offset + duration > shelf.duration(name) + _SLACK_S:
            raise trials.mistake(
                line,
                f"stimulus_file_{k}",
                f"{name!r} lasts {shelf.duration(name):.2f} s, the trial needs it from {offset:g} s to {offset + duration:g} s; "
                "shorten the trial or give the whole audio",
            )
        offered.append(Candidate(name, row.get(f"side_{k}", ""), row.get(f"talker_{k}", ""), offset))
    return tuple(offered)

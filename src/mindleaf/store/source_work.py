"""The unit of parallel work: one source, its recordings and stimuli, into the store."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mindleaf.errors import BadInput, ReadError
from mindleaf.recording import Recording
from mindleaf.store.files import CannotWrite
from mindleaf.store.lock import check_run
from mindleaf.store.recording_entry import StoreConfig, recording_entry
from mindleaf.store.stimulus_entry import stimulus_entry


class SourceLike(Protocol):
    """Files that are opened together. ``open`` is sent to other processes and machines, so it must pickle there."""

    @property
    def name(self) -> str: ...

    @property
    def open(self) -> Callable[[], Iterable[Recording]]: ...


@dataclass(frozen=True)
class Given:
    """A source of one recording that is open already."""

    recording: Recording

    @property
    def name(self) -> str:
        return self.recording.id

    def open(self) -> tuple[Recording]:
        return (self.recording,)


@dataclass(frozen=True)
class Work:
    """One source, and what a worker must know to prepare it. ``token``: the run, see ``store.lock``."""

    source: SourceLike
    out: Path
    root: Path | None
    config: StoreConfig
    token: str

    @property
    def name(self) -> str:
        return self.source.name


@dataclass(frozen=True)
class Outcome:
    """What became of one source. ``damage``: the sentence that says why it could not be prepared, "" where it was.

    ``n_bytes`` of signal were written or found in place; ``n_unchanged`` of the recordings lay there already.
    """

    source: str
    recordings: tuple[dict, ...] = ()
    stimuli: tuple[dict, ...] = ()
    n_unchanged: int = 0
    n_bytes: int = 0
    damage: str = ""


def prepare_source(work: Work) -> Outcome:
    """Prepare one source; each recording is whole in the store before the next one begins.

    Damage to the source ends in the outcome; CannotWrite and errors of the program are raised.
    """
    check_run(work.out, work.token)
    entries: list[dict] = []
    stimuli: dict[tuple[str, str], dict] = {}
    n_unchanged = 0
    try:
        for recording in work.source.open():
            entry, unchanged = recording_entry(recording, work.out, work.config, work.root)
            entries.append(entry)
            n_unchanged += unchanged
            for stimulus in recording.stimuli:
                found = stimulus_entry(stimulus, work.out, work.token)
                stimuli[found["id"], found["sha256"]] = found
    except CannotWrite:
        raise
    except BadInput as error:
        return Outcome(work.name, damage=str(error))
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EROFS):
            raise
        return Outcome(work.name, damage=str(_unreadable(work.name, error)))
    return Outcome(work.name, tuple(entries), tuple(stimuli.values()), n_unchanged, sum(map(_n_bytes, entries)))


def _unreadable(name: str, error: OSError) -> ReadError:
    return ReadError(f"{name}: reading failed ({error.strerror or type(error).__name__}); check the disk, or get the file again.")


def _n_bytes(entry: dict) -> int:
    return entry["n_times"] * len(entry["channel_names"]) * (2 if entry["dtype"] == "int16" else 4)

"""Recording: one continuous signal and what happened in it. Microvolts inside, always."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mindleaf.errors import BadInput
from mindleaf.montage import Montage

AuditoryType = Literal["speech", "competing_speech", "music", "other", "unknown"]


@dataclass(frozen=True)
class Issue:
    """Something a reader noticed: a machine-readable code and one sentence for people."""

    code: str
    message: str


@dataclass(frozen=True)
class Event:
    """A mark in a recording. ``onset`` and ``duration`` in seconds from the recording's first sample."""

    onset: float
    duration: float
    label: str


@dataclass(frozen=True)
class Stimulus:
    """The thing presented, under its own id.

    ``load()`` gives a mono float32 array of shape (n_samples,) at ``sample_rate`` Hz: a waveform in [-1, 1] where
    ``kind`` is "audio", a non-negative amplitude envelope where it is "envelope".
    """

    id: str
    sample_rate: float
    load: Callable[[], NDArray[np.float32]]
    kind: Literal["audio", "envelope"] = "audio"
    auditory_type: AuditoryType = "unknown"


@dataclass(frozen=True)
class Candidate:
    """One stream a listener could attend to during a trial.

    ``offset`` is the second of the stimulus that plays at the trial's onset.
    """

    stimulus: str
    side: str = ""
    talker: str = ""
    offset: float = 0.0


@dataclass(frozen=True)
class Trial:
    """The smallest thing a split may separate. ``onset`` and ``duration`` in seconds of the recording.

    ``labels`` maps column names to values ("label" is the default column); ``attended`` is the 1-based number of
    the attended candidate, 0 where there is none.
    """

    id: str
    onset: float
    duration: float
    labels: Mapping[str, str] = field(default_factory=dict)
    candidates: tuple[Candidate, ...] = ()
    attended: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.attended <= len(self.candidates):
            raise BadInput(
                f"trial {self.id}: attended must be 1..{len(self.candidates)} (or 0 for none), got {self.attended}; "
                "count candidates from 1."
            )


@dataclass(frozen=True)
class Recording:
    """One continuous EEG signal of one subject, read lazily.

    ``load(start, stop)`` gives samples start to stop (all without arguments) as (n_channels, stop - start), float32 or
    float64, in microvolts, rows in the order of ``montage.names``. ``id`` is unique within the dataset. ``facts`` of a dataset do not sit here.
    """

    dataset: str
    subject: str
    id: str
    sfreq: float
    montage: Montage
    n_times: int
    load: Callable[..., NDArray[np.floating]]
    session: str = ""
    run: str = ""
    events: tuple[Event, ...] = ()
    stimuli: tuple[Stimulus, ...] = ()
    trials: tuple[Trial, ...] = ()
    issues: tuple[Issue, ...] = ()
    source_files: tuple[str, ...] = ()

    @property
    def channel_names(self) -> tuple[str, ...]:
        return self.montage.names

    @cached_property
    def signal(self) -> NDArray[np.floating]:
        """The signal, channels x time, microvolts. Raises BadInput where the file disagrees with its header."""
        signal = self.load()
        if signal.shape != (len(self.montage.names), self.n_times):
            raise BadInput(
                f"recording {self.id}: wanted {len(self.montage.names)} channels x {self.n_times} samples, "
                f"got {signal.shape}; the file and its header disagree."
            )
        return signal

    def __repr__(self) -> str:
        return (
            f"Recording({self.id}: {len(self.channel_names)} channels x {self.n_times / self.sfreq:.1f} s at "
            f"{self.sfreq:g} Hz, {len(self.trials)} trials, {len(self.stimuli)} stimuli)"
        )

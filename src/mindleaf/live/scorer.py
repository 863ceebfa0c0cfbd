"""What the decoder asks of a model: a callable that scores candidates on one window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import NDArray

from mindleaf.preprocessing.pipeline import Pipeline

#: Sound as it is, for models with ears of their own.
WAVEFORM = Pipeline(name="waveform", band=None, sfreq=16_000.0)


@dataclass(frozen=True, eq=False)
class Heard:
    """One window. ``eeg``: microvolts after the scorer's pipeline, zeros where a channel is not ``usable``."""

    eeg: Float[np.ndarray, "channel time"]
    usable: Bool[np.ndarray, " channel"]
    sound: Float[np.ndarray, "candidate time"]


class Scorer(Protocol):
    """A model bound to one EEG stream.

    eeg, sound   what the two streams go through (causally) before they are scored
    power        the amplitude of audio is raised to this power first, which makes it an envelope; None: the waveform itself
    used         which channels of the stream it reads
    """

    @property
    def name(self) -> str: ...
    @property
    def window_s(self) -> float: ...
    @property
    def eeg(self) -> Pipeline: ...
    @property
    def sound(self) -> Pipeline: ...
    @property
    def power(self) -> float | None: ...
    @property
    def used(self) -> NDArray[np.bool_]: ...

    def __call__(self, heard: Heard) -> Float[np.ndarray, " candidate"]: ...

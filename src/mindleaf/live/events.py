"""What the decoder says. Everything is immutable, so that any number of readers may hold it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray


class State(StrEnum):
    """Where the decoder stands."""

    STARTING = "starting"  # the first window is not complete
    RUNNING = "running"
    NO_DECISION = "no decision"  # windows are complete, but something in them forbids an answer
    STALE = "stale"  # no EEG comes
    RECOVERING = "recovering"  # EEG comes again, a window without a gap is not complete


@dataclass(frozen=True)
class StateChanged:
    """``at``: the clock that was handed to ``step``."""

    at: float
    state: State
    reason: str


@dataclass(frozen=True)
class Decision:
    """The answer of one window.

    number        counts every window that was due, decided or not
    stop          second at which the window ends, on the source's clock; it begins ``window_s`` earlier
    scores        what the scorer gave each candidate; zeros without a decision
    probability   of each candidate by this window alone; equal without a decision
    belief        of each candidate after smoothing over windows
    choice        number of the candidate that stands, from 0; -1: no decision, and ``reason`` says why
    channels      for each EEG channel why it was left out of this window; "" where it was used
    at            the clock that was handed to ``step``
    """

    number: int
    stop: float
    scores: tuple[float, ...]
    probability: tuple[float, ...]
    belief: tuple[float, ...]
    choice: int
    reason: str
    channels: tuple[str, ...]
    at: float = field(compare=False)


@dataclass(frozen=True)
class Gap:
    """``lost`` samples of a stream did not come; ``stamp``: of the first sample after them."""

    kind: str
    lost: int
    stamp: float


@dataclass(frozen=True)
class Refused:
    """Samples that were not read, and why."""

    kind: str
    n_samples: int
    reason: str


@dataclass(frozen=True, eq=False)
class Frames:
    """What was made of a stream since the last step, for drawing: (frame, channel) at ``rate`` Hz, the first at ``stamp``."""

    kind: str
    stamp: float
    rate: float
    values: NDArray[np.float32] = field(repr=False)


@dataclass(frozen=True)
class Mark:
    """Something a person or a source says happened: a mark, a switch of attention (``label`` "attend:NAME")."""

    at: float
    label: str


Event = StateChanged | Decision | Gap | Refused | Frames | Mark


@dataclass(frozen=True)
class Account:
    """Samples of one stream: received + lost + refused = sent. ``repeated`` came twice and were read once."""

    received: int = 0
    lost: int = 0
    refused: int = 0
    repeated: int = 0

    @property
    def sent(self) -> int:
        return self.received + self.lost + self.refused

"""Where blocks come from. A source owns the clock that the decoder is handed."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from typing import Protocol

from mindleaf.errors import BadInput
from mindleaf.live.events import Mark
from mindleaf.live.stream import Block, StreamInfo

Item = Block | Mark
#: How long a source waits for something to come before it hands back nothing: the session looks at the clock that often.
TICK_S = 0.05


class Source(Protocol):
    """``take`` waits for at most TICK_S; [] where nothing came, None at the end. ``attend`` turns a listener where one can be turned."""

    name: str
    eeg: StreamInfo
    sound: StreamInfo

    def clock(self) -> float: ...

    def take(self) -> list[Item] | None: ...

    def attend(self, candidate: int) -> None: ...

    def close(self) -> None: ...


class Paced:
    """A finite or endless iterator of blocks, handed out when the clock has passed their last sample.

    items   blocks in the order in which they end, and marks; made as they are asked for
    speed   1 as recorded; inf: as fast as they can be read, the clock then stands at the newest block's end
    turn    called with the number of the candidate to turn to; None: nobody can be turned
    """

    def __init__(
        self, name: str, eeg: StreamInfo, sound: StreamInfo, items: Iterable[Item], speed: float = 1.0,
        turn: Callable[[int], None] | None = None,
    ) -> None:  # fmt: skip
        if not speed > 0:
            raise BadInput(f"--speed wants a number above 0, got {speed:g}; 1 is the speed of recording.")
        self.name, self.eeg, self.sound = name, eeg, sound
        self._items, self._speed, self._turn = iter(items), speed, turn
        self._next: Item | None = None
        self._ended, self._begun_at, self._start, self._latest = False, math.nan, 0.0, 0.0

    def clock(self) -> float:
        if self._speed == math.inf or math.isnan(self._begun_at):
            return self._latest
        return self._start + (time.monotonic() - self._begun_at) * self._speed

    def take(self) -> list[Item] | None:
        due: list[Item] = []
        give_up = time.monotonic() + TICK_S
        while self._fetch():
            assert self._next is not None
            wait = self._due(self._next) - self.clock()
            if wait <= 0 or self._speed == math.inf:
                self._latest = max(self._latest, self._due(self._next))
                due.append(self._next)
                self._next = None
                if self._speed == math.inf or time.monotonic() > give_up:
                    return due
            elif due or time.monotonic() >= give_up:
                return due
            else:
                time.sleep(min(wait / self._speed, max(give_up - time.monotonic(), 0.0)))
        return due or None

    def attend(self, candidate: int) -> None:
        if self._turn is None:
            raise BadInput(f"{self.name} is a recording: nobody listens who could be turned.")
        self._turn(candidate)

    def close(self) -> None:
        self._ended = True

    def _fetch(self) -> bool:
        """Have the next item at hand; False at the end."""
        if self._next is None and not self._ended:
            self._next = next(self._items, None)
            self._ended = self._next is None
            if self._next is not None and math.isnan(self._begun_at):
                start = self._next.stamp if isinstance(self._next, Block) else self._next.at
                self._begun_at, self._start, self._latest = time.monotonic(), start, start
        return self._next is not None and not (self._ended and self._next is None)

    @staticmethod
    def _due(item: Item) -> float:
        return item.at if isinstance(item, Mark) else item.stamp + len(item.samples) / item.info.sfreq

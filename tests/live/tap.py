"""A source that is listened in on: which samples came, by the number that channel 0 of the EEG carries."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Sequence

import numpy as np

from mindleaf.live.events import Decision, Event, Gap, StateChanged
from mindleaf.live.session import Reader
from mindleaf.live.source import Item, Source
from mindleaf.live.stream import Block


class Tap:
    """Hands on what ``source`` hands out. ``came``: of each EEG block its number as told, as counted by the sender, and its length.

    ``digest``: of all samples by kind of stream, in the order in which they came.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self.name, self.eeg, self.sound = source.name, source.eeg, source.sound
        self.clock, self.attend, self.close = source.clock, source.attend, source.close
        self.came: list[tuple[int, int, int]] = []
        self.digest = {"eeg": 0, "audio": 0}
        self.n_samples = {"eeg": 0, "audio": 0}

    def take(self) -> list[Item] | None:
        items = self._source.take()
        for item in items or ():
            if isinstance(item, Block) and item.info.kind in self.digest:
                samples = np.ascontiguousarray(item.samples, np.float32)
                self.digest[item.info.kind] = zlib.crc32(samples.tobytes(), self.digest[item.info.kind])
                self.n_samples[item.info.kind] += len(samples)
                if item.info.kind == "eeg":
                    self._counted(item)
        return items

    def _counted(self, block: Block) -> None:
        numbers = np.asarray(block.samples[:, 0])
        assert np.array_equal(np.diff(numbers), np.ones(len(numbers) - 1)), "samples within a block are not those that were sent"
        self.came.append((block.first, int(numbers[0]), len(numbers)))

    def unaccounted(self, received: int, lost: int) -> int:
        """Samples that were sent between the first and the last that came and are neither received nor lost, or numbered wrongly."""
        (_, first, _), (_, last, n) = self.came[0], self.came[-1]
        begin = self.came[0][0] - first
        misnumbered = sum(abs(told - counted - begin) > 0 for told, counted, _ in self.came)
        return abs(last + n - first - received - lost) + misnumbered


class Followed:
    """All events of a session so far, and waiting for one of them."""

    def __init__(self, reader: Reader) -> None:
        self._reader, self.events = reader, list[Event]()

    def until(self, wanted: Callable[[Event], bool], patience_s: float = 30.0) -> Event:
        """The first event from now on that is wanted."""
        give_up = time.monotonic() + patience_s
        while time.monotonic() < give_up:
            fresh = self._reader.get(timeout=0.05)
            self.events += fresh
            if found := next((event for event in fresh if wanted(event)), None):
                return found
        states = [f"{e.at:.1f} {e.state} {e.reason}" for e in self.events if isinstance(e, StateChanged)]
        raise AssertionError(f"waited {patience_s:g} s in vain; last {states[-5:]}")

    def rest(self) -> list[Event]:
        self.events += self._reader.get()
        return self.events


def across(events: Sequence[Event], window_s: float) -> int:
    """Answers whose window reaches over a gap of the EEG."""
    gaps = np.array([event.stamp for event in events if isinstance(event, Gap) and event.kind == "eeg"])
    stops = np.array([event.stop for event in events if isinstance(event, Decision) and event.choice >= 0])
    # Stamps follow the stream's clock within milliseconds.
    inside = (stops[:, None] > gaps + 0.01) & (stops[:, None] - window_s < gaps - 0.01)
    return int(inside.sum())

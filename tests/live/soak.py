"""Hours of a stream through LSL, sent faster than life: memory, handles, and whether every due window was decided, once, rightly."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass

import numpy as np
import psutil

from mindleaf.live.decoder import Decoder
from mindleaf.live.events import Decision
from mindleaf.live.lsl import LSLSource
from mindleaf.live.scorer import Scorer
from mindleaf.live.session import Session
from mindleaf.live.settings import LiveConfig
from mindleaf.live.source import Item, Source
from mindleaf.live.stream import Block
from tests.live.outlet import Amplifier, go, told

#: Every so many stream seconds memory and handles are looked at; the first look is at this one, too: what is made once is made by then.
LOOK_S = 300.0


class OneByOne:
    """A source whose clock stands at the end of the newest block, as a replay's does at ``--speed inf``: it may run faster than life."""

    def __init__(self, source: Source) -> None:
        self._source, self._waiting, self._now = source, deque[Item](), 0.0
        self.name, self.eeg, self.sound = source.name, source.eeg, source.sound
        self.attend, self.close = source.attend, source.close
        self.behind = 0

    def clock(self) -> float:
        return self._now

    def take(self) -> list[Item] | None:
        if not self._waiting:
            self._waiting.extend(self._source.take() or [])
            self.behind = max(self.behind, len(self._waiting))
        if not self._waiting:
            return []
        item = self._waiting.popleft()
        if isinstance(item, Block):
            self._now = max(self._now, item.stamp + len(item.samples) / item.info.sfreq)
        return [item]


@dataclass(frozen=True)
class Soaked:
    """Of one run: windows that were decided, decided rightly and due; what was sent and accounted for; growth after the first look."""

    seconds: float
    decided: int
    right: int
    due: int
    sent: tuple[int, ...]
    accounted: tuple[int, ...]
    lost: int
    mb_per_hour: float
    grown_mb: float
    handles: tuple[int, int]
    wall_s: float


def soaked(name: str, stream_s: float, speed: float, scorer: type | None, channels: tuple[str, ...], sound_hz: float) -> Soaked:
    """Run ``stream_s`` seconds at ``speed``; ``scorer(channels)`` hears them, once a second."""
    config = LiveConfig(hop_s=1.0, slope=5.0)
    # A second more than the last window needs: what it waits for is there.
    process = Amplifier(name, channels, 128.0, f"{name}-sound", sound_hz, seconds=stream_s + 1, speed=speed).start()
    go(process)
    source: Source = LSLSource(name, f"{name}-sound")
    if speed != 1.0:
        source = OneByOne(source)
    made: Scorer = scorer(source.eeg.channels)  # type: ignore[misc]
    session = Session(source, Decoder(made, source.eeg, source.sound, config))
    reader, me, looks, begun = session.subscribe(100_000), psutil.Process(), list[tuple[float, float]](), time.monotonic()
    handles, decided, right, numbers = list[int](), 0, 0, -1
    session.start()
    while process.poll() is None or time.monotonic() - last < 2.0:
        for event in reader.get(timeout=0.5):
            if isinstance(event, Decision):
                assert event.number == numbers + 1, "a window was decided twice or left out"
                numbers, decided, right = event.number, decided + (event.choice >= 0), right + (event.choice == 0)
        at = session.snapshot.accounts[0][1].received / 128 if session.snapshot.accounts else 0.0
        if at >= LOOK_S * (len(looks) + 1):
            looks.append((at / 3600, me.memory_info().rss / 1e6))
            handles.append(me.num_fds() + me.num_threads())
        if process.poll() is None:
            last = time.monotonic()
    session.stop()
    sent = told(process, "sent")["samples"]
    hours, mb = np.array(looks).T if len(looks) > 1 else (np.zeros(2), np.zeros(2))
    n_hops = session.decoder._n_hops
    return Soaked(
        stream_s, decided, right, int(stream_s) - n_hops + 1, tuple(sent),
        tuple(track.account.sent for track in (session.decoder.eeg, session.decoder.sound)),
        session.decoder.eeg.account.lost + session.decoder.sound.account.lost,
        float(np.polyfit(hours, mb, 1)[0]) if len(looks) > 1 else float("nan"), float(mb[-1] - mb[0]),
        (handles[0], handles[-1]) if handles else (0, 0), time.monotonic() - begun,
    )  # fmt: skip

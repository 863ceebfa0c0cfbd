"""Hours of a stream through LSL, sent faster than life: memory, handles, and whether every due window was decided, once, rightly."""

from __future__ import annotations

import math
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import psutil

from mindleaf.datasets.synthesis.head import CAPS
from mindleaf.live.decoder import Decoder
from mindleaf.live.events import Decision
from mindleaf.live.lsl import LSLSource
from mindleaf.live.scorer import Scorer
from mindleaf.live.session import Session
from mindleaf.live.settings import LiveConfig
from mindleaf.live.source import Item, Source
from mindleaf.live.stream import Block
from tests.live.outlet import Amplifier, go, told

CAP = CAPS[32]
#: Every so many stream seconds memory and handles are looked at; the first look is at this one, too: what is made once is made by then.
LOOK_S = 300.0


class Merged:
    """Two streams handed out block by block in the order in which they end, the clock at the end of the newest: as a replay at
    ``--speed inf``, so that they may run faster than life."""

    def __init__(self, source: Source) -> None:
        self._source, self._now, self._came = source, math.nan, time.monotonic()
        self.name, self.eeg, self.sound = source.name, source.eeg, source.sound
        self.attend, self.close = source.attend, source.close
        self._waiting: dict[str, deque[Block]] = {"eeg": deque(), "audio": deque()}

    def clock(self) -> float:
        return self._source.clock() if math.isnan(self._now) else self._now

    def take(self) -> list[Item] | None:
        eeg, audio = self._waiting.values()
        # A stream that has nothing may still send what is older than the other's, but for the end.
        if not (eeg and audio) and not ((eeg or audio) and time.monotonic() - self._came > 2.0):
            items = self._source.take() or []
            for item in items:
                if isinstance(item, Block):
                    self._waiting[item.info.kind] += _pieces(item)
            self._came = time.monotonic() if items else self._came
            return []
        block = min((queue for queue in (eeg, audio) if queue), key=lambda queue: _end(queue[0])).popleft()
        self._now = np.nanmax([self._now, _end(block)])
        return [block]


def _pieces(block: Block) -> Iterator[Block]:
    """A quarter of a second each: in haste LSL hands out many seconds at once."""
    n = max(1, round(0.25 * block.info.sfreq))
    for k in range(0, len(block.samples), n):
        yield Block(block.info, block.first + k, block.stamp + k / block.info.sfreq, block.samples[k : k + n])


def _end(block: Block) -> float:
    return block.stamp + len(block.samples) / block.info.sfreq


@dataclass(frozen=True)
class Soaked:
    """Of one run: windows due, decided and decided rightly; by stream samples sent and accounted for; growth from the first look on."""

    seconds: float
    due: int
    decided: int
    right: int
    sent: tuple[int, ...]
    accounted: tuple[int, ...]
    lost: int
    looks: int
    mb_per_hour: float
    handles: tuple[int, ...]
    wall_s: float


def soaked(name: str, stream_s: float, speed: float, scorer: Callable[[tuple[str, ...]], Scorer], sound_hz: float) -> Soaked:
    """Run ``stream_s`` seconds of 32 channels at 128 Hz at ``speed``, one window a second; ``scorer(channels)`` hears them."""
    config, begun = LiveConfig(hop_s=1.0, slope=5.0), time.monotonic()
    # A second more than the last window: what it waits for is there.
    process = Amplifier(
        name, CAP, 128.0, f"{name}-sound", sound_hz, seconds=stream_s + 1, block_s=1 / 16, speed=speed, linger_s=15.0
    ).start()
    go(process)
    source: Source = LSLSource(name, f"{name}-sound")
    made = scorer(source.eeg.channels)
    session = Session(source if speed == 1.0 else Merged(source), Decoder(made, source.eeg, source.sound, config))
    choices, looks = _watched(session, process)
    tracks = session.decoder.eeg, session.decoder.sound
    hours, mb, handles = np.array(looks).T if len(looks) > 1 else np.full((3, 2), np.nan)
    return Soaked(
        seconds=stream_s, due=int(stream_s) - math.ceil(made.window_s + config.settle_s) + 1,
        decided=sum(choice >= 0 for choice in choices), right=sum(choice == 0 for choice in choices),
        sent=tuple(told(process, "sent")["samples"]), accounted=tuple(track.account.sent for track in tracks),
        lost=sum(track.account.lost for track in tracks), looks=len(looks),
        mb_per_hour=float(np.polyfit(hours, mb, 1)[0]) if len(looks) > 1 else math.nan,
        handles=tuple(int(n) for n in handles) if len(looks) > 1 else (), wall_s=time.monotonic() - begun,
    )  # fmt: skip


def _watched(session: Session, process: subprocess.Popen[str]) -> tuple[list[int], list[tuple[float, float, int]]]:
    """Until the amplifier has ended and all is read: the choice of each window, and looks at (stream hour, MB, handles).

    No decision is kept: a day of them is 90 MB, which would be taken for growth of what is watched.
    """
    reader, me, looks, choices = session.subscribe(1_000_000), psutil.Process(), list[tuple[float, float, int]](), list[int]()
    session.start()
    # What comes late is still read: it has ended when nothing has come for a while.
    came = time.monotonic()
    while process.poll() is None or time.monotonic() - came < 5.0:
        fresh = reader.get(timeout=0.5)
        came = time.monotonic() if fresh else came
        for decision in (event for event in fresh if isinstance(event, Decision)):
            assert decision.number == len(choices), "a window was decided twice or left out"
            choices.append(decision.choice)
        at = session.snapshot.accounts[0][1].received / 128 if session.snapshot.accounts else 0.0
        if at >= LOOK_S * (len(looks) + 1):
            looks.append((at / 3600, me.memory_info().rss / 1e6, me.num_fds() + me.num_threads()))
    session.stop()
    assert reader.dropped == 0
    return choices, looks

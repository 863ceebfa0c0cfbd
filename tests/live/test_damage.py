"""Streams with everything that goes wrong at once, drawn by lot: samples lost and sent twice, blocks late and bunched up, stamps that
jitter, a clock that drifts, channels that fail. Every sample is accounted for, the output is finite, no answer reaches over a gap."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from mindleaf.live.decoder import Decoder
from mindleaf.live.events import Event, State, StateChanged
from mindleaf.live.settings import LiveConfig
from mindleaf.live.stream import Block, StreamInfo
from tests.live.promises import counted
from tests.live.streams import CHANNELS, EEG, SOUND, MeanMatch, chunks, cut, decisions, decoder, ends, follows, play
from tests.live.tap import across

CONFIG = LiveConfig(slope=5.0)
OTHER = StreamInfo("eeg", CHANNELS[::-1], 128.0)
#: How a channel fails. Rows of (time, channel) come and go.
FAULTS = {
    "NaN": lambda x: np.full_like(x, np.nan),
    "flat": lambda x: np.full_like(x, 7.0),
    "railed": lambda x: np.clip((x - 300) * 30, -90, 90),
    "a million times": lambda x: 1e6 * x,
    "1e300": lambda x: 1e300 * np.sign(x - 300),
    "infinite": lambda x: np.full_like(x, -np.inf),
}


@dataclass(frozen=True, eq=False)
class Damaged:
    """Blocks with the clock at which each arrives; ``sent`` EEG samples went out, in spans of ``bad`` no channel works."""

    arrivals: list[tuple[float, Block]]
    sent: int
    bad: list[tuple[float, float]]


def damaged(seed: int, seconds: float = 30.0) -> Damaged:
    rng = np.random.default_rng(seed)
    eeg, sound = follows(seconds, attended=seed % 2, seed=seed)
    bad = []
    for name in rng.choice(list(FAULTS), 3):
        first = int(rng.integers(0, len(eeg) - 640))
        span = slice(first, first + int(rng.integers(20, 640)))
        rows = rng.random(len(CHANNELS)) < 0.3 if rng.random() < 0.5 else np.ones(len(CHANNELS), bool)
        eeg[span, rows] = FAULTS[name](eeg[span, rows])
        bad += [(span.start / 128, span.stop / 128)] if rows.all() else []
    brain = list(cut(EEG, eeg, _edges(rng, len(eeg))))
    kept = [block for block in brain[:-1] if rng.random() > 0.01]
    kept = [replace(block, info=OTHER) if rng.random() < 0.003 else block for block in kept] + brain[-1:]
    twice = [again for block in kept for again in ([block, block] if rng.random() < 0.01 else [block])]
    jittered = [replace(block, stamp=block.stamp + rng.uniform(-0.004, 0.004)) for block in twice]
    drift, now, arrivals = 1 + rng.uniform(-2e-4, 2e-4), 0.0, []
    for block in sorted([*jittered, *cut(SOUND, sound, _edges(rng, len(sound)))], key=ends):
        stall = rng.uniform(0.9, 3.0) if rng.random() < 0.003 else rng.uniform(0, 0.7) if rng.random() < 0.02 else 0.0
        now = max(now, ends(block) * drift + stall)
        arrivals.append((now, block))
    return Damaged(arrivals, len(eeg) - kept[0].first, bad)


def _edges(rng: np.random.Generator, n: int) -> list[int]:
    return [0, *sorted(set(rng.integers(1, n, n // 10).tolist())), n]


def heard(arrivals: list[tuple[float, Block]]) -> tuple[Decoder, list[Event]]:
    """The clock is looked at twenty times a second, as the session does."""
    machine, said, tick = decoder(CONFIG), list[Event](), arrivals[0][0]
    for now, block in arrivals:
        while tick < now:
            said += machine.step(None, tick)
            tick += 0.05
        said += machine.step(block, now)
    return machine, said


@pytest.mark.parametrize("n", [20, pytest.param(400, marks=pytest.mark.slow)])
def test_whatever_comes(n):
    case = f"{n} streams of 30 s, damaged by lot"
    with (
        counted("accounted", case) as accounted, counted("damage", case) as finite, counted("gap", case) as gap,
        counted("undecided", case) as undecided, counted("calm", case) as calm,
    ):  # fmt: skip
        for seed in range(n):
            stream = damaged(1000 * n + seed)
            machine, said = heard(stream.arrivals)
            decided = decisions(said)
            accounted.add(abs(machine.eeg.account.sent - stream.sent), f"seed {seed}")
            finite.holds(bool(np.isfinite([d.scores + d.probability + d.belief for d in decided]).all()), f"seed {seed}")
            gap.add(across(said, 4.0), f"seed {seed}")
            calm.add(sum("samples a second" in e.reason for e in said if isinstance(e, StateChanged)), f"seed {seed}")
            # A bad hop spoils the windows that reach into it by more than jitter and drift.
            answered = [d.stop for d in decided if d.choice >= 0]
            undecided.add(sum(stop - 4 < b - 0.6 and stop > a + 0.6 for stop in answered for a, b in stream.bad), f"seed {seed}")


def test_stale_at_whatever_moment_the_source_goes():
    eeg, sound = follows(10)
    blocks, rng = chunks(eeg, sound, step_s=0.02), np.random.default_rng(0)
    with counted("stale", "state machine, 20 moments") as count:
        for _ in range(20):
            gone = rng.uniform(1, 8)
            before = [(ends(block), block) for block in blocks if block.info.kind == "envelope" or ends(block) <= gone]
            _, said = heard(before)
            count.add(next(e.at for e in said if isinstance(e, StateChanged) and e.state == State.STALE) - gone)


@pytest.mark.parametrize("blocks_lost", range(1, 16))
def test_lost_samples_are_not_taken_for_another_rate(blocks_lost):
    """However long the gap: blocks of a tenth of a second, so that rows of the rate watch fall on its edges."""
    eeg, sound = follows(20)
    brain = list(cut(EEG, eeg, [*range(0, len(eeg), 16), len(eeg)]))
    kept = brain[:80] + brain[80 + blocks_lost :]
    machine, said = decoder(CONFIG), list[Event]()
    for block in sorted([*kept, *cut(SOUND, sound, [*range(0, len(sound), 8), len(sound)])], key=ends):
        said += machine.step(block, ends(block))
    with counted("calm", "state machine, gaps of 1 to 15 blocks") as count:
        count.add(sum("samples a second" in e.reason for e in said if isinstance(e, StateChanged)))


class Windowed(MeanMatch):
    """The same scorer on windows of another length."""

    def __init__(self, window_s: float) -> None:
        super().__init__()
        self.window_s = window_s


@pytest.mark.parametrize("window_s", [1.0, 2.0, 4.0, 8.0])
def test_back_after_a_gap_as_soon_as_a_window_is_full(window_s):
    """A window of more than 4.4 s cannot be full within five seconds: the promise names the length that it holds for."""
    eeg, sound = follows(60)
    promise = "recovery" if window_s < 4.4 else "later"
    with counted(promise, f"state machine, windows of {window_s:g} s") as count:
        for away in (1.0, 3.3, 8.0):
            blocks = [b for b in chunks(eeg, sound) if b.info.kind == "envelope" or not 20 < ends(b) <= 20 + away]
            said = play(Decoder(Windowed(window_s), EEG, SOUND, CONFIG), blocks)
            returned = next(ends(b) - len(b.samples) / 128 for b in blocks if b.info.kind == "eeg" and ends(b) > 20)
            running = [e.at for e in said if isinstance(e, StateChanged) and e.state == State.RUNNING and e.at > returned]
            count.add(running[0] - returned - (0 if promise == "recovery" else window_s))

"""What live decoding promises, and the count behind each sentence: tests that count here write a line each.

MINDLEAF_LIVE_LOG names a file that gets one line of JSON per count, from which ``benchmarks/live_promises.py`` makes
docs/results/live/promises.md.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Promise:
    """``limit``: the highest value that keeps it, in ``unit``."""

    sentence: str
    limit: float = 0.0
    unit: str = ""


PROMISES = {
    "accounted": Promise("Every sample is accounted for: received + lost + refused = sent", 0, "samples"),
    "stale": Promise("A source that is gone is STALE within 1 s", 1.0, "s"),
    "gap": Promise("No decision reaches over a gap", 0, "decisions"),
    "recovery": Promise("Decisions are back within 5 s of its return (the window of 4 s is part of that)", 5.0, "s"),
    "later": Promise(
        "Windows of more than 4.4 s cannot be back within 5 s: they are within 1 s after their own length", 1.0, "s"
    ),
    "found": Promise("An LSL outlet that is back is found, and its first sample here, within 2.5 s", 2.5, "s"),
    "rate": Promise("A changed rate under the same id is told within 3 s", 3.0, "s"),
    "changed": Promise("Changed channel count, order, labels, unit or rate: refused, with the difference shown"),
    "damage": Promise("Drops, jitter, drift, NaN, flat, railed, a million times too large, stalls: output is always finite"),
    "undecided": Promise("Where fewer than half of the channels are usable there is no decision", 0, "decisions"),
    "calm": Promise("Jitter, drift and blocks that come late raise no alarm", 0, "alarms"),
    "batch": Promise("Stream and batch give the same decisions, however the stream is cut", 1e-5, "of a probability"),
    "replay": Promise("Real recordings replayed give the offline decisions of the causal pipeline", 1e-5, "of a probability"),
    "soak": Promise("Through LSL for hours: every due window is decided, once, and rightly", 0, "decisions"),
    "decided": Promise("Through LSL for an hour with the encoder: every due window is decided", 0, "decisions"),
    "settling": Promise("Over a short run memory settles: growth, told where less than 6 stream hours were run", 50.0, "MB/h"),
    "memory": Promise("Memory grows by less than 1 MB a stream hour", 1.0, "MB/h"),
    "handles": Promise("Open files and threads stay as many as they were", 0, "handles"),
}


@dataclass
class Count:
    """Cases tried, those that kept the promise, and the worst value seen."""

    promise: str
    case: str
    tried: int = 0
    kept: int = 0
    worst: float = 0.0
    broken: list[str] = field(default_factory=list)

    def add(self, value: float, what: str = "") -> None:
        """One case. ``value``: how far it went; kept where that is no more than the promise's limit."""
        self.tried += 1
        self.worst = max(self.worst, float(value)) if self.tried > 1 else float(value)
        if value <= PROMISES[self.promise].limit:
            self.kept += 1
        else:
            self.broken.append(f"{what or self.case}: {value:g}")

    def holds(self, kept: bool, what: str = "") -> None:
        """One case that is either kept or not."""
        self.add(0.0 if kept else 1.0, what)


class Broken(AssertionError):
    """A promise that was not kept; the other promises counted around it are not broken by that."""


@contextmanager
def counted(promise: str, case: str) -> Iterator[Count]:
    """Count cases of a promise; the line is written whatever happens, and a single broken case fails the test."""
    count = Count(promise, case)
    try:
        yield count
    except Broken:
        raise
    except BaseException as error:
        count.tried += 1
        count.broken.append(f"{type(error).__name__}: {error}"[:200])
        raise
    finally:
        if log := os.environ.get("MINDLEAF_LIVE_LOG"):
            with Path(log).open("a") as file:
                file.write(json.dumps(asdict(count)) + "\n")
    assert count.tried, f"{promise}: nothing was counted"
    if count.broken:
        raise Broken(f"{PROMISES[promise].sentence}: {count.broken[:5]}")

"""An amplifier in a process of its own: LSL streams with stamps of their own, until it has sent all or is killed.

``python -m tests.live.outlet JSON``, where the JSON is an ``Amplifier``. Sample k of a stream stands at ``epoch`` + k / sfreq,
whichever process sends it, so what was lost while nobody sent is known. Channel 0 of the EEG counts the samples (a ramp, which
the band pass takes out); every other channel follows the first candidate of the sound, in noise.
"""

from __future__ import annotations

import heapq
import json
import math
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mindleaf.live.linear import LinearConfig, LinearScorer

#: What is sent repeats after so many seconds, but for the count.
LOOP_S = 60.0


@dataclass(frozen=True)
class Amplifier:
    """``sound``: name of a second stream with the sounds of two candidates, at ``sound_hz``; "": EEG alone.

    epoch     LSL's clock at sample 0; 0: when somebody listens, and the first sample is sample 0 then
    speed     stream seconds a second; stamps are those of the stream
    linger_s  from the last block until the outlets close, for what is on its way
    rate_hz   samples a second that come after ``change``, whatever is claimed; LSL makes up all stamps where it is above 0
    """

    eeg: str
    channels: tuple[str, ...]
    sfreq: float
    sound: str = ""
    sound_hz: float = 16_000.0
    seconds: float = math.inf
    block_s: float = 1 / 32
    epoch: float = 0.0
    speed: float = 1.0
    rate_hz: float = 0.0
    unit: str = "microvolts"
    linger_s: float = 1.0

    def start(self) -> subprocess.Popen[str]:
        """The process; it opens its outlets when told to by ``go``, so that what comes then does not wait for imports."""
        command = [sys.executable, "-m", "tests.live.outlet", json.dumps(asdict(self))]
        root = Path(__file__).resolve().parents[2]
        process = subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        told(process, "ready")
        return process


def told(process: subprocess.Popen[str], word: str) -> Any:
    """The next thing the process says, which must be ``word``, and its value."""
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, f"the amplifier ended before it said {word}"
    said, value = json.loads(line)
    assert said == word, line
    return value


def go(process: subprocess.Popen[str]) -> float:
    """Open the outlets; LSL's clock when they were open."""
    return _answer(process, "open")


def change(process: subprocess.Popen[str]) -> float:
    """Go on at ``rate_hz``; LSL's clock when that began."""
    return _answer(process, "changed")


def _answer(process: subprocess.Popen[str], word: str) -> float:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()
    return float(told(process, word))


def linear(channels: tuple[str, ...]) -> LinearScorer:
    """A linear decoder that hears these streams: the mean over channels, at lag 0."""
    config = LinearConfig(channels=channels)
    weights = np.zeros((config.lags[1] - config.lags[0] + 1, len(channels)))
    weights[0] = 1.0
    return LinearScorer(config, weights, channels)


def loop(channels: tuple[str, ...], sfreq: float, sound_hz: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """One minute of EEG (time, channel) in microvolts and of sound (time, 2)."""
    rng = np.random.default_rng(0)
    slow = np.abs(np.cumsum(rng.standard_normal((round(LOOP_S * 64), 2)), axis=0) % 40 - 20)
    at = np.arange(len(slow)) / 64
    heard = np.interp(np.arange(round(LOOP_S * sfreq)) / sfreq, at, slow[:, 0])
    eeg = heard[:, None] + 10 * rng.standard_normal((len(heard), len(channels)))
    times = np.arange(round(LOOP_S * sound_hz)) / sound_hz
    sound = np.stack([np.interp(times, at, wave) for wave in slow.T], axis=1)
    return eeg.astype(np.float32), sound.astype(np.float32)


class _Sender:
    """One outlet and what it sends."""

    def __init__(self, lsl: Any, info: Any, table: NDArray[np.float32], sfreq: float, counts: bool) -> None:
        self._lsl, self.outlet, self._table, self.sfreq, self._counts = lsl, lsl.StreamOutlet(info), table, sfreq, counts
        self.sent, self.digest = 0, 0

    def send(self, first: int, last: int, stamp: float) -> None:
        """Samples first to last; ``stamp`` of the last one, 0: LSL makes it up."""
        numbers = np.arange(first, last)
        samples = self._table[numbers % len(self._table)]
        if self._counts:
            samples[:, 0] = numbers
        self.digest = zlib.crc32(samples.tobytes(), self.digest)
        self.sent += len(samples)
        self.outlet.push_chunk(samples, timestamp=stamp)


def main(amplifier: Amplifier) -> None:
    from mne_lsl import lsl

    eeg, sound = loop(amplifier.channels, amplifier.sfreq, amplifier.sound_hz)
    say("ready", None)
    sys.stdin.readline()
    info = lsl.StreamInfo(amplifier.eeg, "EEG", len(amplifier.channels), amplifier.sfreq, "float32", f"id-{amplifier.eeg}")
    info.set_channel_names(list(amplifier.channels))
    info.set_channel_units([amplifier.unit] * len(amplifier.channels))
    senders = [_Sender(lsl, info, eeg, amplifier.sfreq, counts=True)]
    if amplifier.sound:
        info = lsl.StreamInfo(amplifier.sound, "Audio", 2, amplifier.sound_hz, "float32", f"id-{amplifier.sound}")
        info.set_channel_names(["A", "B"])
        senders.append(_Sender(lsl, info, sound, amplifier.sound_hz, counts=False))
    say("open", lsl.local_clock())
    begun = amplifier.epoch or _listened(senders, lsl)
    pace = _Pace(amplifier, begun, lsl)
    for sender, first, last in blocks(senders, amplifier, lsl.local_clock() - begun if amplifier.epoch else 0.0):
        pace.wait(sender, first, last)
        sender.send(first, last, 0.0 if amplifier.rate_hz else begun + (last - 1) / sender.sfreq)
    time.sleep(amplifier.linger_s)
    say("sent", {"samples": [one.sent for one in senders], "digest": [one.digest for one in senders]})


def _listened(senders: list[_Sender], lsl: Any) -> float:
    """The clock shortly after somebody listens to every stream."""
    while not all(sender.outlet.has_consumers for sender in senders):
        time.sleep(0.01)
    time.sleep(0.5)
    return float(lsl.local_clock())


def blocks(senders: list[_Sender], amplifier: Amplifier, since_s: float) -> Iterator[tuple[_Sender, int, int]]:
    """Blocks of all streams in the order in which they end, from stream second ``since_s`` on."""
    n0 = math.ceil(since_s / amplifier.block_s)
    waiting = [((n0 + 1) * amplifier.block_s, k, n0) for k in range(len(senders))]
    while waiting:
        end, k, n = heapq.heappop(waiting)
        if end > amplifier.seconds + 1e-9:
            continue
        first, last = (round(number * amplifier.block_s * senders[k].sfreq) for number in (n, n + 1))
        yield senders[k], first, last
        heapq.heappush(waiting, ((n + 2) * amplifier.block_s, k, n + 1))


class _Pace:
    """Waits until the last sample of a block is taken; after a line on the standard input at another rate."""

    def __init__(self, amplifier: Amplifier, begun: float, lsl: Any) -> None:
        self._amplifier, self._begun, self._clock = amplifier, begun, lsl.local_clock
        self._changed, self._from = threading.Event(), (math.inf, 0.0)
        if amplifier.rate_hz:
            threading.Thread(target=self._listen, daemon=True).start()

    def wait(self, sender: _Sender, first: int, last: int) -> None:
        due = self._begun + (last - 1) / sender.sfreq / self._amplifier.speed
        if self._changed.is_set():
            if self._from[0] == math.inf:
                self._from = (first, self._clock())
                say("changed", self._from[1])
            due = self._from[1] + (last - self._from[0]) / self._amplifier.rate_hz
        while (left := due - self._clock()) > 0:
            time.sleep(left)

    def _listen(self) -> None:
        sys.stdin.readline()
        self._changed.set()


def say(word: str, value: object) -> None:
    print(json.dumps([word, value]), flush=True)


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    main(Amplifier(**{**given, "channels": tuple(given["channels"])}))

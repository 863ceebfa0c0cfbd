"""Session: a source run against a decoder in a thread of its own, watched by any number of readers.

The seam for pages and other front ends::

    session = Session(source, decoder, Recorder)   # nothing runs yet
    reader = session.subscribe()                   # before or while it runs, as many as one likes
    session.start()
    for event in reader.get(timeout=0.25): ...     # all that happened since the last call, oldest first
    session.snapshot                               # how things stand now: one immutable object, made after each step
    session.mark("door slammed"); session.attend(1); session.record(folder); session.record(None); session.stop()

Every call may come from any thread. Commands are carried out by the session's thread between two steps, so neither the source
nor the decoder is ever touched by two threads; what a command has to say arrives as an event (``Mark``) or in the snapshot
(``recording``, ``complaint``). Events and snapshots are immutable. A reader's queue is bounded: one that never reads loses
its oldest events (``reader.dropped`` counts them) and slows nothing.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Protocol

import numpy as np

from mindleaf.errors import BadInput
from mindleaf.live.decoder import Decoder
from mindleaf.live.events import Account, Decision, Event, Mark, State
from mindleaf.live.source import Item, Source

#: Steps over which the time they take is told.
_TIMED = 500


@dataclass(frozen=True)
class Snapshot:
    """How a session stands.

    now           the source's clock
    decision      the newest one
    attended      who the source says is attended (number of the candidate), where it knows; -1 elsewhere
    accounts      by kind of stream
    step_ms       median, 95th, 99th percentile and highest time of the last 500 steps: filtering, judging and scoring
    recording     folder that is written to; "" where none is
    complaint     the newest command that could not be carried out, and why; or what ended the session
    """

    source: str
    model: str
    candidates: tuple[str, ...]
    channels: tuple[str, ...]
    window_s: float
    hop_s: float
    delay_s: float
    running: bool = False
    now: float = 0.0
    state: State = State.STARTING
    reason: str = ""
    decision: Decision | None = None
    attended: int = -1
    accounts: tuple[tuple[str, Account], ...] = ()
    step_ms: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    recording: str = ""
    complaint: str = ""


class Recording(Protocol):
    """What is told of every step, in order; see ``live.record``."""

    def step(self, item: Item | None, now: float, events: list[Event]) -> None: ...

    def close(self) -> None: ...


class Reader:
    """A bounded queue of events."""

    def __init__(self, size: int) -> None:
        self._events: deque[Event] = deque(maxlen=size)
        self._ready = threading.Condition()
        self.dropped = 0

    def put(self, events: list[Event]) -> None:
        with self._ready:
            assert self._events.maxlen is not None
            self.dropped += max(0, len(self._events) + len(events) - self._events.maxlen)
            self._events.extend(events)
            self._ready.notify_all()

    def get(self, timeout: float = 0.0) -> list[Event]:
        """All that has come since the last call; waits for at most ``timeout`` seconds where nothing has."""
        with self._ready:
            self._ready.wait_for(lambda: self._events, timeout)
            events = list(self._events)
            self._events.clear()
            return events


class Session:
    """See the module. ``recorder(folder, source, decoder)`` opens a recording; None: this session cannot record."""

    def __init__(
        self, source: Source, decoder: Decoder, recorder: Callable[[Path, Source, Decoder], Recording] | None = None
    ) -> None:
        self.source, self.decoder = source, decoder
        self._recorder = recorder
        self._recording: Recording | None = None
        self._readers: tuple[Reader, ...] = ()
        self._commands: SimpleQueue[Callable[[], list[Event]]] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._times: deque[float] = deque(maxlen=_TIMED)
        self._error: BaseException | None = None
        self.snapshot = Snapshot(
            source=source.name, model=decoder.scorer.name, candidates=decoder.candidates, channels=decoder.eeg.info.channels,
            window_s=decoder.scorer.window_s, hop_s=decoder.config.hop_s, delay_s=decoder.delay_s,
            state=decoder.state, reason=decoder.reason,
        )  # fmt: skip

    def subscribe(self, size: int = 1000) -> Reader:
        reader = Reader(size)
        self._readers = (*self._readers, reader)
        return reader

    def unsubscribe(self, reader: Reader) -> None:
        self._readers = tuple(other for other in self._readers if other is not reader)

    def start(self) -> None:
        """Run in a thread until the source ends or ``stop`` is called."""
        if self._thread is not None:
            raise BadInput("this session has been started; make another one to start again.")
        self._thread = threading.Thread(target=self._run, name="live", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End it and wait until everything is closed. Raises what went wrong in the thread, if anything did."""
        self._stopping.set()
        self.wait()

    def wait(self, timeout: float | None = None) -> bool:
        """Whether it has ended within ``timeout`` seconds; raises what went wrong in the thread."""
        if self._thread is not None:
            self._thread.join(timeout)
            if self._thread.is_alive():
                return False
        if self._error is not None:
            raise self._error
        return True

    def mark(self, label: str) -> None:
        """Something happened now."""
        self._commands.put(lambda: [Mark(self.source.clock(), label)])

    def attend(self, candidate: int) -> None:
        """Turn the listener, where the source has one that can be turned."""

        def turn() -> list[Event]:
            self.source.attend(candidate)
            return [Mark(self.source.clock(), f"attend:{candidate}")]

        self._commands.put(turn)

    def record(self, folder: Path | None) -> None:
        """Record into a new folder from now on; None ends it."""
        self._commands.put(lambda: self._record(folder))

    def run(self) -> None:
        """In this thread, until the source ends or another thread calls ``stop``."""
        self._run()
        self.wait()

    def _run(self) -> None:
        try:
            self._publish([], running=True)
            while not self._stopping.is_set() and (items := self.source.take()) is not None:
                self._carry_out()
                for item in items:
                    self._step(item)
                if not items:
                    self._step(None)
            self._carry_out()
        except Exception as error:
            self._error = error
            self._publish([], complaint=str(error))
        finally:
            self.source.close()
            self._record(None)
            self._publish([], running=False)

    def _step(self, item: Item | None) -> None:
        now = self.source.clock()
        if isinstance(item, Mark):
            self._tell(item, now, [item])
            return
        if item is not None:
            # What is recorded is float32: decide from exactly that, so that a replay decides the same to the last bit.
            item = replace(item, samples=np.asarray(item.samples, np.float32))
        begun = time.perf_counter()
        events = self.decoder.step(item, now)
        if item is not None:
            self._times.append(1e3 * (time.perf_counter() - begun))
        self._tell(item, now, events)

    def _tell(self, item: Item | None, now: float, events: list[Event]) -> None:
        if self._recording is not None:
            self._recording.step(item, now, events)
        decoder, snapshot = self.decoder, self.snapshot
        decision = next((event for event in reversed(events) if isinstance(event, Decision)), snapshot.decision)
        labels = [event.label for event in events if isinstance(event, Mark) and event.label.startswith("attend:")]
        self._publish(
            events, now=now, state=decoder.state, reason=decoder.reason, decision=decision,
            attended=int(labels[-1].removeprefix("attend:")) if labels else snapshot.attended,
            accounts=tuple((track.info.kind, track.account) for track in (decoder.eeg, decoder.sound)),
        )  # fmt: skip

    def _publish(self, events: list[Event], **changed: object) -> None:
        if events and any(isinstance(event, Decision) for event in events) and self._times:
            changed["step_ms"] = tuple(np.percentile(self._times, [50, 95, 99, 100]).round(3).tolist())
        self.snapshot = replace(self.snapshot, **changed)  # type: ignore[arg-type]
        if events:
            for reader in self._readers:
                reader.put(events)

    def _carry_out(self) -> None:
        """The commands that wait; one that cannot be carried out leaves a complaint."""
        while True:
            try:
                command = self._commands.get_nowait()
            except Empty:
                return
            try:
                events = command()
            except (BadInput, OSError) as error:
                self._publish([], complaint=str(error))
                continue
            for event in events:
                self._tell(event if isinstance(event, Mark) else None, self.source.clock(), [event])

    def _record(self, folder: Path | None) -> list[Event]:
        if self._recording is not None:
            self._recording.close()
            self._recording = None
            self._publish([], recording="")
        if folder is not None:
            if self._recorder is None:
                raise BadInput("this session cannot record; give it a recorder.")
            self._recording = self._recorder(folder, self.source, self.decoder)
            self._publish([], recording=str(folder))
        return []

"""Lab Streaming Layer, in and out, through mne-lsl (whose wheel carries the library; nothing is fetched).

LSL has no authentication and cannot be confined to one machine: whoever is on the network can read these streams and offer
others under the same name. An inlet is pulled in a thread of its own, so nothing waits in LSL's buffers for a busy decoder.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np

from mindleaf.errors import BadInput
from mindleaf.live.events import Decision, Mark, StateChanged
from mindleaf.live.session import Session
from mindleaf.live.source import TICK_S, Item
from mindleaf.live.stream import Block, Kind, StreamInfo

#: A stamp that comes this much later than the samples before it promise tells of samples that were lost.
_LOST_S = 0.1
_PULL_S, _AT_ONCE = 0.02, 4096
#: After so long without a sample the network is asked whether the stream is still the one that was opened.
_SILENT_S = 1.0


def library() -> Any:
    """mne_lsl.lsl; BadInput where it is not installed."""
    try:
        from mne_lsl import lsl
    except ImportError as error:
        raise BadInput(f"LSL wants the package mne-lsl ({error}); install it with: pip install 'mindleaf[live]'.") from error
    return lsl


def stream_info(sinfo: Any, kind: Kind, unit: str = "") -> tuple[StreamInfo, list[int]]:
    """What a stream says of itself, and which of its channels are read: of EEG those of type EEG, where it tells types.

    unit: in place of what the stream says. Raises BadInput for an irregular rate, or channels whose units differ.
    """
    names = [name or f"CH{k + 1}" for k, name in enumerate(sinfo.get_channel_names() or [""] * sinfo.n_channels)]
    types = [str(word or "").lower() for word in (sinfo.get_channel_types() or [""] * sinfo.n_channels)]
    rows = [k for k, word in enumerate(types) if word == "eeg"] if kind == "eeg" and "eeg" in types else list(range(len(names)))
    if sinfo.sfreq <= 0:
        raise BadInput(f"the LSL stream {sinfo.name!r} has no regular rate; wanted a stream of samples, not of markers.")
    said = sinfo.get_channel_units() or [""] * sinfo.n_channels
    units = {_unit(said[k]) for k in rows}
    if kind == "eeg" and not unit and (len(units) > 1 or not units.copy().pop()):
        raise BadInput(
            f"the LSL stream {sinfo.name!r} does not say one unit for its EEG ({', '.join(sorted(units)) or 'none'}); say it with --unit uV."
        )
    chosen = unit or units.pop() if kind == "eeg" else "uV"
    return StreamInfo(kind, tuple(names[k] for k in rows), float(sinfo.sfreq), chosen), rows


def _unit(said: Any) -> str:
    """MNE-LSL writes powers of ten of a volt, others words."""
    word = str(said or "").strip()
    return {"0": "V", "-3": "mV", "-6": "uV", "-9": "nV", "volts": "V", "millivolts": "mV", "nanovolts": "nV"}.get(word, word)


class Inlet:
    """One stream by name, pulled in a thread into ``put``; found again after it went, and described anew then."""

    def __init__(self, name: str, kind: Kind, unit: str, put: Callable[[Item], None], patience_s: float = 10.0) -> None:
        self._lsl, self._name, self._kind, self._unit, self._put = library(), name, kind, unit, put
        self._closing = threading.Event()
        found = self._find(patience_s)
        if found is None:
            raise BadInput(f"wanted an LSL stream named {name!r}, found none in {patience_s:g} s; start it, or name another.")
        self._inlet, self.info, self._rows = found
        self._first, self._expected = 0, -1.0
        self._thread = threading.Thread(target=self._run, name=f"lsl {name}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        self._thread.join()

    def _find(self, patience_s: float) -> tuple[Any, StreamInfo, list[int]] | None:
        """An open inlet. It does not recover by itself: what comes back under the name may be another cap."""
        streams = self._lsl.resolve_streams(timeout=patience_s, name=self._name, minimum=1)
        if not streams:
            return None
        inlet = self._lsl.StreamInlet(streams[0], recover=False, processing_flags=["clocksync"])
        inlet.open_stream(timeout=10)
        sinfo = inlet.get_sinfo(timeout=10)
        self._uid = sinfo.uid
        return inlet, *stream_info(sinfo, self._kind, self._unit)

    def _replaced(self) -> bool:
        """Whether another stream has the name now. LSL does not always tell an inlet that the outlet it was opened on is gone."""
        streams = self._lsl.resolve_streams(timeout=_SILENT_S, name=self._name, minimum=1)
        return bool(streams) and all(stream.uid != self._uid for stream in streams)

    def _run(self) -> None:
        info, came = self.info, time.monotonic()
        while not self._closing.is_set():
            try:
                samples, stamps = self._pulled()
                gone = not len(stamps) and time.monotonic() - came > _SILENT_S and self._replaced()
            except Exception:
                # LSL raises errors of several kinds for a stream that went; whatever it was, look for it again.
                gone = True
            if gone:
                info = self._found_again(info)
            if gone or len(stamps):
                came = time.monotonic()
            if not gone and len(stamps):
                self._put(self._block(info, samples[:, self._rows], float(stamps[0])))
        self._inlet.close_stream()

    def _pulled(self) -> tuple[np.ndarray, np.ndarray]:
        """All that is there, as soon as something is: a pull of more than it finds waits until its time is over."""
        samples, stamps = self._inlet.pull_chunk(timeout=_PULL_S, max_samples=1)
        samples = np.array(samples)
        if len(stamps):
            more, later = self._inlet.pull_chunk(timeout=0.0, max_samples=_AT_ONCE)
            if len(later):
                samples, stamps = np.concatenate([samples, more]), np.concatenate([stamps, later])
        return samples, stamps

    def _found_again(self, info: StreamInfo) -> StreamInfo:
        """The stream's new description once it is back; meanwhile the decoder finds that nothing comes."""
        while not self._closing.is_set():
            try:
                if found := self._find(1.0):
                    self._inlet, now, self._rows = found
                    return info if now == info else now
            except Exception:
                time.sleep(_PULL_S)
        return info

    def _block(self, info: StreamInfo, samples: np.ndarray, stamp: float) -> Block:
        """Numbered by count, and by the stamp where that says that samples are missing."""
        if self._expected >= 0 and stamp - self._expected > _LOST_S:
            self._first += round((stamp - self._expected) * info.sfreq)
        block = Block(info, self._first, stamp, samples)
        self._first += len(samples)
        # Jitter of single stamps must not add up to a loss.
        late = stamp - self._expected if self._expected >= 0 and abs(stamp - self._expected) <= _LOST_S else 0.0
        self._expected = (stamp - 0.9 * late) + len(samples) / info.sfreq
        return block


class LSLSource:
    """EEG from one stream; sound from another, or from files that began to play with the first sample of the EEG.

    played   (info, (sample, candidate)) of such files; None: ``sound`` names a stream
    """

    def __init__(
        self, eeg: str, sound: str = "", unit: str = "", played: tuple[StreamInfo, np.ndarray] | None = None, patience_s: float = 10.0
    ) -> None:  # fmt: skip
        self.name, self._queue = f"lsl:{eeg}", SimpleQueue[Item]()
        self._clock = library().local_clock
        self._played, self._n_played, self._begun = played, 0, -1.0
        self._inlets = [Inlet(eeg, "eeg", unit, self._queue.put, patience_s)]
        self.eeg = self._inlets[0].info
        if played is None:
            self._inlets.append(Inlet(sound, "audio", "", self._queue.put, patience_s))
        self.sound = self._inlets[1].info if played is None else played[0]

    def clock(self) -> float:
        return float(self._clock())

    def take(self) -> list[Item] | None:
        items: list[Item] = []
        try:
            items.append(self._queue.get(timeout=TICK_S))
            while True:
                items.append(self._queue.get_nowait())
        except Empty:
            return items + self._heard(items)

    def attend(self, candidate: int) -> None:
        raise BadInput("a person listens to an LSL stream, who cannot be turned from here; use a mark.")

    def close(self) -> None:
        for inlet in self._inlets:
            inlet.close()

    def _heard(self, items: list[Item]) -> list[Item]:
        """What the files have played since the last call."""
        if self._begun < 0:
            self._begun = next((item.stamp for item in items if isinstance(item, Block)), -1.0)
        if self._played is None or self._begun < 0:
            return []
        info, samples = self._played
        first, last = self._n_played, min(int((self.clock() - self._begun) * info.sfreq), len(samples))
        self._n_played = max(first, last)
        return [Block(info, first, self._begun + first / info.sfreq, samples[first:last])] if last > first else []


class LSLOut:
    """Sends what a session decides: NAME (belief of each candidate, then the choice, -1 for none) and NAME-events (words).

    Stamps are the ends of windows. Window, hop and delay stand in the description. ``close`` ends it.
    """

    def __init__(self, session: Session, name: str = "mindleaf") -> None:
        lsl, snapshot = library(), session.snapshot
        self._lsl, self._session, self._reader = lsl, session, session.subscribe()
        own_clock = isinstance(session.source, LSLSource)
        self._offset = (lambda: 0.0) if own_clock else (lambda: lsl.local_clock() - session.source.clock())
        columns = [*snapshot.candidates, "choice"]
        sinfo = lsl.StreamInfo(name, "Decision", len(columns), 0.0, "float64", f"{name}-decision")
        sinfo.set_channel_names(columns)
        for key in ("model", "source", "window_s", "hop_s", "delay_s"):
            sinfo.desc.append_child_value(key, str(getattr(snapshot, key)))
        self._decisions = lsl.StreamOutlet(sinfo)
        self._words = lsl.StreamOutlet(lsl.StreamInfo(f"{name}-events", "Markers", 1, 0.0, "string", f"{name}-events"))
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lsl out", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        self._thread.join()
        self._session.unsubscribe(self._reader)

    def _run(self) -> None:
        while not self._closing.is_set():
            for event in self._reader.get(timeout=0.1):
                if isinstance(event, Decision):
                    self._decisions.push_sample(np.array([*event.belief, event.choice]), event.stop + self._offset())
                elif isinstance(event, StateChanged):
                    self._words.push_sample([f"{event.state}: {event.reason}".rstrip(": ")], event.at + self._offset())
                elif isinstance(event, Mark):
                    self._words.push_sample([event.label], event.at + self._offset())

"""Through real LSL on this machine: nothing is lost, a stream that comes back changed is refused, decisions go out."""

from __future__ import annotations

import gc
import os
import threading
import time
from queue import SimpleQueue

import numpy as np
import pytest

from mindleaf.errors import BadInput
from mindleaf.live.events import Decision, Refused, State, StateChanged
from mindleaf.live.lsl import Inlet, LSLOut, LSLSource
from mindleaf.live.session import Session
from mindleaf.live.settings import LiveConfig
from mindleaf.live.stream import StreamInfo
from tests.live.promises import counted
from tests.live.streams import CHANNELS, SOUND, decoder, follows

lsl = pytest.importorskip("mne_lsl.lsl", reason="needs mne-lsl: pip install 'mindleaf[live]'")


def outlet(name: str, channels: tuple[str, ...], sfreq: float, unit: str = "microvolts") -> object:
    info = lsl.StreamInfo(name, "EEG", len(channels), sfreq, "float32", f"test-{name}")
    info.set_channel_names(list(channels))
    info.set_channel_units([unit] * len(channels))
    return lsl.StreamOutlet(info)


def pushed(out: object, samples: np.ndarray, sfreq: float, stop: threading.Event) -> None:
    """As an amplifier would: a chunk each 50 ms, stamped when its last sample was taken."""
    begun, n = lsl.local_clock(), max(1, round(0.05 * sfreq))
    for first in range(0, len(samples), n):
        last = min(first + n, len(samples))
        due = begun + last / sfreq
        while (wait := due - lsl.local_clock()) > 0 and not stop.is_set():
            time.sleep(min(wait, 0.01))
        if stop.is_set():
            return
        out.push_chunk(np.ascontiguousarray(samples[first:last], np.float32), timestamp=due)


@pytest.fixture
def name() -> str:
    return f"mindleaf-test-{os.getpid()}-{time.monotonic_ns()}"


def test_nothing_is_lost(name):
    """A counter in the samples tells; the reader sleeps meanwhile."""
    out, queue = outlet(name, ("a", "b"), 1000.0), SimpleQueue()
    inlet = Inlet(name, "eeg", "", queue.put)
    while not out.has_consumers:
        time.sleep(0.01)
    counter = np.arange(3000, dtype=np.float32)
    pushed(out, np.stack([counter, -counter], axis=1), 1000.0, threading.Event())
    time.sleep(0.5)
    inlet.close()
    blocks = [queue.get() for _ in range(queue.qsize())]
    came = np.concatenate([block.samples[:, 0] for block in blocks])
    with counted("accounted", "LSL, a counter at 1000 Hz while the reader sleeps") as count:
        count.add(len(counter) - np.isin(counter, came).sum())
    assert np.array_equal(came, counter)
    assert [block.first for block in blocks] == np.cumsum([0, *(len(b.samples) for b in blocks[:-1])]).tolist()
    assert inlet.info == StreamInfo("eeg", ("a", "b"), 1000.0, "microvolts")


def test_a_stream_that_is_not_there_is_said(name):
    with pytest.raises(BadInput, match=name):
        Inlet(name, "eeg", "", print, patience_s=0.3)


def test_a_stream_without_a_unit_wants_one(name):
    out = outlet(name, ("a", "b"), 100.0, unit="")
    with pytest.raises(BadInput, match="--unit"):
        Inlet(name, "eeg", "", print)
    inlet = Inlet(name, "eeg", "uV", print)
    inlet.close()
    assert inlet.info.unit == "uV" and out is not None


def test_a_session_through_lsl_decides_and_sends(name):
    eeg, sound = follows(9)
    out = outlet(name, CHANNELS, 128.0)
    source = LSLSource(name, played=(SOUND, sound))
    session = Session(source, decoder(LiveConfig(slope=5.0), eeg=source.eeg))
    reader, sender = session.subscribe(), LSLOut(session, f"{name}-out")
    [found] = lsl.resolve_streams(timeout=5, name=f"{name}-out")
    listening = lsl.StreamInlet(found)
    listening.open_stream(timeout=5)
    session.start()
    pushed(out, eeg, 128.0, threading.Event())
    time.sleep(0.5)
    got, stamps = listening.pull_chunk(timeout=1.0)
    description = listening.get_sinfo(timeout=5).as_xml
    session.stop()
    sender.close()
    said = [event for event in reader.get() if isinstance(event, Decision)]
    assert len(said) >= 8 and {d.choice for d in said[2:]} == {0}
    assert np.allclose(got, [[*d.belief, d.choice] for d in said][: len(got)]) and len(got) >= 8
    assert np.allclose(stamps, [d.stop for d in said][: len(got)], atol=0.05)
    assert "<window_s>4.0</window_s>" in description and "<delay_s>" in description


ANOTHER = {
    "order": (CHANNELS[::-1], "microvolts", "the same channels in another order: channel 1 is Oz in place of Fz"),
    "count": (CHANNELS[:3], "microvolts", "3 channels in place of 4, without Oz"),
    "labels": ((*CHANNELS[:3], "O1"), "microvolts", "other channels: channel 4 is O1 in place of Oz"),
    "unit": (CHANNELS, "millivolts", "unit mV in place of microvolts"),
}


@pytest.mark.parametrize("what", ["order", *(pytest.param(w, marks=pytest.mark.slow) for w in ("count", "labels", "unit"))])
def test_a_stream_that_comes_back_as_another_is_refused(name, what):
    channels, unit, difference = ANOTHER[what]
    eeg, sound = follows(3)
    first = outlet(name, CHANNELS, 128.0)
    source = LSLSource(name, played=(SOUND, sound))
    session = Session(source, decoder(eeg=source.eeg))
    reader = session.subscribe()
    session.start()
    give_up = time.monotonic() + 20
    # An inlet that has not come through yet would take the second outlet for the first.
    while (
        not any(account.received for kind, account in session.snapshot.accounts if kind == "eeg") and time.monotonic() < give_up
    ):
        pushed(first, eeg[:13], 128.0, threading.Event())
    del first
    gc.collect()  # an outlet goes when nothing refers to it, and it refers to itself
    other = outlet(name, channels, 128.0, unit)
    give_up, events = time.monotonic() + 20, []
    while time.monotonic() < give_up and not any(isinstance(e, Refused) for e in events):
        pushed(other, eeg[:13, : len(channels)], 128.0, threading.Event())
        events += reader.get()
    session.stop()
    assert State.STALE in [e.state for e in events if isinstance(e, StateChanged)]
    with counted("changed", f"LSL, a stream with other {what} under the same name") as count:
        count.holds({e.reason for e in events if isinstance(e, Refused)} == {difference}, what)

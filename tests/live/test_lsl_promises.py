"""Through real LSL, from an amplifier in a process of its own: killed and back, at another rate, with the sound in a second stream."""

from __future__ import annotations

import os
import time

import numpy as np
import pytest

from mindleaf.live.decoder import Decoder
from mindleaf.live.events import Decision, State, StateChanged
from mindleaf.live.lsl import LSLSource
from mindleaf.live.scorer import Heard
from mindleaf.live.session import Session
from mindleaf.live.settings import LiveConfig
from mindleaf.live.smoothing import probabilities
from mindleaf.preprocessing.causal import causal
from tests.live.outlet import Amplifier, change, go, linear, loop, told
from tests.live.promises import counted
from tests.live.streams import CHANNELS, SOUND, decoder, follows
from tests.live.tap import Followed, Tap, across

lsl = pytest.importorskip("mne_lsl.lsl", reason="needs mne-lsl: pip install 'mindleaf[live]'")

CONFIG = LiveConfig(slope=5.0)


@pytest.fixture
def name() -> str:
    return f"mindleaf-test-{os.getpid()}-{time.monotonic_ns()}"


def entered(state: State):
    return lambda event: isinstance(event, StateChanged) and event.state == state


def listening(name: str) -> tuple[Session, Tap, Followed]:
    """A session on the EEG of that name, with sounds from an array; it runs."""
    tap = Tap(LSLSource(name, played=(SOUND, np.tile(follows(60)[1], (60, 1)))))
    session = Session(tap, decoder(CONFIG, eeg=tap.eeg))
    reader = Followed(session.subscribe(1_000_000))
    session.start()
    return session, tap, reader


@pytest.mark.parametrize("times", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_an_outlet_killed_and_back(name, times):
    """Stale in time, found again, every sample of both lives and of the time between them accounted for."""
    rng = np.random.default_rng(times)
    amplifier = Amplifier(name, CHANNELS, 128.0, epoch=lsl.local_clock())
    case = f"LSL, outlet's process killed and started again {times} times"
    alive = amplifier.start()
    go(alive)
    session, tap, reader = listening(name)
    try:
        reader.until(entered(State.RUNNING))
        with counted("stale", case) as stale, counted("recovery", case) as back, counted("found", case) as found:
            for _ in range(times):
                spare = amplifier.start()
                time.sleep(rng.uniform(0, 0.5))
                alive.kill()
                killed = lsl.local_clock()
                stale.add(reader.until(entered(State.STALE)).at - killed)
                time.sleep(rng.uniform(0, 1))
                alive.wait()
                alive, opened = spare, go(spare)
                comes = reader.until(entered(State.RECOVERING)).at
                found.add(comes - opened)
                back.add(reader.until(entered(State.RUNNING)).at - comes)
    finally:
        session.stop()
        alive.kill()
        alive.wait()
    account = session.decoder.eeg.account
    with counted("accounted", case) as accounted:
        accounted.add(tap.unaccounted(account.received, account.lost))
    with counted("gap", case) as gap:
        gap.add(across(reader.rest(), 4.0))
    assert account.lost > 64 * times


@pytest.mark.parametrize("factor", [2.0, *(pytest.param(f, marks=pytest.mark.slow) for f in (0.5, 0.8, 1.25, 4.0))])
def test_a_rate_that_changes_silently(name, factor):
    """The outlet claims 128 Hz throughout; LSL hands on what comes with stamps that it makes up."""
    process = Amplifier(name, CHANNELS, 128.0, rate_hz=128 * factor).start()
    go(process)
    session, _, reader = listening(name)
    try:
        reader.until(entered(State.RUNNING))
        with counted("rate", f"LSL, 128 Hz becomes {128 * factor:g} Hz") as count:
            changed = change(process)
            halted = reader.until(lambda e: isinstance(e, StateChanged) and "samples a second" in e.reason)
            assert halted.state == State.NO_DECISION
            count.add(halted.at - changed)
    finally:
        session.stop()
        process.kill()
        process.wait()
    assert not [event for event in reader.rest() if isinstance(event, Decision) and event.choice >= 0 and event.at > halted.at]


def offline(channels: tuple[str, ...], sfreq: float, sound_hz: float, n: int) -> np.ndarray:
    """Scores of the first n windows, from what the amplifier sends, at once."""
    eeg, sound = loop(channels, sfreq, sound_hz)
    eeg[:, 0] = np.arange(len(eeg))
    scorer = linear(channels)
    brain, heard = (
        causal(scorer.eeg, eeg, sfreq),
        causal(scorer.sound, np.abs(sound.astype(np.float64)) ** scorer.power, sound_hz),
    )
    stops = [round((4.5 + 0.5 * k) * 64) for k in range(n)]
    usable = np.ones(len(channels), bool)
    return np.array([scorer(Heard(brain[stop - 256 : stop].T, usable, heard[stop - 256 : stop].T)) for stop in stops])


def test_sound_from_a_second_stream(name):
    """``--audio lsl:NAME``: both streams are sent by a process that knows nothing of us, and the decisions are the offline ones."""
    from mindleaf.stages.live import Asked, LiveStage, open_source

    amplifier = Amplifier(name, CHANNELS, 256.0, f"{name}-sound", seconds=12.0)
    process = amplifier.start()
    go(process)
    tap = Tap(open_source(Asked(f"lsl:{name}", audio=f"lsl:{name}-sound"), LiveStage()))
    assert tap.sound.kind == "audio" and tap.sound.channels == ("A", "B") and tap.sound.sfreq == 16_000.0
    session = Session(tap, Decoder(linear(tap.eeg.channels), tap.eeg, tap.sound, CONFIG))
    reader = session.subscribe(100_000)
    session.start()
    sent = told(process, "sent")
    assert process.wait(60) == 0
    tracks, ends = (session.decoder.eeg, session.decoder.sound), time.monotonic() + 60
    while any(track.account.sent < n for track, n in zip(tracks, sent["samples"], strict=True)) and time.monotonic() < ends:
        time.sleep(0.05)
    session.stop()
    said = [event for event in reader.get() if isinstance(event, Decision)]
    with counted("accounted", "LSL, EEG and sound in two streams") as count:
        for kind, track, n_sent, digest in zip(
            ("eeg", "audio"), (session.decoder.eeg, session.decoder.sound), *sent.values(), strict=True
        ):
            count.add(abs(n_sent - track.account.sent), kind)
            assert track.account.lost == 0 and tap.digest[kind] == digest, f"{kind}: other samples came than were sent"
    decided = [d for d in said if d.choice >= 0]
    assert len(decided) >= 15 and {d.choice for d in decided} == {0}
    with counted("batch", "LSL, EEG and sound in two streams, against the arrays that were sent") as count:
        for d, scores in zip(decided, offline(CHANNELS, 256.0, 16_000.0, len(decided)), strict=True):
            count.add(np.abs(np.array(d.probability) - probabilities(scores, CONFIG.slope)).max(), f"{d.stop:g} s")

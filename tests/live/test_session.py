"""The session: slow readers slow nobody, commands come from any thread, what went wrong is told."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mindleaf.live.events import Decision, Mark, State
from mindleaf.live.session import Session
from mindleaf.live.source import Paced
from tests.live.streams import EEG, SOUND, chunks, decisions, decoder, follows, play


def running(items, **more) -> Session:
    return Session(Paced("test", EEG, SOUND, items, math.inf, **more), decoder())


def test_a_reader_that_never_reads_loses_events_and_slows_nothing():
    # A session decides from float32, which is what it records.
    items = chunks(*(side.astype(np.float32) for side in follows(20)))
    session = running(items)
    deaf, keen = session.subscribe(10), session.subscribe(100_000)
    session.start()
    assert session.wait(60)
    assert decisions(keen.get()) == decisions(play(decoder(), items))
    assert deaf.dropped > 100 and len(deaf.get()) == 10 and keen.dropped == 0
    snapshot = session.snapshot
    assert (snapshot.state, snapshot.running) == (State.RUNNING, False) and isinstance(snapshot.decision, Decision)
    assert dict(snapshot.accounts)["eeg"].received == 20 * 128 and snapshot.step_ms[0] > 0


def test_commands_are_carried_out_between_steps():
    turned: list[int] = []
    session = running(chunks(*follows(6)), turn=turned.append)
    reader = session.subscribe()
    session.mark("door")
    session.attend(1)
    session.run()
    assert turned == [1] and session.snapshot.attended == 1
    assert [event.label for event in reader.get() if isinstance(event, Mark)] == ["door", "attend:1"]
    deaf = running(chunks(*follows(6)))
    deaf.attend(1)
    deaf.run()
    assert "nobody listens" in deaf.snapshot.complaint


def test_what_breaks_the_source_is_raised_and_said():
    def broken():
        yield from chunks(*follows(2))
        raise OSError("the amplifier burnt")

    session = running(broken())
    session.start()
    with pytest.raises(OSError, match="burnt"):
        session.wait(60)
    assert session.snapshot.complaint == "the amplifier burnt" and not session.snapshot.running

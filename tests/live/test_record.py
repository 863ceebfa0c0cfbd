"""A recorded session decides the same again, bit for bit, and other tools read its EEG."""

from __future__ import annotations

import math
from pathlib import Path

import mne
import numpy as np
import pytest

from mindleaf.errors import BadInput, ReadError
from mindleaf.live.events import Decision, Frames, Mark, StateChanged
from mindleaf.live.record import Recorded, Recorder
from mindleaf.live.session import Session
from mindleaf.live.settings import LiveConfig
from mindleaf.live.source import Paced
from mindleaf.live.stream import StreamInfo
from tests.live.streams import CHANNELS, EEG, SOUND, Block, chunks, decoder, follows

CONFIG = LiveConfig(slope=5.0)


def recorded(folder: Path, items: list) -> list:
    session = Session(Paced("test", EEG, SOUND, items, math.inf), decoder(CONFIG), Recorder)
    reader = session.subscribe(10_000)
    session.record(folder)
    session.run()
    return [event for event in reader.get() if not isinstance(event, Frames)]


def replayed(folder: Path) -> list:
    source = Recorded(folder)
    assert source.config == CONFIG and source.model == "mean match"
    session = Session(source, decoder(source.config, source.eeg, source.sound))
    reader = session.subscribe(10_000)
    session.run()
    return [event for event in reader.get() if not isinstance(event, Frames)]


@pytest.fixture(scope="module")
def session(tmp_path_factory) -> tuple[Path, list, np.ndarray]:
    """With all that can go wrong: a gap, a changed stream, missing samples, a mark."""
    eeg, sound = follows(40)
    eeg[128 * 8 : 128 * 8 + 10, 1] = np.nan
    items = chunks(eeg, sound)
    brain = [k for k, block in enumerate(items) if block.info.kind == "eeg"]
    other = StreamInfo("eeg", CHANNELS[::-1], 128.0)
    for k in brain[250:255]:
        items[k] = Block(other, items[k].first, items[k].stamp, items[k].samples)
    del items[brain[120]]
    items.insert(300, Mark(15.0, 'tab\tand "quote"'))
    folder = tmp_path_factory.mktemp("live") / "session"
    return folder, recorded(folder, items), eeg


def test_a_replay_is_the_same_to_the_last_bit(session):
    folder, said, _ = session
    assert len([event for event in said if isinstance(event, Decision)]) > 30
    assert len([event for event in said if isinstance(event, StateChanged)]) > 4
    assert replayed(folder) == said


def test_other_tools_read_the_eeg(session):
    folder, _, eeg = session
    raw = mne.io.read_raw_brainvision(next(folder.rglob("*.vhdr")), preload=True, verbose="error")
    assert raw.ch_names == list(CHANNELS) and raw.info["sfreq"] == 128.0
    assert np.allclose(1e6 * raw.get_data()[:, :1500].T, eeg[:1500].astype(np.float32), equal_nan=True, rtol=1e-5)
    assert raw.n_times < len(eeg) - 13
    # MNE keeps the first segment to itself.
    [gap] = [
        onset for onset, text in zip(raw.annotations.onset, raw.annotations.description, strict=True) if "New Segment" in text
    ]
    assert gap == pytest.approx(120 * 13 / 128, abs=1e-6)
    rows = next(folder.rglob("*_events.tsv")).read_text().splitlines()
    assert {len(row.split("\t")) for row in rows} == {4}


@pytest.mark.parametrize("lost", [1, 300, 3001])
def test_a_recording_cut_by_a_crash_replays_as_far_as_it_goes(session, tmp_path, lost):
    folder, said, _ = session
    for path in folder.rglob("*"):
        if path.is_file():
            copy = tmp_path / path.relative_to(folder)
            copy.parent.mkdir(parents=True, exist_ok=True)
            content = path.read_bytes()
            whole = len(content) - {".jsonl": lost, ".eeg": lost * 16}.get(path.suffix, 0)
            copy.write_bytes(content[:whole])
    again = replayed(tmp_path)
    assert 0 < len(again) <= len(said) and again == said[: len(again)]


def test_nothing_is_written_over(session):
    folder, _, eeg = session
    source = Paced("test", EEG, SOUND, chunks(eeg[:256], follows(2)[1]), math.inf)
    live = Session(source, decoder(), Recorder)
    live.record(folder)
    live.run()
    assert "not an empty folder" in live.snapshot.complaint
    with pytest.raises(BadInput):
        Recorder(folder, source, decoder())


def test_what_is_no_session_is_refused(tmp_path):
    with pytest.raises(ReadError, match="--record"):
        Recorded(tmp_path)

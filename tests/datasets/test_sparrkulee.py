"""SparrKULee: two clocks, a train of pulses, and files that have to be unpacked."""

from __future__ import annotations

import numpy as np
import pytest

from mindleaf.datasets.sparrkulee import DATASET, clock_line
from mindleaf.errors import BadInput, ReadError

from .layouts.sparrkulee import PULSES_S, RATE, STARTS, write, write_recording, write_sounds


def test_the_sound_starts_before_its_first_pulse(tmp_path):
    write(tmp_path)
    onsets = [recording.trials[0].onset * RATE for recording in DATASET.recordings(tmp_path)]
    assert onsets == pytest.approx(list(STARTS.values()))


def test_the_line_through_the_pulses_follows_a_drifting_clock():
    played = np.arange(0.7, 900.0, 30.0)
    start, rate = clock_line(5.0 + played * (1 + 4e-5), played)
    assert (start, rate) == pytest.approx((5.0, 1 + 4e-5), abs=1e-9)


@pytest.mark.parametrize("kept", [slice(1, None), slice(None, -1)])
def test_one_pulse_may_be_missing_at_either_end(kept):
    played = np.array([0.5, 2.5, 4.6, 6.5, 9.0])
    start, _ = clock_line((3.0 + played)[kept], played)
    assert start == pytest.approx(3.0)


def test_trains_that_do_not_belong_together():
    played = np.array([0.5, 2.5, 4.6, 6.5, 9.0])
    with pytest.raises(ReadError, match="5 pulses in the EEG and 3"):
        clock_line(played, played[:3])
    with pytest.raises(ReadError, match="do not belong together"):
        clock_line(played[::-1].max() - played[::-1], played)


def test_a_long_sound_becomes_minutes_with_their_second_of_the_sound(tmp_path, monkeypatch):
    monkeypatch.setattr("mindleaf.datasets.sparrkulee.TRIAL_S", 3.0)
    monkeypatch.setattr("mindleaf.datasets.sparrkulee.SHORTEST_S", 2.5)
    write(tmp_path)
    first = next(iter(DATASET.recordings(tmp_path)))
    assert [(trial.id, trial.candidates[0].offset, trial.duration) for trial in first.trials] == [
        ("1", 0.0, 3.0),
        ("2", 3.0, 3.0),
    ]
    assert first.trials[1].onset * RATE == pytest.approx(STARTS["001"] + 3 * RATE)


def test_the_control_is_left_out_and_lost_pulses_are_named(tmp_path):
    write(tmp_path)
    write_sounds(tmp_path, "audiobook_1_artefact")
    write_recording(tmp_path, "001", 1331, "audiobook_1_artefact")
    assert [recording.subject for recording in DATASET.recordings(tmp_path)] == ["002"]
    write_recording(tmp_path, "001", 1331, pulses=PULSES_S[:2])
    with pytest.raises(ReadError, match="2 pulses in the EEG and 4"):
        list(DATASET.recordings(tmp_path))


def test_packed_recordings_and_missing_sounds(tmp_path):
    write(tmp_path)
    (tmp_path / "stimuli" / "eeg" / "audiobook_1_1.npz.gz").unlink()
    with pytest.raises(ReadError, match=r"audiobook_1_1\.npz"):
        list(DATASET.recordings(tmp_path))
    for path in tmp_path.glob("sub-*/ses-*/eeg/*.bdf"):
        path.rename(path.with_name(path.name + ".gz"))
    with pytest.raises(BadInput, match="gunzip"):
        list(DATASET.sources(tmp_path))

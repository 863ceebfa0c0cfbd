"""The 255-channel set: start by the trigger line, places by angles, and an attention that is left open."""

from __future__ import annotations

import numpy as np
import pytest

from mindleaf.datasets.uhd255 import DATASET, played_span, read_locations
from mindleaf.errors import BadInput, ReadError

from .layouts.uhd255 import PLAYED, RATE, write, write_locations


def test_stories_start_at_the_first_pulse_whatever_the_trigger_line_rests_at(tmp_path):
    write(tmp_path)
    onsets = [round(recording.trials[0].onset * RATE) for recording in DATASET.recordings(tmp_path)]
    assert onsets == list(PLAYED.values())
    for rest, pulse in ((0.0, 5.0), (65280.0, 65281.0), (255.0, 0.0)):
        line = np.full(100, rest, np.float32)
        line[10:13] = line[60:61] = pulse
        assert played_span(line) == (10, 60)
    with pytest.raises(ReadError, match="no pulse"):
        played_span(np.zeros(50, np.float32))


def test_nobody_is_called_attended_and_extra_electrodes_stay_out(tmp_path):
    write(tmp_path)
    recordings = list(DATASET.recordings(tmp_path))
    assert {trial.attended for recording in recordings for trial in recording.trials} == {0}
    assert not {"XtraL", "XtraR", "Trigger"} & set(recordings[0].channel_names)


def test_angles_become_places_in_the_head_frame(tmp_path):
    path = tmp_path / "locs.csv"
    path.write_text("Channel Name,Theta,Phi\nCz,0,0\nNz,115,90\nT9,-115,0\nOz,90,-90\n")
    places = read_locations(path)
    assert places["Cz"] == pytest.approx((0.0, 0.0, 0.095 * (1 + np.cos(np.deg2rad(65)))))
    assert places["Nz"][1] > 0.08
    assert places["Nz"][2] == pytest.approx(0.0, abs=1e-9)
    assert places["T9"] == pytest.approx((-places["Nz"][1], 0.0, 0.0), abs=1e-9)
    assert places["Oz"][1] == pytest.approx(-0.095)


def test_missing_tables_and_sounds(tmp_path):
    write(tmp_path)
    (tmp_path / "misc" / "eeg255ch_locs.csv").unlink()
    with pytest.raises(BadInput, match=r"misc\.zip"):
        list(DATASET.recordings(tmp_path))
    write_locations(tmp_path)
    (tmp_path / "stimuli" / "part1_track2_dry.wav").unlink()
    with pytest.raises(BadInput, match=r"stimuli\.zip"):
        list(DATASET.recordings(tmp_path))
    (tmp_path / "misc" / "eeg255ch_locs.csv").write_text("name,x,y\nCz,0,0\n")
    with pytest.raises(ReadError, match="Channel Name"):
        list(DATASET.recordings(tmp_path))

"""ds004356: clicks, brainstem electrodes, and two clocks in one table."""

from __future__ import annotations

from collections import Counter

import pytest

from mindleaf.datasets.ds004356 import DATASET, auditory_type, clip_rows, event_rows
from mindleaf.errors import ReadError

from .layouts.ds004356 import PLAYED, RATE, write

EVENTS = "bids/ds004356/sub-01/eeg/sub-01_task-MusicvsSpeech_events.tsv"


def test_trials_follow_the_sample_column_and_not_the_onset_column(tmp_path):
    write(tmp_path)
    first, _ = DATASET.recordings(tmp_path)
    assert [trial.onset * RATE for trial in first.trials] == [sample for _, _, sample in PLAYED["sub-01_task-MusicvsSpeech"][1:]]


def test_clicks_and_brainstem_electrodes_stay_out(tmp_path):
    write(tmp_path)
    recordings = list(DATASET.recordings(tmp_path))
    assert [(r.subject, r.run) for r in recordings] == [("01", ""), ("03", "02")]
    assert not {"EP1", "EP2"} & set(recordings[0].channel_names)
    assert {stimulus.auditory_type for stimulus in recordings[0].stimuli} == {"speech", "music"}


def test_a_missing_clip_names_its_file(tmp_path):
    write(tmp_path)
    (tmp_path / "stimuli" / "jazz" / "jazz003.wav").unlink()
    with pytest.raises(ReadError, match=r"jazz003\.wav"):
        list(DATASET.recordings(tmp_path))


def test_a_table_that_leaves_its_folder(tmp_path):
    write(tmp_path)
    table = tmp_path / "sub-01" / "eeg" / "sub-01_task-MusicvsSpeech_events.tsv"
    table.write_text(table.read_text().replace("jazz/jazz003.wav", "../../secret.wav"))
    with pytest.raises(ReadError, match="below stimuli"):
        list(DATASET.recordings(tmp_path))


def test_hours_are_table_1_with_the_clicks_and_less_without():
    counted = DATASET.facts.counted
    assert sum(part.hours for part in counted) == pytest.approx(38.9, abs=0.05)
    assert sum(part.hours for part in counted if part.used) == pytest.approx(35.2)
    assert DATASET.facts.hours == pytest.approx(35.2)


def test_real_events_have_490_rows_and_forty_clips_of_twelve_types(real_data):
    rows = event_rows(real_data / EVENTS)
    assert len(rows) == 490
    clips = Counter(row["trial_type"] for row in clip_rows(real_data / EVENTS))
    assert len(clips) == 12
    assert set(clips.values()) == {40}
    assert Counter(auditory_type(row["trial_type"]) for row in clip_rows(real_data / EVENTS)) == {"music": 240, "speech": 240}
    assert len({row["stim_file"] for row in rows}) == 490
    assert all(row["stim_file"] == f"{row['trial_type']}/{row['trial_type']}{int(row['number_trial']):03d}.wav" for row in rows)


def test_real_onsets_drift_from_the_samples_by_a_fifth_of_a_second(real_data):
    rows = event_rows(real_data / EVENTS)
    rates = [int(row["sample"]) / float(row["onset"]) for row in rows]
    assert max(rates) - min(rates) < 1e-6
    assert rates[0] == pytest.approx(10_000.25)
    assert int(rows[-1]["sample"]) / RATE - float(rows[-1]["onset"]) == pytest.approx(0.182, abs=0.001)


def test_real_second_listener_has_its_clicks_in_the_first_run(real_data):
    folder = real_data / "bids/ds004356/sub-03/eeg"
    assert [len(clip_rows(folder / f"sub-03_task-MusicvsSpeech_run-0{run}_events.tsv")) for run in (1, 2)] == [0, 480]

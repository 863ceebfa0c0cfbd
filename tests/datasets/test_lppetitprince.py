"""Le Petit Prince: sentences by trigger number where there is no table of events."""

from __future__ import annotations

import json

import pytest

from mindleaf.datasets.lppetitprince import (
    DATASET,
    NOT_SCALP,
    TRIGGERS,
    WORDS,
    match_triggers,
    read_triggers,
    read_words,
    sentence_name,
)
from mindleaf.errors import BadInput, ReadError

from .layouts.lppetitprince import ONSETS_S, RATE, STORY, write, write_listener, write_tables, write_workbook


def _marks(subject="HK001"):
    return [(onset, number) for onset, (_, number, _) in zip(ONSETS_S[subject], STORY, strict=True)]


def test_trap_4_sentences_start_at_their_triggers_and_questions_are_no_trials(tmp_path):
    write(tmp_path)
    first = next(iter(DATASET.recordings(tmp_path)))
    assert [(trial.id, round(trial.onset * RATE)) for trial in first.trials] == [
        ("1.003", 1017),
        ("1.100", 2519),
        ("2.003", 5503),
    ]
    assert not NOT_SCALP & {name.upper() for name in first.channel_names}


def test_words_are_events_on_the_clock_of_the_eeg(tmp_path):
    write(tmp_path)
    first = next(iter(DATASET.recordings(tmp_path)))
    words = [event.onset for event in first.events if event.label == "word"]
    assert words == pytest.approx([1.017 + 0.049196, 2.519 + 0.049196, 5.503 + 0.049196])
    (tmp_path / WORDS).unlink()
    assert not [event for event in next(iter(DATASET.recordings(tmp_path))).events if event.label == "word"]


def test_a_number_that_comes_twice_stands_for_the_sentence_of_its_section():
    table = (("1.001", 1), ("1.002", 2), ("Q1", 200), ("2.001", 1), ("2.002", 2))
    marks = [(10.0, 1), (20.0, 2), (40.0, 1), (50.0, 2)]
    assert match_triggers(table, marks) == [("1.001", 10.0), ("1.002", 20.0), ("2.001", 40.0), ("2.002", 50.0)]


def test_a_lost_trigger_costs_one_sentence_and_shifts_none(tmp_path):
    write(tmp_path)
    write_listener(tmp_path, "HK001", [mark for mark in _marks() if mark[1] != 100])
    first = next(iter(DATASET.recordings(tmp_path)))
    assert [trial.id for trial in first.trials] == ["1.003", "2.003"]
    assert [issue.code for issue in first.issues] == ["sentences_missing"]


def test_a_sentence_that_runs_into_the_next_trigger_is_left_out(tmp_path):
    write(tmp_path)
    first, *rest = _marks()
    write_listener(tmp_path, "HK001", [(rest[0][0] - 0.4, first[1]), *rest])
    recording = next(iter(DATASET.recordings(tmp_path)))
    assert [trial.id for trial in recording.trials] == ["1.100", "2.003"]
    assert "1 run into the next trigger" in recording.issues[0].message


@pytest.mark.parametrize(
    ("written", "name"),
    [("1.003.wav", "1.003"), ("1.1", "1.100"), ("2.0030000000000001", "2.003"), ("4.120", "4.120"), ("Q12.wav", ""), ("", "")],
)
def test_names_of_sentences_survive_excel(written, name):
    assert sentence_name(written) == name


def test_missing_and_wrong_tables(tmp_path):
    write(tmp_path)
    write_workbook(tmp_path / TRIGGERS, [["sentence", "Trigger number"], ["1.003.wav", "three"]])
    with pytest.raises(ReadError, match="got 'three'"):
        list(DATASET.recordings(tmp_path))
    (tmp_path / TRIGGERS).unlink()
    with pytest.raises(BadInput, match="fetch the folder sourcedata"):
        list(DATASET.recordings(tmp_path))


def test_a_recording_without_the_triggers_of_the_table(tmp_path):
    write(tmp_path)
    write_listener(tmp_path, "HK001", [(1.0, 250)])
    with pytest.raises(ReadError, match="no event carries a trigger number"):
        list(DATASET.recordings(tmp_path))


def test_the_tables_read_as_published(tmp_path):
    write_tables(tmp_path)
    assert read_triggers(tmp_path / TRIGGERS)[:3] == (("1.003", 3), ("1.100", 100), ("Q1.wav", 201))
    assert [word.sentence for word in read_words(tmp_path / WORDS)] == ["1.003", "1.100", "2.003"]


def test_real_sidecar_agrees_with_the_facts(real_data):
    folder = real_data / "bids/ds004718"
    told = json.loads((folder / "sub-HK001/eeg/sub-HK001_task-lppHK_eeg.json").read_text())
    assert (told["SamplingFrequency"], told["PowerLineFrequency"]) == (DATASET.facts.sfreq, DATASET.facts.line_frequency)
    assert told["EEGChannelCount"] == DATASET.facts.n_channels + len({"M1", "M2"})


def test_real_tables_hold_555_triggers_and_4473_words(real_data):
    folder = real_data / "bids/ds004718"
    if not (folder / TRIGGERS).exists():
        pytest.skip("the workbooks of ds004718 are not among the real sidecars")
    triggers = read_triggers(folder / TRIGGERS)
    assert (len(triggers), sum(bool(sentence_name(name)) for name, _ in triggers)) == (555, 535)
    assert len(read_words(folder / WORDS)) == 4473

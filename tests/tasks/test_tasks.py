"""What each task asks, what it refuses, and that nothing but the EEG tells the answer."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mindleaf import options
from mindleaf.errors import BadInput
from mindleaf.tasks import TASKS, able_tasks, build_task
from mindleaf.tasks.table import NAMED
from tests.protocols.tables import audiobooks, cocktail, cut, eegmat, trial, two_speaker_minute


def original(table, row):
    """The attended stimulus, by the table the row was cut from."""
    source = table[(table["recording"] == row["recording"]) & (table["trial"] == row["trial"])].iloc[0]
    return source[f"stimulus_{source['attended']}"]


def test_the_answer_follows_the_attended_stream_through_the_shuffle():
    table = audiobooks()
    rows = build_task("attention").prepare(cut(table, 10.0), seed=1)
    for _, row in rows.iterrows():
        answer = row["answer"] + 1
        assert row["attended"] == answer and row[f"stimulus_{answer}"] == original(table, row)
        for k in (1, 2):
            number = int(row[f"stimulus_{k}"].startswith("woman"))
            assert row[f"talker_{k}"] == ("man", "woman")[number] and row[f"side_{k}"] == ("left", "right")[number]
    assert 0.4 < rows["answer"].mean() < 0.6
    assert rows["audio_start_1"].equals(rows["start"] % 60) and build_task("attention").chance(rows) == 0.5


def test_the_order_depends_on_seed_and_window_alone():
    windows = cut(audiobooks(), 5.0)
    task = build_task("attention")
    whole = task.prepare(windows, seed=3)
    some = np.arange(0, len(windows), 7)
    pd.testing.assert_frame_equal(task.prepare(windows.iloc[some], seed=3), whole.iloc[some].reset_index(drop=True))
    assert (task.prepare(windows, seed=4)["answer"] != whole["answer"]).mean() > 0.3


def test_targets_name_the_attended_side_or_talker():
    windows = cut(audiobooks(), 10.0)
    for target, names in (("side", ("left", "right")), ("talker", ("man", "woman"))):
        task = build_task("attention", target=target)
        rows = task.prepare(windows)
        assert task.classes(windows) == names and task.not_applicable(rows, "labels") == ""
        attended = [row[f"{target}_{row['attended']}"] for _, row in rows.iterrows()]
        assert [names[number] for number in rows["target"]] == attended


def test_a_constant_attribute_is_named():
    task = build_task("attention", target="talker")
    rows = task.prepare(cut(cocktail(), 10.0))
    assert task.constant_attribute(rows) == ["talker", "side"]
    assert "talker is 'woman' in every window" in task.not_applicable(rows, "labels")
    assert task.not_applicable(rows, "candidates") == ""
    assert build_task("attention").constant_attribute(build_task("attention").prepare(cut(audiobooks(), 10.0))) == []


def test_shared_or_unknown_sides_do_not_name_a_stream():
    windows = cut(audiobooks(), 10.0)
    task = build_task("attention")
    odd = windows.assign(side_1=["left", "right"] * (len(windows) // 2))
    odd["side_2"] = odd["side_1"]
    assert "share their side" in task.not_applicable(task.prepare(odd), "labels")
    assert "not recorded" in task.not_applicable(task.prepare(windows.drop(columns=["side_1", "side_2"])), "labels")


def test_single_talker_trials_are_left_out_and_mixed_numbers_refused():
    duo, alone = trial(trial="duo", pair=("man 1", "woman 1"), attended=2), trial(trial="alone", pair=("man 2",), attended=1)
    trio = trial(trial="trio", pair=("man 3", "woman 3", "child 3"), attended=3)
    task = build_task("attention")
    rows = task.prepare(cut(pd.DataFrame([duo, alone]), 20.0))
    assert set(rows["trial"]) == {"duo"}
    only_trio = task.prepare(cut(pd.DataFrame([trio]), 20.0))
    assert task.chance(only_trio) == pytest.approx(1 / 3) and only_trio["stimulus_1"].nunique() > 0
    assert "stimulus_3" not in task.prepare(cut(pd.DataFrame([duo, trio | {"n_candidates": 1}]), 20.0))
    with pytest.raises(BadInput, match="windows with 2 and 3"):
        task.prepare(cut(pd.DataFrame([duo, trio]), 20.0))


@pytest.mark.parametrize("hop_s", [3.0, 2.0])
def test_mismatches_are_a_window_away_and_say_nothing_by_themselves(hop_s):
    rows = build_task("match_mismatch").prepare(cut(audiobooks(), 3.0, hop_s), seed=2)
    assert (rows["stimulus_1"] == rows["stimulus_2"]).all() and (rows["side_1"] == rows["side_2"]).all()
    assert ((rows["audio_start_1"] - rows["audio_start_2"]).abs() >= 3.0 - 1e-9).all()
    own = rows["audio_start_1"].where(rows["answer"] == 0, rows["audio_start_2"])
    np.testing.assert_allclose(own % 60, rows["start"] % 60)
    other = rows["audio_start_1"].where(rows["answer"] == 1, rows["audio_start_2"])
    trials = [rows["recording"], rows["trial"]]
    # Every piece of sound is right as often as it is wrong.
    assert own.groupby(trials).apply(sorted).equals(other.groupby(trials).apply(sorted))
    assert 0.4 < rows["answer"].mean() < 0.6 and (rows["target"] == -1).all()


def test_mismatches_come_from_the_same_talker_where_a_trial_is_one_window():
    rows = build_task("match_mismatch").prepare(cut(cocktail(), 60.0))
    assert (rows["talker_1"] == "woman").all() and (rows["talker_2"] == "woman").all()
    assert (rows["stimulus_1"] != rows["stimulus_2"]).all()
    with pytest.raises(BadInput, match=r"take shorter windows.*Tasks that can: attention"):
        build_task("match_mismatch").prepare(cut(two_speaker_minute(), 60.0))


def test_a_single_stream_needs_no_attention_mark_to_be_matched():
    rows = build_task("match_mismatch").prepare(cut(pd.DataFrame([trial(pair=("story",))]), 10.0))
    assert len(rows) == 6 and "side_1" in rows


def test_a_window_without_partner_is_left_out_with_a_warning():
    table = pd.DataFrame([trial(trial="a", pair=("man 1",)), trial(trial="b", start=60, stop=70, pair=("woman 1",))])
    with pytest.warns(UserWarning, match="left out 1 windows"):
        rows = build_task("match_mismatch").prepare(cut(table, 10.0))
    assert set(rows["trial"]) == {"a"}


def test_classes_are_the_sorted_values_of_the_column():
    windows = cut(eegmat(3), 20.0)
    windows["emotion"] = np.where(windows["start"] > 30, "joy", np.where(windows["start"] > 10, "fear", ""))
    task = build_task("classify")
    rows = task.prepare(windows)
    assert task.classes(windows) == ("arithmetic", "rest") and task.chance(rows) == 0.5
    assert rows["target"].tolist() == [["arithmetic", "rest"].index(label) for label in windows["label"]]
    emotion = build_task("classify:emotion").prepare(windows)
    assert emotion["target"].map(["fear", "joy"].__getitem__).tolist() == emotion["emotion"].tolist()
    assert len(emotion) < len(windows) and (emotion["answer"] == -1).all()
    assert able_tasks(windows) == ["classify", "classify:emotion", "emotion"]


@pytest.mark.parametrize(
    ("title", "table", "message"),
    [
        ("attention", eegmat(), "at least two streams.*Tasks that can: classify"),
        ("match_mismatch", eegmat(), "a stimulus that is attended.*Tasks that can: classify"),
        ("classify", cocktail(), "at least two classes in column 'label', got none.*Tasks that can: attention"),
        ("classify", eegmat().assign(label="rest"), "got 'rest'.*Tasks that can: none"),
        ("classify:emotion", eegmat(), "no label column 'emotion'; label columns are: label.*Tasks that can: classify"),
        ("classify:subject", eegmat(), "no label column 'subject'"),
    ],
)
def test_a_question_the_data_cannot_answer_is_refused(title, table, message):
    with pytest.raises(BadInput, match=message):
        build_task(title).prepare(cut(table, 10.0))


def test_tasks_are_built_by_name():
    assert {name: build_task(name).title for name in TASKS} == {name: name for name in TASKS}
    assert f"{NAMED}." == options._TASKS and [name.partition("[")[0] for name in NAMED.split(", ")] == list(TASKS)
    assert build_task("classify:emotion", target="talker").title == "classify:emotion"
    wrong = {"sleep": "there are: attention", "attention:side": "takes no column", "match_mismatch:x": "takes no column"}
    for title, message in wrong.items():
        with pytest.raises(BadInput, match=message):
            build_task(title)
    with pytest.raises(BadInput, match="target must be one of side, talker"):
        build_task("attention", target="story")

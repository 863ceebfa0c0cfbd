"""A fold whose parts share a trial or a second of signal does not exist."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from mindleaf.errors import BadInput
from mindleaf.fold import SPAN_COLUMNS, Fold, spans


def rows(*trials: tuple[str, float, float], recording: str = "r") -> pd.DataFrame:
    return pd.DataFrame([("d", recording, trial, start, stop) for trial, start, stop in trials], columns=SPAN_COLUMNS)


def fold(train, test, validation=None, mark=""):
    validation = rows() if validation is None else validation
    return Fold(name="0", train=train, validation=validation, test=test, group="trial", groups_test=("t",), mark=mark)


def test_whole_trials_make_a_fold():
    made = fold(rows(("a", 0, 10), ("b", 10, 20)), rows(("d", 30, 40)), rows(("c", 20, 30)))
    assert [len(made.train), len(made.validation), len(made.test)] == [2, 1, 1]


@pytest.mark.parametrize("mark", ["", "LEAKY", "WITHIN-TRIAL"])
@pytest.mark.parametrize(
    ("train", "validation", "test"),
    [
        ([("a", 0, 10)], [], [("a", 0, 10)]),
        ([("a", 0, 10)], [], [("a", 9.9, 20)]),
        ([("a", 0, 10), ("b", 0, 4)], [("b", 3, 8)], [("c", 0, 1)]),
        ([("c", 0, 10)], [("a", 0, 10)], [("a", 5, 6)]),
    ],
)
def test_shared_signal_is_refused_under_every_mark(train, validation, test, mark):
    with pytest.raises(BadInput, match="share"):
        fold(rows(*train), rows(*test), rows(*validation), mark)


def test_a_shared_trial_is_refused_unless_marked():
    parts = rows(("a", 0, 10)), rows(("a", 10, 20))
    with pytest.raises(BadInput, match="share trial 'a'"):
        fold(*parts)
    assert fold(*parts, mark="LEAKY").mark == "LEAKY"


def test_the_same_trial_name_in_another_recording_is_another_trial():
    assert len(fold(rows(("a", 0, 10)), rows(("a", 0, 10), recording="s")).test) == 1


def test_empty_training_or_test_is_refused():
    with pytest.raises(BadInput, match="wanted training and test data"):
        fold(rows(), rows(("a", 0, 1)))
    with pytest.raises(BadInput, match="wanted training and test data"):
        fold(rows(("a", 0, 1)), rows())


def test_windows_belong_to_a_part_only_where_they_lie_wholly_inside():
    made = fold(rows(("a", 0, 4), ("a", 8, 12)), rows(("a", 5, 7)), mark="WITHIN-TRIAL")
    windows = rows(("a", 0, 2), ("a", 2, 4), ("a", 3, 5), ("a", 5, 7), ("a", 4, 10), ("b", 0, 2), ("a", 10, 12))
    assert made.select(windows, "train").tolist() == [0, 1, 6]
    assert made.select(windows, "test").tolist() == [3]
    assert made.select(windows, "validation").tolist() == []
    assert made.select(windows.iloc[:0], "train").tolist() == []


def test_a_fold_survives_json():
    made = fold(rows(("a", 0, 10)), rows(("b", 0.25, 3.125)))
    again = Fold.from_json(json.loads(json.dumps(made.to_json())))
    assert again.to_json() == made.to_json() and again.test["stop"].tolist() == [3.125]


def test_spans_take_rows_by_position():
    table = rows(("a", 0, 1), ("b", 1, 2), ("c", 2, 3)).assign(label="x").set_index(pd.Index([7, 8, 9]))
    assert spans(table, [2, 0])["trial"].tolist() == ["c", "a"]

"""Every task keeps the same promises, on any table of windows."""

from __future__ import annotations

import warnings

import pandas as pd
import pytest
from hypothesis import given, settings

from mindleaf.errors import BadInput
from mindleaf.tasks import TASKS, build_task
from tests.contracts.test_protocols import trial_tables
from tests.protocols.tables import cut


@pytest.mark.parametrize("title", TASKS)
@given(table=trial_tables())
@settings(max_examples=25, deadline=None)
def test_a_task_poses_a_question_with_one_answer_or_refuses(title, table):
    windows = cut(table, 4.0)
    task = build_task(title)
    before = windows.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            rows = task.prepare(windows, seed=1)
        except BadInput as refusal:
            _, said, able = str(refusal).partition("Tasks that can: ")
            assert said and task.title not in able.rstrip(".").split(", ")
            return
        again = task.prepare(windows, seed=1)
    pd.testing.assert_frame_equal(windows, before)
    pd.testing.assert_frame_equal(rows, again)
    places = ["dataset", "recording", "trial", "start"]
    assert len(rows) and rows.index.tolist() == list(range(len(rows))) and not rows.duplicated(places).any()
    assert rows.merge(windows, on=places).shape[0] == len(rows)
    classes = task.classes(windows)
    assert list(classes) == sorted(set(classes)) and rows["target"].between(-1, len(classes) - 1).all()
    assert 0 < task.chance(rows) <= 0.5
    assert isinstance(task.constant_attribute(rows), list)
    assert task.not_applicable(rows, task.asks) == ""
    if task.asks == "candidates":
        assert rows["n_candidates"].nunique() == 1 and (rows["answer"] == rows["attended"] - 1).all()
        assert rows["answer"].between(0, rows["n_candidates"].iloc[0] - 1).all()
        assert sum(column.startswith("stimulus_") for column in rows) == rows["n_candidates"].iloc[0]
    else:
        assert (rows["answer"] == -1).all() and (rows["target"] >= 0).all()

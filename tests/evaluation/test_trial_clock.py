"""The time in the trial as a shortcut: found whenever sounds begin, and held against no system where nobody can tell."""

from __future__ import annotations

import numpy as np
import pytest
from planted import ReadsTheClock, clocked_store

from mindleaf.evaluation.audit import audit
from mindleaf.evaluation.predict import run_system
from mindleaf.evaluation.prepared_rows import PreparedRows
from mindleaf.evaluation.trial_clock import ATTRIBUTE, clock_scores
from mindleaf.metrics.scores import correctness
from mindleaf.protocols import BetweenTrial
from mindleaf.tasks import build_task

BETWEEN = BetweenTrial(n_folds=2, val_fraction=0)


@pytest.mark.parametrize("task", ["match_mismatch", "retrieval_pool:4"])
@pytest.mark.parametrize("offsets", [(0.0,), (3.0,), (0.0, 5.0)])
def test_the_clock_knows_the_sound_wherever_sounds_begin(tmp_path, task, offsets):
    """Sounds that begin 3 s late, or trials that play two parts of their sounds; training may hold one candidate only."""
    store = clocked_store(tmp_path / "s", n_subjects=2, n_trials=8, offsets=offsets)
    prepared = PreparedRows(store, None, build_task(task), seed=0)
    for fold in BETWEEN.folds(store.index, seed=0):
        train, test = (prepared.examples(fold, part, 2.0, "candidates") for part in ("train", "test"))
        assert correctness(test.answers, clock_scores(train, test)).mean() > (0.9 if "match" in task else 0.5)


def test_leads_that_training_does_not_know_say_nothing(tmp_path):
    store = clocked_store(tmp_path / "s", n_subjects=2, n_trials=4)
    prepared = PreparedRows(store, None, build_task("match_mismatch"), seed=0)
    fold = BETWEEN.folds(store.index, seed=0)[0]
    test = prepared.examples(fold, "test", 2.0, "candidates")
    assert not np.any(clock_scores(test.take([]), test))


def test_where_all_trials_play_one_sound_the_row_cannot_tell(tmp_path):
    """At the same time everybody hears the same: the EEG that follows the sound is the EEG that tells the time."""
    store = clocked_store(tmp_path / "s", one_sound=True)
    folds = BETWEEN.folds(store.index, seed=0)
    task = build_task("match_mismatch")
    run = run_system("clock", ReadsTheClock, store, None, task, folds, [2.0], seed=0)
    row = next(r for r in audit([run], folds, store, None, task, seed=0)["clock"] if r.control == "shortcuts")
    assert row.status == "skipped" and ATTRIBUTE in row.why and "no other trial with another sound" in row.observed

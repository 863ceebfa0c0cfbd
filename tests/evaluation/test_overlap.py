"""What training and test share is held against what the protocol declares."""

from __future__ import annotations

import pytest
from toy_listeners import listening_store

from mindleaf.evaluation.identifiability import trial_identifiability
from mindleaf.evaluation.overlap import group_overlap
from mindleaf.fold import Fold, spans
from mindleaf.protocols import BetweenTrial, LeaveOneStimulusOut, LeaveOneSubjectOut, RandomWindows


@pytest.mark.parametrize("protocol", [BetweenTrial(n_folds=3), LeaveOneStimulusOut(), LeaveOneSubjectOut()])
def test_sound_splits_pass(store, protocol):
    assert group_overlap(protocol.folds(store.index, seed=0), store, None).status == "pass"


def test_shared_audio_is_named_even_where_it_is_allowed(store):
    row = group_overlap(BetweenTrial(n_folds=3).folds(store.index, seed=0), store, None)
    assert "share audio" in row.why


@pytest.mark.parametrize(("group", "column"), [("stimulus", "trial"), ("subject", "subject"), ("pair", "trial")])
def test_a_split_that_breaks_its_word_fails(store, group, column):
    """Two trials that share the declared unit, one in training and one in test."""
    index = store.index
    first = index[column].iloc[0]
    same = [k for k, value in enumerate(index[column]) if value == first][:2]
    fold = Fold("0", spans(index, same[:1]), spans(index, []), spans(index, same[1:]), group, ("x",))
    row = group_overlap([fold], store, None)
    assert row.status == "fail"
    assert group.replace("pair", "stimulus") in row.why


def test_trials_are_identified_where_they_differ_and_random_windows_fail_for_it(tmp_path):
    store = listening_store(tmp_path / "s", drift=0.5)
    between = BetweenTrial(n_folds=3).folds(store.index, seed=0)
    windows = RandomWindows(n_folds=3).folds(store.index, seed=0)
    assert trial_identifiability(store, between, 2.0, seed=0).status == "pass"
    assert trial_identifiability(store, windows, 2.0, seed=0).status == "fail"
    assert trial_identifiability(store, between, 30.0, seed=0).status == "skipped"


def test_without_a_fingerprint_no_split_is_accused_of_using_one(store):
    """Trials of the plain toy differ in nothing but their audio."""
    windows = RandomWindows(n_folds=3).folds(store.index, seed=0)
    row = trial_identifiability(store, windows, 2.0, seed=0)
    assert row.status == "skipped"
    assert "p = " in row.observed

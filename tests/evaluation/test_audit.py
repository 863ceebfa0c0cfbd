"""Each control catches the vice it is there for, and lets the honest system through."""

from __future__ import annotations

import numpy as np
import pytest
from toy_listeners import (
    Decoder,
    FirstInList,
    LeansOnNeighbours,
    LouderVoice,
    Peeker,
    Powers,
    ReadsColumns,
    ReadsEverything,
    listening_store,
)

from mindleaf.evaluation.audit import audit, failed
from mindleaf.evaluation.controls import answers_hidden, control_score, thinned
from mindleaf.evaluation.predict import run_system
from mindleaf.protocols import BetweenTrial, Blocked, RandomWindows
from mindleaf.tasks import Attention, Classify


def audited(build, store, folds, depth="quick", task=None, window_s=2.0):
    task = task or Attention()
    run = run_system(build.name, build, store, None, task, folds, [window_s], seed=0)
    rows = audit([run], folds, store, None, task, seed=0, depth=depth, builds={build.name: build})[build.name]
    return {row.control: row for row in rows}


def test_honest_decoder_fails_nothing(store, folds):
    rows = audited(Decoder, store, folds, depth="full")
    # One of the 19 decoders without knowledge has, by luck, the sign of the right one: no pass, but no accusation either.
    others = {name: row.status for name, row in rows.items() if row.status != "pass"}
    assert others == {"untrained": "skipped", "labels_permuted": "skipped"}


def test_peeking_at_the_answer_fails_on_noise_and_on_hidden_answers(store, folds):
    rows = audited(Peeker, store, folds)
    for control in ("eeg_permuted", "eeg_noise", "eeg_zeroed", "answers_hidden"):
        assert rows[control].status == "fail", control
    assert rows["order_swapped"].status == "pass"


def test_reading_any_label_column_is_caught(store):
    task = Classify()
    folds = BetweenTrial(n_folds=3).folds(store.index, seed=0)
    assert audited(Powers, store, folds, task=task)["answers_hidden"].status == "pass"
    run = run_system("columns", ReadsColumns, store, None, task, folds, [2.0], seed=0)
    for cell in run.cells:
        cell.test.rows["stage"] = cell.test.rows["label"]
        cell.scores = cell.system.predict(cell.test)
    assert answers_hidden(thinned(run.cells, 2000, seed=0)).status == "fail"


def test_controls_without_eeg_count_trials_where_intervals_count_subjects(tmp_path):
    store = listening_store(tmp_path / "s", n_subjects=5, n_trials=2, trial_s=8)
    folds = BetweenTrial(n_folds=2).folds(store.index, seed=0)
    subject = thinned(run_system("d", Decoder, store, None, Attention(), folds, [2.0], seed=0).cells, 2000, seed=0)
    kept = [np.arange(len(examples)) for examples in subject.examples]
    counts = [control_score(subject, kept, subject.scores, eeg_destroyed=d).clusters.max() + 1 for d in (False, True)]
    assert counts == [5, 10]


def test_voice_shortcut_fails_without_eeg(tmp_path):
    store = listening_store(tmp_path / "s", always_attend="F", distinct_loudness=True, gain=0.0)
    rows = audited(LouderVoice, store, BetweenTrial(n_folds=3).folds(store.index, seed=0))
    assert rows["eeg_zeroed"].status == "fail"
    assert rows["eeg_noise"].status == "fail"
    assert rows["audio_shifted"].status == "fail"


def test_louder_voice_is_harmless_where_attention_is_counterbalanced(tmp_path):
    store = listening_store(tmp_path / "s", n_subjects=4, distinct_loudness=True, gain=0.0)
    rows = audited(LouderVoice, store, BetweenTrial(n_folds=3).folds(store.index, seed=0))
    assert rows["eeg_zeroed"].status == "pass"


def test_order_bias_and_batch_dependence_are_caught(store, folds):
    assert audited(FirstInList, store, folds)["order_swapped"].status == "fail"
    assert audited(LeansOnNeighbours, store, folds)["batch_size"].status == "fail"


class RoundsInCompany(Decoder):
    """Says nearly the same of everything, and in company one unit of float32 more or less: what another order of additions does."""

    step = 2.0**-21

    def predict(self, examples):
        scores = 5.0 + 1e-3 * super().predict(examples)
        return scores + self.step * (len(examples) % 2)


class SaysMoreInCompany(RoundsInCompany):
    step = 2.0**-12


def test_rounding_is_no_dependence_on_the_batch(store, folds):
    assert audited(RoundsInCompany, store, folds)["batch_size"].status == "pass"
    assert audited(SaysMoreInCompany, store, folds)["batch_size"].status == "fail"


def test_fit_on_test_data_is_caught(store, folds):
    assert audited(ReadsEverything, store, folds, depth="full")["fit_on_train_only"].status == "fail"


@pytest.mark.parametrize("protocol", [RandomWindows(n_folds=3), Blocked(n_folds=4)])
def test_marked_splits_fail(store, protocol):
    folds = protocol.folds(store.index, seed=0)[:3]
    rows = audited(Decoder, store, folds)
    assert rows["group_overlap"].status == "fail"
    assert protocol.mark in rows["group_overlap"].why


def test_classifier_on_pure_noise_stays_at_chance_and_passes(tmp_path):
    store = listening_store(tmp_path / "s", n_subjects=6, gain=0.0, trial_s=16)
    folds = BetweenTrial(n_folds=3).folds(store.index, seed=0)
    rows = audited(Powers, store, folds, task=Classify())
    assert not failed({"powers": list(rows.values())})
    assert rows["audio_shifted"].status == rows["order_swapped"].status == "skipped"


def test_one_trial_cannot_be_permuted(tmp_path):
    store = listening_store(tmp_path / "s", n_subjects=1, n_trials=1)
    rows = audited(Decoder, store, Blocked(n_folds=4).folds(store.index, seed=0), window_s=1.0)
    assert rows["eeg_permuted"].status == "skipped"
    assert rows["trial_permutation"].status == "skipped"
    assert rows["eeg_noise"].status == "pass"

"""A control without power is no pass, and what a claim rests on is the interval that the report shows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mindleaf.evaluation.permutation import trial_permutation
from mindleaf.evaluation.refits import _exchange_verdict
from mindleaf.evaluation.statistics import claims_above_chance, window_metrics
from mindleaf.evaluation.verdict import ControlScore, must_be_at_chance


def judged(control, real, clusters):
    score = ControlScore(control, real, control, 0.5, clusters)
    return must_be_at_chance("eeg_noise", score, 0, "leak", below_is_failure=True).status


def test_control_that_keeps_the_whole_score_does_not_pass_for_want_of_trials():
    per_trial = np.array([1.0, 0.4, 0.9, 0.5, 1.0, 0.8])
    values = np.concatenate([np.arange(10) < 10 * share for share in per_trial]).astype(float)
    clusters = np.repeat(np.arange(6), 10)
    assert judged(values, values, clusters) == "skipped"
    luck = np.tile([1.0, 0.0], 30)
    assert judged(luck, values, clusters) == "pass"
    assert judged(values, luck, clusters) == "pass"


def test_an_interval_goes_no_further_than_shares_go():
    few = np.concatenate([np.ones(35), np.zeros(5)])
    score = ControlScore(few, 1.0 - few, few, 0.5, np.repeat(np.arange(4), 10))
    assert score.interval(score.control, 0)[1] == 1.0 and score.interval(score.real, 0)[0] == 0.0
    assert score.interval(score.real - score.control, 0)[0] == -1.0
    assert score.interval(score.control - score.real, 0)[1] == 1.0


def test_exchanged_labels_pass_only_where_they_cost_the_score():
    found = [_exchange_verdict(p, "", *flags).status for p, *flags in [(0.05, False, False), (0.4, True, True)]]
    assert found == ["pass", "fail"]
    assert _exchange_verdict(0.4, "", True, False).status == "skipped"
    assert _exchange_verdict(0.4, "", False, True).status == "skipped"


def labels_table(answers, says, fold):
    """One trial and one subject per row of ``answers``, four windows each."""
    rows = pd.DataFrame({"answer": np.repeat(answers, 4), "fold": np.repeat(fold, 4), "says": np.repeat(says, 4)})
    rows["subject"] = rows["recording"] = [f"{k // 4:02d}" for k in range(len(rows))]
    rows["score_1"], rows["score_2"] = 1.0 - rows["says"], rows["says"].astype(float)
    return rows.assign(dataset="d", trial="t", n_options=2)


def test_constant_answer_scores_chance_where_every_subject_has_one_class():
    answers = np.array([0] * 16 + [1] * 4)
    table = labels_table(answers, np.zeros(20, int), [str(k) for k in range(20)])
    summary, per_fold = window_metrics(table, "labels", seed=0)
    found = summary["balanced_accuracy"]
    assert (found["mean"], found["chance"], found["over"], found["sd"]) == (0.5, 0.5, "pooled", None)
    assert summary["kappa"]["mean"] == 0
    assert summary["weighted_f1"]["mean"] == pytest.approx(summary["weighted_f1"]["chance"])
    assert summary["accuracy"]["over"] == "folds"
    assert all(fold["metrics"]["balanced_accuracy"] is None for fold in per_fold)
    assert all(fold["metrics"]["accuracy"] is not None for fold in per_fold)
    assert not claims_above_chance(table, "labels", seed=0)
    row = trial_permutation(table, "labels", 0.5, seed=0)
    assert row.status == "skipped"
    assert "always gives one answer" in row.why


def test_folds_with_every_class_are_averaged_and_the_claim_is_the_reported_interval():
    rng = np.random.default_rng(0)
    answers = np.tile([0, 1], 12)
    says = np.where(rng.random(24) < 0.8, answers, 1 - answers)
    table = labels_table(answers, says, [str(k // 8) for k in range(24)])
    summary, per_fold = window_metrics(table, "labels", seed=0)
    found = summary["balanced_accuracy"]
    assert found["over"] == "folds"
    assert np.isclose(found["mean"], np.mean([fold["metrics"]["balanced_accuracy"] for fold in per_fold]))
    assert 0 <= found["ci95"][0] <= found["mean"] <= found["ci95"][1] <= 1
    assert claims_above_chance(table, "labels", seed=0) == (found["ci95"][0] > found["chance"])

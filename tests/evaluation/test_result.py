"""From cells to results.json, predictions.parquet and report.html."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student_t
from toy_listeners import Decoder, LouderVoice, Powers, listening_store

from mindleaf.errors import BadInput
from mindleaf.evaluation.audit import audit
from mindleaf.evaluation.predict import run_system
from mindleaf.evaluation.report import _below_floor
from mindleaf.evaluation.result import Result
from mindleaf.evaluation.statistics import window_metrics
from mindleaf.metrics.scores import accuracy, confusion, decisions
from mindleaf.protocols import BetweenTrial, LeaveOneSubjectOut, RandomWindows
from mindleaf.systems.registry import build_system
from mindleaf.tasks import Attention, Classify


@pytest.fixture(scope="module")
def result(store, folds, decoder_run):
    louder = run_system("louder", LouderVoice, store, None, Attention(), folds, [2.0], seed=0, floor=True)
    audits = audit([decoder_run, louder], folds, store, None, Attention(), seed=0)
    return Result(
        [decoder_run, louder], folds, "toy", "attention", "between_trial", "candidates", 0, audits=audits, audit_depth="quick",
        notes=["An easy setting <script>alert(1)</script>"], provenance={"store sha256": store.content_sha256},
    )  # fmt: skip


def test_results_follow_the_published_schema(result):
    content = result.to_json()
    assert content["version"] == 1
    assert {"dataset", "task", "protocol", "leaky", "seed", "n_subjects", "commit", "audit_depth"} <= set(content)
    assert [(s["name"], s["window_s"]) for s in content["systems"]] == [("decoder", 2.0), ("decoder", 5.0), ("louder", 2.0)]
    entry = content["systems"][0]
    assert {"n_parameters", "weights", "seconds", "status", "n_windows", "metrics", "folds", "audit"} <= set(entry)
    assert {"mean", "sd", "ci95", "chance"} <= set(entry["metrics"]["accuracy"])
    assert {"fold", "groups_test", "metrics"} == set(entry["folds"][0])
    assert {"control", "expected", "observed", "status", "why"} == set(entry["audit"][0])
    assert {"a", "b", "metric", "difference", "ci95", "p", "p_corrected", "test"} <= set(content["comparisons"][0])
    json.dumps(content, allow_nan=False)


def test_mean_is_the_mean_of_the_folds_and_lies_in_its_interval(result):
    found = result.to_json()["systems"][0]
    values = [fold["metrics"]["accuracy"] for fold in found["folds"]]
    assert found["metrics"]["accuracy"]["mean"] == pytest.approx(np.mean(values))
    low, high = found["metrics"]["accuracy"]["ci95"]
    assert 0.5 < low <= found["metrics"]["accuracy"]["mean"] <= high


def test_predictions_table_tells_the_same_story(result):
    table = result.predictions
    part = table[(table["system"] == "decoder") & (table["window_s"] == 2.0) & (table["fold"] == table["fold"].iloc[0])]
    matrix = confusion(part["answer"], decisions(part[["score_1", "score_2"]].to_numpy()))
    assert accuracy(matrix) == pytest.approx(part["correct"].mean())
    assert set(table.columns) >= {"subject", "session", "run", "recording", "trial", "start", "stop", "n_options", "predicted"}


def test_three_files_are_written_and_the_report_is_one_safe_page(result, tmp_path):
    folder = result.write(tmp_path / "out")
    assert sorted(path.name for path in folder.iterdir()) == ["predictions.parquet", "report.html", "results.json"]
    assert len(pd.read_parquet(folder / "predictions.parquet")) == len(result.predictions)
    page = (folder / "report.html").read_text()
    assert "<script" not in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "Not a medical device" in page
    assert page.count("<svg") >= 4


def test_leaky_split_is_said_at_the_top(store):
    folds = RandomWindows(n_folds=3).folds(store.index, seed=0)[:3]
    run = run_system("decoder", Decoder, store, None, Attention(), folds, [2.0], seed=0)
    leaky = Result([run], folds, "toy", "attention", "random_windows", "candidates", seed=0)
    assert leaky.to_json()["leaky"] is True
    page = leaky.html()
    assert page.index("This split is leaky") < page.index("In short")


def test_what_does_not_apply_is_listed_with_its_reason(store, folds):
    run = run_system("decoder", Decoder, store, None, Classify(), folds, [2.0], seed=0)
    assert (run.status, run.cells) == ("not applicable", [])
    content = Result([run], folds, "toy", "classify", "between_trial", "labels", seed=0).to_json()
    assert content["systems"][0]["why"]
    too_long = run_system("decoder", Decoder, store, None, Attention(), folds, [2.0, 1000.0], seed=0)
    assert 1000.0 in too_long.missing
    with pytest.raises(BadInput, match="no trial holds a window"):
        run_system("decoder", Decoder, store, None, Attention(), folds, [1000.0], seed=0)


def test_a_training_that_its_time_limit_ended_is_undertrained(store, folds):
    settings = ("training.limit_s=1e-9", "training.device=cpu", "training.batch_size=4")
    run = run_system("short", lambda: build_system("mindmix_eeg", settings), store, None, Classify(), folds[:1], [2.0], seed=0)
    assert run.cells and run.status == "undertrained"
    assert "time limit ended training in 1 of 1" in run.why


def test_a_classifier_answers_with_the_stream_that_carries_its_class(store, folds):
    run = run_system("powers", Powers, store, None, Attention(), folds[:1], [2.0], seed=0)
    cell = run.cells[0]
    class_scores = cell.system.predict(cell.test)
    place = {name: k for k, name in enumerate(cell.test.classes)}
    expected = [class_scores[i, place[side]] for i, side in enumerate(cell.test.rows["side_2"])]
    assert cell.scores[:, 1] == pytest.approx(expected)


def test_an_interval_weighs_folds_by_their_clusters(tmp_path):
    """Leave-one-subject-out: the interval must come from subjects, whose folds count as often as they do."""
    store = listening_store(tmp_path / "s", n_subjects=6, n_trials=2, gain=0.05, trial_s=20)
    folds = LeaveOneSubjectOut().folds(store.index, seed=0)
    run = run_system("decoder", Decoder, store, None, Attention(), folds, [2.0], seed=0)
    summary, per_fold = window_metrics(run.predictions(), "candidates", seed=0)
    values = np.array([fold["metrics"]["accuracy"] for fold in per_fold])
    assert len(set(values)) > 3, "wanted subjects that differ"
    half = student_t.ppf(0.975, 5) * values.std(ddof=1) / np.sqrt(6)
    assert summary["accuracy"]["ci95"] == pytest.approx([values.mean() - half, values.mean() + half], abs=1e-6)
    assert summary["accuracy"]["unit"] == "subject"


def test_fitted_systems_are_not_fitted_again(store, folds, decoder_run):
    ready = {cell.fold.name: cell.system for cell in decoder_run.cells}

    def refuse():
        raise AssertionError("a fitted system must not be built again")

    run = run_system("ready", refuse, store, None, Attention(), folds, [2.0], seed=0, fitted=lambda fold: ready[fold.name])
    assert run.predictions()["score_1"].tolist() == decoder_run.at(2.0)[0].predictions()["score_1"].tolist() + [
        x for cell in decoder_run.at(2.0)[1:] for x in cell.predictions()["score_1"]
    ]


def test_controls_change_examples_not_systems(decoder_run):
    cell = decoder_run.cells[0]
    silent = cell.system.predict(replace(cell.test, replace_eeg="zero"))
    assert np.ptp(silent) == 0


def test_one_fold_has_no_spread(store):
    folds = BetweenTrial(n_folds=3).folds(store.index, seed=0)[:1]
    run = run_system("decoder", Decoder, store, None, Attention(), folds, [2.0], seed=0)
    content = Result([run], folds, "toy", "attention", "between_trial", "candidates", seed=0).to_json()
    assert content["systems"][0]["metrics"]["accuracy"]["sd"] is None


def test_the_report_says_where_a_system_stands_below_the_floor():
    def entry(name, score, floor):
        return {
            "name": name,
            "window_s": 2.0,
            "floor": floor,
            "metrics": {"accuracy": {"mean": score, "ci95": [0.4, 0.8], "chance": 0.5}},
        }

    net, trf = entry("net", 0.6, False), entry("trf", 0.7, True)
    assert _below_floor([net], [net, trf], "accuracy") == ["2 s (trf 0.700 against 0.600)"]
    better = entry("net", 0.8, False)
    assert _below_floor([better], [better, trf], "accuracy") == []

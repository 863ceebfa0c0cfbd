"""One store to train on, another to be tested on: what is matched, what is told, and what is caught."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest

from mindleaf.errors import BadInput
from mindleaf.evaluation.predict import run_system
from mindleaf.evaluation.prepared_rows import PreparedRows
from mindleaf.evaluation.result import Result
from mindleaf.protocols import read_folds
from mindleaf.stages.evaluate import evaluate
from mindleaf.stages.question import EvaluateConfig, folds_of
from mindleaf.stages.two_stores import comparison_notes
from mindleaf.store.store import Store
from mindleaf.systems.registry import build_system
from mindleaf.tasks import build_task
from tests.stages.command import mindleaf, worked
from tests.stages.two_data_sets import MANY, listeners, rhythms

FEW_STEPS = ("training.steps=2", "training.batch_size=8", "warm_start=false")
ZERO_SHOT = ("--protocol", "cross_dataset", "--task", "attention", "--window", "4", "--quiet")


@pytest.fixture(scope="module")
def near(tmp_path_factory) -> Store:
    return listeners(tmp_path_factory.mktemp("near") / "store", "near")


@pytest.fixture(scope="module")
def far(tmp_path_factory) -> Store:
    return listeners(tmp_path_factory.mktemp("far") / "store", "far", MANY, sfreq=100.0, seed=9, n_streams=3)


def asked(store: Store, test: Store, out: Path, *models: str, task="attention", **more) -> Result:
    config = EvaluateConfig(task=task, protocol="cross_dataset", windows_s=(4.0,), floor=False, **more)
    return evaluate(config, store.path, models, out, test_store=test.path, quiet=True)


def entries(content: dict) -> dict[str, dict]:
    return {entry["name"]: entry for entry in content["systems"]}


def control(result: Result, system: str, name: str):
    return next(row for row in result.audits[system] if row.control == name)


def test_another_data_set_is_decoded_without_having_been_seen(near, far, tmp_path):
    stores = ("--store", near.path, "--test-store", far.path)
    worked("evaluate", *stores, "--model", "trf", *ZERO_SHOT, "--out", tmp_path)
    content = json.loads((tmp_path / "results.json").read_text())
    assert (content["dataset"], content["protocol"], content["leaky"]) == ("near -> far", "cross_dataset", False)
    trf = entries(content)["trf"]
    accuracy = trf["metrics"]["accuracy"]
    assert accuracy["mean"] > 0.7 and accuracy["ci95"][0] > accuracy["chance"] == pytest.approx(1 / 3)
    assert trf["folds"][0]["groups_test"] == ["far"] and trf["n_windows"] == 48
    assert not [row for row in trf["audit"] if row["status"] == "fail"]
    report = (tmp_path / "report.html").read_text()
    assert "The stores have 5 and 8 channels, 5 of them by the same name. These were read for trf" in report
    (fold,) = read_folds(tmp_path / "folds.json")
    assert set(fold.test["dataset"]) == {"far"} and set(fold.train["dataset"]) == {"near"}
    split = ("--split", tmp_path / "folds.json", *ZERO_SHOT[2:], "--model", "trf", "--out", tmp_path / "again")
    worked("evaluate", *stores, *split)
    again = json.loads((tmp_path / "again" / "results.json").read_text())
    assert entries(again)["trf"]["metrics"] == trf["metrics"]
    assert "wants the --test-store it was made with, got none" in mindleaf("evaluate", *stores[:2], *split).complaint


def test_nothing_is_decoded_where_nothing_is_there(tmp_path):
    train = listeners(tmp_path / "near", "near", seed=1, related=False)
    test = listeners(tmp_path / "far", "far", MANY, seed=2, related=False)
    metric = entries(asked(train, test, tmp_path / "out", "trf").to_json())["trf"]["metrics"]["accuracy"]
    assert metric["ci95"][0] < metric["chance"] and abs(metric["mean"] - 0.5) < 0.15


def test_match_and_mismatch_carry_over(near, far, tmp_path):
    metric = entries(asked(near, far, tmp_path, "trf", task="match_mismatch").to_json())["trf"]["metrics"]["accuracy"]
    assert metric["mean"] > 0.75 and metric["ci95"][0] > 0.5


def test_classes_are_matched_by_name_and_new_ones_left_out_with_a_note(tmp_path):
    train = rhythms(tmp_path / "a", "a", {"left": 9.0, "right": 20.0})
    test = rhythms(tmp_path / "b", "b", {"feet": 14.0, "right": 20.0, "left": 9.0}, MANY, seed=5)
    result = asked(train, test, tmp_path / "out", "bandpower_lr", task="classify")
    (entry,) = result.to_json()["systems"]
    assert entry["n_windows"] == 36 and entry["metrics"]["balanced_accuracy"]["mean"] > 0.9
    assert "18 test windows of feet were left out: the training store has no such class." in result.notes
    other = rhythms(tmp_path / "c", "c", {"hand": 9.0, "foot": 20.0})
    with pytest.raises(BadInput, match=r"classes \(foot, hand\) are none of the training store's \(left, right\)"):
        asked(train, other, tmp_path / "none", "bandpower_lr", task="classify")


def test_systems_that_need_equal_channels_say_so_where_there_are_none(near, tmp_path):
    test = listeners(tmp_path / "b", "b", ("Oz", "P3", "P4"), seed=4, n_subjects=1)
    config = EvaluateConfig(task="attention", protocol="cross_dataset")
    folds = folds_of(config, near, test)
    found = {}
    for name in ("trf", "mindmix"):
        build = partial(build_system, name, FEW_STEPS if name == "mindmix" else ())
        found[name] = run_system(name, build, near, test, build_task("attention"), folds, [4.0], seed=0)
    assert found["trf"].status == "not applicable" and "none in common" in found["trf"].why
    assert found["mindmix"].status == "ok" and len(found["mindmix"].predictions()) == 16
    prepared = PreparedRows(near, test, build_task("attention"), 0)
    assert "mindmix read all channels of either store." in list(comparison_notes(prepared, list(found.values()), [4.0]))[1]


def test_the_audit_finds_subjects_and_sounds_that_stand_in_both_stores(near, tmp_path):
    same_sounds = listeners(tmp_path / "b", "b", seed=6, voices=0)
    row = control(asked(near, same_sounds, tmp_path / "sounds", "trf"), "trf", "group_overlap")
    assert row.status == "fail" and row.why.endswith("keeps apart: audio")
    recordings = listeners(tmp_path / "c", "near", seed=7)
    with pytest.raises(BadInput, match="wants other recordings than --store, both hold 'near-0'"):
        asked(near, recordings, tmp_path / "names", "trf")


def test_the_audit_finds_a_person_and_a_signal_that_stand_in_both_stores(near, tmp_path):
    met = listeners(tmp_path / "met", "near", seed=8, voices=50, prefix="again", n_subjects=2)
    row = control(asked(near, met, tmp_path / "person", "trf"), "trf", "group_overlap")
    assert row.status == "fail" and "subject" in row.why and "subject 2" in row.observed
    copy = listeners(tmp_path / "copy", "copy", n_subjects=2)
    row = control(asked(near, copy, tmp_path / "signal", "trf"), "trf", "duplicate_signals")
    assert row.status == "fail" and "near-0 = copy-0" in row.why


def test_what_makes_no_sense_between_stores_is_refused(near, far, tmp_path):
    stores = ("--store", near.path, "--test-store", far.path, "--out", tmp_path / "out", "--quiet")
    said = mindleaf("evaluate", *stores, "--model", "trf", "--task", "attention", "--protocol", "between_trial").complaint
    assert said.startswith("--test-store wants the protocol cross_dataset, got between_trial")
    alone = ("--store", near.path, "--out", tmp_path / "out", "--quiet", "--task", "attention", "--protocol", "cross_dataset")
    assert "give the second one with --test-store" in mindleaf("evaluate", *alone, "--model", "trf").complaint
    assert "give evaluate the RUN" in mindleaf("finetune", "mindmix-tiny", *alone).complaint
    assert not (tmp_path / "out").exists()

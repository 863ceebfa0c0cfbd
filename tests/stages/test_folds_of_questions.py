"""What the stages make of a question: rows for each share, folds that cannot be learned from, settings nobody takes."""

from __future__ import annotations

import pytest

from mindleaf.errors import BadInput
from mindleaf.protocols import LeaveOneSubjectOut, read_folds, write_folds
from mindleaf.stages.contestants import shared_folds
from mindleaf.stages.evaluate import evaluate, evaluate_on
from mindleaf.stages.question import EvaluateConfig, folds_of
from mindleaf.tasks import build_task
from tests.stages.command import mindleaf
from tests.stages.two_data_sets import listeners, rhythms


@pytest.fixture(scope="module")
def heard(tmp_path_factory):
    return listeners(tmp_path_factory.mktemp("heard") / "store", "heard")


def question(**more) -> EvaluateConfig:
    return EvaluateConfig(**{"task": "attention", "protocol": "data_efficiency", "windows_s": (4.0,), "floor": False} | more)


def test_each_share_of_the_training_trials_has_its_row(heard, tmp_path):
    wishes = ("protocol.of=cross_subject", "protocol.n_folds=3")
    result = evaluate(question(settings=wishes), heard.path, ["trf"], tmp_path / "out", quiet=True)
    rows = result.to_json()["systems"]
    assert [row["name"] for row in rows] == ["trf (25%)", "trf (50%)", "trf (75%)", "trf (100%)"]
    assert [row["train_share"] for row in rows] == [0.25, 0.5, 0.75, 1.0] and {row["n_windows"] for row in rows} == {48}
    plain = evaluate_on(
        "trf", heard, "attention", folds_of(question(protocol="cross_subject", settings=wishes[1:]), heard), [4.0]
    )
    assert plain.to_json()["systems"][0]["metrics"] == rows[-1]["metrics"]
    assert result.to_json()["comparisons"] == []


def test_wishes_reach_the_protocol_whose_shares_are_taken(heard):
    wishes = ("protocol.of=random_windows", "protocol.scope=pooled", "protocol.shares=[0.5,1]")
    folds = folds_of(question(settings=wishes), heard)
    assert [fold.name for fold in folds] == [*(f"50%/{k}" for k in range(5)), *map(str, range(5))]
    assert set((folds[0].train["stop"] - folds[0].train["start"]).round(6)) == {4.0}
    with pytest.raises(BadInput, match="no field 'n_fold'"):
        folds_of(question(settings=("protocol.n_fold=3",)), heard)


def test_a_fold_of_one_class_is_left_out_and_said(tmp_path):
    store = rhythms(tmp_path / "store", "d", {"left": 9.0, "right": 20.0})
    fair, other, third = LeaveOneSubjectOut().folds(store.index)
    alone = store.index[store.index["label"] == "left"].merge(other.train[["recording", "trial"]], on=["recording", "trial"])
    poor = type(other)("poor", alone[other.train.columns], other.validation, other.test, "subject", other.groups_test)
    result = evaluate_on("bandpower_lr", store, "classify", [fair, poor, third], [4.0])
    row = result.to_json()["systems"][0]
    assert row["status"] == "incomplete" and row["metrics"]["balanced_accuracy"]["mean"] > 0.9
    assert row["why"] == "1 of 3 fold(s) left out, first poor: all training windows are of one class (left)"
    assert [fold["fold"] for fold in row["folds"] if not fold["metrics"]] == ["poor"]
    assert row["why"] in result.html()
    none = evaluate_on("bandpower_lr", store, "classify", [poor], [4.0]).to_json()["systems"][0]
    assert none["status"] == "not applicable" and "one class (left)" in none["why"]


def test_settings_for_a_system_that_is_not_there_are_refused(heard, tmp_path):
    for setting, owner in (("cca.n_components=2", "cca"), ("mindmix.form=tiny", "mindmix"), ("system.x=1", "system")):
        with pytest.raises(BadInput, match=rf"--set {setting}: {owner} does not take part; systems here: trf;"):
            evaluate(question(settings=(setting,)), heard.path, ["trf"], tmp_path / "out", quiet=True)
    assert not (tmp_path / "out").exists()


def test_a_split_of_another_store_is_refused(heard, tmp_path):
    asked = question(protocol="cross_subject", settings=("protocol.n_folds=3",))
    task, split = build_task("attention"), tmp_path / "folds.json"
    write_folds(split, folds_of(asked, heard), protocol="cross_subject", store=heard.content_sha256)
    folds, protocol = shared_folds(asked, heard, split, ["trf"], task)
    assert protocol == "cross_subject" and [f.to_json() for f in folds] == [f.to_json() for f in read_folds(split)]
    # Recordings of the same names with other signals: every span of the folds is found in it.
    other = listeners(tmp_path / "other", "heard", seed=3)
    with pytest.raises(BadInput, match="was made with another store than"):
        evaluate(asked, other.path, ["trf"], tmp_path / "out", split=split, quiet=True)
    assert not (tmp_path / "out").exists()
    write_folds(split, folds, protocol="cross_subject")  # a file of one's own that names no store
    assert len(shared_folds(asked, other, split, ["trf"], task)[0]) == len(folds)


@pytest.mark.parametrize("verb", [("pretrain", "mindmix-tiny"), ("align", "mindmix-tiny"), ("explain", "--model", "nowhere")])
def test_a_split_of_another_store_is_refused_by_the_verbs_that_train_and_explain(heard, tmp_path, verb):
    split = tmp_path / "folds.json"
    folds = folds_of(question(protocol="cross_subject", settings=("protocol.n_folds=3", "protocol.only=[0]")), heard)
    write_folds(split, folds, protocol="cross_subject", store="0" * 64)
    words = ("--store", heard.path, "--split", split, "--out", tmp_path / "out", "--quiet")
    assert mindleaf(*verb, *words).complaint.startswith(f"--split {split} was made with another store than {heard.path}")
    assert not (tmp_path / "out").exists()

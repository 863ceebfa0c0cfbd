"""The whole road on a small generated experiment: what every verb writes, refuses and remembers."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest

from mindleaf.protocols import read_folds
from mindleaf.store.exposure import Exposure
from mindleaf.store.store import Store
from tests.stages.command import FEW_ALIGN_STEPS, FEW_LISTENER_STEPS, FEW_STEPS, TINY, mindleaf, unfinished, worked

STATUSES = {"ok", "not applicable", "not built", "contaminated", "undertrained"}
QUESTION = ("--task", "attention", "--window", "2")
ONE_FOLD = ("--protocol", "between_trial", "--set", "protocol.n_folds=4", "--set", "protocol.only=[0]")


@pytest.fixture(scope="module")
def road(tmp_path_factory) -> Path:
    """data -> store -> pretrained without and with the split -> aligned -> fine-tuned -> evaluated, each in its folder."""
    folder = tmp_path_factory.mktemp("road")
    store = ("--store", folder / "store", "--quiet")
    worked(
        "prepare", "synthetic", "--root", folder / "data", "--out", folder / "store", *TINY, "--pipeline", "mindmix", "--quiet"
    )
    worked("evaluate", *store, "--model", "bandpower_lr", "--no-floor", *QUESTION, *ONE_FOLD, "--out", folder / "first")
    split = ("--split", folder / "first" / "folds.json")
    worked("pretrain", "mindmix-tiny", *store, "--out", folder / "seen", *FEW_STEPS)
    worked("pretrain", "mindmix-tiny", *store, *split, "--out", folder / "clean", *FEW_STEPS)
    worked("align", "mindmix-tiny", *store, *split, "--start", folder / "clean", "--out", folder / "aligned", *FEW_ALIGN_STEPS)
    start = ("--start", folder / "aligned")
    worked("finetune", "mindmix-tiny", *store, *start, *QUESTION, *ONE_FOLD, *FEW_LISTENER_STEPS, "--out", folder / "tuned")
    worked("evaluate", *store, "--model", folder / "tuned", *QUESTION, "--out", folder / "report")
    return folder


def results(folder: Path) -> dict:
    return json.loads((folder / "results.json").read_text())


def ask(road: Path, *words: object, out: Path):
    return mindleaf("evaluate", "--store", road / "store", "--quiet", *QUESTION, *words, "--out", out)


def test_a_store_holds_its_parts(road):
    store = Store(road / "store")
    assert store.manifest["unit"] == "uV" and len(store.content_sha256) == 64
    assert {entry["sha256"] for entry in store.manifest["recordings"]} and store.verify() == []
    assert len(store.recordings) == 3 and len(store.index) == 12 and len(store.stimuli) == 8
    assert list((road / "store" / "views").rglob("*.npy"))


def test_what_is_unchanged_is_not_prepared_twice(road, tmp_path):
    copy = shutil.copytree(road / "store", tmp_path / "store")
    before = {path: path.stat().st_mtime_ns for path in (copy / "signals").iterdir()}
    done = worked("prepare", "synthetic", "--root", road / "data", "--out", copy)
    assert "(0 prepared, 3 unchanged)" in " ".join(done.err.split())
    assert {path: path.stat().st_mtime_ns for path in (copy / "signals").iterdir()} == before


@pytest.mark.parametrize("run", ["seen", "clean", "aligned"])
def test_a_trained_run_describes_itself(road, run):
    folder = road / run
    for name in ("config.json", "model.safetensors", "card.md", "log.jsonl", "sha256.json", "exposure.json"):
        assert (folder / name).is_file(), name
    assert list((folder / "checkpoints").glob("step_*/COMMIT"))
    assert list((folder / "tensorboard").iterdir())
    steps = [json.loads(line)["step"] for line in (folder / "log.jsonl").read_text().splitlines()]
    assert steps == [0, 1]
    card = (folder / "card.md").read_text()
    seen = Exposure.read(folder / "exposure.json")
    for name in (*seen.subjects, *seen.stimuli, *(span.recording_sha256 for span in seen.spans)):
        assert name in card
    assert seen.subjects == ("synthetic/01", "synthetic/02", "synthetic/03")
    assert str(road) not in card


def test_a_fine_tuned_run_holds_its_folds(road):
    folder = road / "tuned"
    folds = read_folds(folder / "folds.json")
    assert len(folds) == 1
    assert (folder / "folds" / "000" / "model.safetensors").is_file()
    assert (folder / "folds" / "000" / "card.md").is_file()


def test_results_follow_the_schema(road):
    content = results(road / "report")
    assert content["version"] == 1
    assert (content["dataset"], content["task"], content["protocol"], content["seed"]) == (
        "synthetic",
        "attention",
        "between_trial",
        0,
    )
    tested = pd.read_parquet(road / "report" / "predictions.parquet")["subject"].nunique()
    assert content["leaky"] is False and content["n_subjects"] == tested and content["audit_depth"] == "quick"
    assert isinstance(content["commit"], str)
    assert [system["name"] for system in content["systems"]] == ["mindmix (tuned)", "trf"]
    for system in content["systems"]:
        assert {"n_parameters", "weights", "seconds", "window_s", "n_windows"} <= system.keys()
        assert system["status"] in STATUSES and system["window_s"] == 2.0
        for metric in system["metrics"].values():
            low, high = metric["ci95"]
            assert {"mean", "sd", "chance"} <= metric.keys()
            assert low <= metric["mean"] <= high
        assert system["metrics"]["accuracy"]["chance"] == 0.5
        assert [fold["groups_test"] for fold in system["folds"]]
        assert {"control", "expected", "observed", "status", "why"} <= system["audit"][0].keys()
        assert {row["status"] for row in system["audit"]} <= {"pass", "fail", "skipped"}
    assert {(c["a"], c["b"]) for c in content["comparisons"]} == {("mindmix (tuned)", "trf")}
    for comparison in content["comparisons"]:
        assert {"metric", "difference", "ci95", "p", "p_corrected", "test"} <= comparison.keys()


def test_predictions_hold_one_row_a_window_and_system(road):
    table = pd.read_parquet(road / "report" / "predictions.parquet")
    wanted = "system fold window_s dataset subject session run recording trial start stop n_options answer predicted correct score_1 score_2"
    assert list(table.columns) == wanted.split()
    fold = read_folds(road / "report" / "folds.json")[0]
    trials = set(map(tuple, fold.test[["recording", "trial"]].to_numpy()))
    assert set(map(tuple, table[["recording", "trial"]].to_numpy())) == trials
    windows_a_trial = 4
    assert len(table) == 2 * windows_a_trial * len(trials)
    by_system = table.groupby("system")["correct"].mean()
    for system in results(road / "report")["systems"]:
        assert system["n_windows"] == windows_a_trial * len(trials)
        assert system["metrics"]["accuracy"]["mean"] == pytest.approx(by_system[system["name"]])


def test_the_report_is_one_file(road):
    html = (road / "report" / "report.html").read_text()
    loaded = re.findall(r"""(?:src|href)\s*=\s*["']([^"'#][^"']*)|url\(\s*["']?([^"')#]+)|@import\s+["']([^"']+)""", html)
    assert [parts for parts in loaded if not "".join(parts).startswith("data:")] == []
    assert "<svg" in html or "data:image/png" in html
    assert "mindmix (tuned)" in html and "trf" in html
    assert str(road) not in html


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--protocol", "leave_one_subject_out"), "protocol"),
        (("--seed", "1"), "seed"),
        (("--task", "match_mismatch"), "task"),
    ],
)
def test_a_fine_tuned_run_is_only_evaluated_on_its_own_folds(road, tmp_path, words, named):
    done = ask(road, "--model", road / "tuned", *words, out=tmp_path / "out")
    assert f"another {named}" in done.complaint
    assert not (tmp_path / "out").exists()


def test_a_fine_tuned_run_refuses_another_store(road, tmp_path):
    worked("prepare", "synthetic", "--root", tmp_path / "data", "--out", tmp_path / "store", *TINY, "--seed", "1", "--quiet")
    done = mindleaf("evaluate", "--store", tmp_path / "store", "--model", road / "tuned", *QUESTION, "--out", tmp_path / "out")
    assert "another store" in done.complaint
    assert not (tmp_path / "out").exists()


def test_runs_of_different_folds_are_not_mixed(road, tmp_path):
    """The second one would be tested on trials it was trained on."""
    words = ("--store", road / "store", "--quiet", *QUESTION, "--protocol", "between_trial", "--set", "protocol.n_folds=4")
    worked("finetune", "mindmix-tiny", *words, "--set", "protocol.only=[1]", *FEW_LISTENER_STEPS, "--out", tmp_path / "other")
    assert (
        "different folds" in ask(road, "--model", road / "tuned", "--model", tmp_path / "other", out=tmp_path / "out").complaint
    )


def test_a_run_that_saw_the_test_is_marked(road, tmp_path):
    models = ("--model", road / "seen", "--model", road / "clean")
    done = ask(road, *models, "--no-floor", *ONE_FOLD, *FEW_LISTENER_STEPS, out=tmp_path / "out")
    assert done.code == 0, done.err
    status = {system["name"]: system["status"] for system in results(tmp_path / "out")["systems"]}
    assert status == {"mindmix (seen)": "contaminated", "mindmix (clean)": "ok"}
    tuned = {system["name"]: system["status"] for system in results(road / "report")["systems"]}
    assert tuned == {"mindmix (tuned)": "ok", "trf": "ok"}
    assert "CONTAMINATED" in (tmp_path / "out" / "report.html").read_text().upper()


def test_what_is_excluded_is_not_seen(road, tmp_path):
    words = ("pretrain", "mindmix-tiny", "--store", road / "store", "--quiet", *FEW_STEPS)
    worked(*words, "--exclude", "subject=01,02", "--out", tmp_path / "subjects")
    assert Exposure.read(tmp_path / "subjects" / "exposure.json").subjects == ("synthetic/03",)
    store = Store(road / "store")
    name = sorted(store.stimuli)[0]
    worked(*words, "--exclude", f"stimulus={name}", "--out", tmp_path / "stimuli")
    seen = Exposure.read(tmp_path / "stimuli" / "exposure.json")
    assert store.stimuli[name].sha256 not in seen.stimuli and len(seen.stimuli) >= 4


def test_audit_goes_deeper_than_evaluate(road, tmp_path):
    worked("audit", "--store", road / "store", "--model", "bandpower_lr", "--task", "classify", *ONE_FOLD, "--window", "2",
           "--quiet", "--out", tmp_path / "out")  # fmt: skip
    content = results(tmp_path / "out")
    assert content["audit_depth"] == "full"
    controls = {row["control"] for row in content["systems"][0]["audit"]}
    assert {"labels_permuted", "fit_on_train_only", "trial_identifiability"} <= controls


def test_nothing_unfinished_stays_behind(road):
    assert unfinished(road) == []

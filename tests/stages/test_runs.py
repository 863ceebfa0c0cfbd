"""runs: trainings beside each other - what differs, how they ended, their curves - from RUNs that were really trained."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from mindleaf.config import by_path, wishes_by_path
from mindleaf.recipes import RECIPES
from mindleaf.recipes.choice import STAGES, filled, recipe_of
from mindleaf.training.log import read_log
from tests.stages.command import mindleaf, worked
from tests.stages.two_data_sets import listeners, rhythms

#: The smallest encoder with a codebook, for a few steps.
SMALL = (
    "model.encoder.width=16", "model.encoder.hidden=32", "model.encoder.depth=1", "model.encoder.heads=2", "model.encoder.n_codes=16",
    "model.spectral_depth=1", "training.steps=6", "training.batch_size=8", "training.validate_every=3", "held_out_share=0.34",
)  # fmt: skip


def wishes(*settings: str) -> list[str]:
    return [word for setting in settings for word in ("--set", setting)]


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """RUNs below ``runs``: two that differ in seed and rate, one in two phases, one ended by its limit, one that went wrong, one of folds,
    and two alignments of which one starts from the first."""
    folder = tmp_path_factory.mktemp("runs")
    rhythms(folder / "rhythm", "rhythm", {"slow": 8.0, "fast": 14.0})
    listeners(folder / "talkers", "talkers")
    common = ("--store", folder / "rhythm", "--device", "cpu", "--quiet")
    runs = folder / "runs"

    def pretrain(name: str, *words: object) -> object:
        return mindleaf("pretrain", "mindmix-tiny", *common, *wishes(*SMALL), *words, "--out", runs / name)

    assert pretrain("first").code == 0
    assert pretrain("second", "--seed", 1, *wishes("training.optimiser.lr=0.01")).code == 0
    assert pretrain("phased", *wishes("schedule=two_phase")).code == 0
    assert pretrain("hurried", *wishes("training.limit_s=0.001")).code == 0
    assert "no finite loss" in pretrain("wrong", *wishes("training.optimiser.lr=1e30", "training.steps=40")).complaint
    tuned = wishes("protocol.n_folds=2", "mindmix.training.steps=4", "mindmix.training.batch_size=8")
    worked(
        "finetune", "mindmix-tiny", *common, "--task", "classify", "--protocol", "cross_subject", *tuned, "--out", runs / "tuned"
    )
    aligned = wishes(
        "listener.training.steps=3", "listener.training.batch_size=8", "listener.warm_start=false", "listener.audio=envelope"
    )
    talkers = ("--store", folder / "talkers", "--device", "cpu", "--quiet")
    worked("align", "mindmix-tiny", *talkers, *aligned, "--out", runs / "heard")
    return folder


@pytest.fixture(scope="module")
def told(made) -> dict:
    """What is said of all of them, by name."""
    values = json.loads(worked("runs", made / "runs", "--json").out)
    return {"by_name": {run["name"]: run for run in values["runs"]}, **values}


def test_numbers_are_those_of_the_log(made, told):
    lines, run = read_log(made / "runs" / "first"), told["by_name"]["first"]
    assert (run["steps"], run["seed"], run["devices"]) == ([6], 0, ["cpu"])
    assert run["losses"]["training"] == pytest.approx(lines[-1]["total"])
    assert run["seconds"] == pytest.approx(sum(line["seconds"] for line in lines))
    assert run["seen"].startswith("rhythm (") and run["parameters"] > 1000
    assert run["ended"] == "all steps" and run["skipped_batches"] == 0


def test_only_what_differs_is_listed(made):
    values = json.loads(worked("runs", made / "runs" / "first", made / "runs" / "second", "--json").out)
    assert values["differences"] == {
        "pretrain mindmix": {
            "training.optimiser.lr": {"first": 0.002, "second": 0.01},
            "training.seed": {"first": 0, "second": 1},
        }
    }
    alike = json.loads(worked("runs", made / "runs" / "first", "--json").out)
    assert alike["differences"] == {"pretrain mindmix": {}}


def test_how_a_training_ended_is_told(told):
    runs = told["by_name"]
    assert re.fullmatch(r"stopped by its time limit at step \d of 6", runs["hurried"]["ended"])
    wrong = runs["wrong"]
    assert wrong["ended"].startswith("unfinished: batches without a finite loss") and wrong["parameters"] is None
    assert wrong["skipped_batches"] > 5 and wrong["skipped_windows"] == 8 * wrong["skipped_batches"]


def test_phases_follow_each_other_and_folds_stand_beside_each_other(made, told):
    phased, tuned = told["by_name"]["phased"], told["by_name"]["tuned"]
    assert phased["steps"] == [6] and phased["ended"] == "all steps"
    curves = [json.loads((made / "runs" / "tuned" / "folds" / f"00{k}" / "findings.json").read_text())["curve"] for k in (0, 1)]
    assert tuned["steps"] == [4, 4] and tuned["planned_steps"] == 4
    assert tuned["losses"]["training"] == pytest.approx(np.mean([curve[-1]["loss"] for curve in curves]))


def test_the_loss_of_an_alignment_is_the_one_that_is_validated(made, told):
    curve = json.loads((made / "runs" / "heard" / "findings.json").read_text())["curve"]
    assert told["by_name"]["heard"]["losses"]["training"] == pytest.approx(curve[-1]["loss"])
    log = json.dumps(
        {"step": 0, "total": 3.0, "in_batch": 2.0, "chance_loss": 2.1, "unattended": 1.0, "attended_chance_loss": 0.7}
    )
    other = Path(shutil.copytree(made / "runs" / "heard", made / "chosen"))
    (other / "log.jsonl").write_text(log + "\n")
    assert json.loads(worked("runs", other, "--json").out)["runs"][0]["losses"]["training"] == 1.0


def test_the_page_is_one_file_with_everything_on_it(made, tmp_path):
    done = worked("runs", made / "runs", "--out", tmp_path / "page")
    assert done.out.strip() == str(tmp_path / "page" / "report.html")
    html = (tmp_path / "page" / "report.html").read_text()
    assert re.findall(r"""(?:src|href)\s*=\s*["'](?!#)|url\(\s*["']?(?!#)|@import""", html) == []
    assert all(name in html for name in ("first", "second", "phased", "hurried", "wrong", "tuned", "heard"))
    assert all(
        title in html for title in ("learning rate", "gradient norm", "masked accuracy", "training.optimiser.lr", "time limit")
    )
    assert html.count("<svg") == 9 and str(made) not in html
    assert [sheet["title"] for sheet in json.loads((tmp_path / "page" / "table.json").read_text())["sheets"]] == [
        "Runs", "pretrain mindmix", "align mindmix", "finetune",
    ]  # fmt: skip


def test_a_run_is_known_by_its_name_where_another_starts_from_it(made, tmp_path):
    runs = made / "runs"
    few = wishes("protocol.n_folds=2", "mindmix.training.steps=2", "mindmix.training.batch_size=8")
    worked("finetune", "mindmix-tiny", "--store", made / "rhythm", "--task", "classify", "--protocol", "cross_subject", *few, "--start",
           runs / "heard", "--device", "cpu", "--quiet", "--out", tmp_path / "started")  # fmt: skip
    values = json.loads(worked("runs", runs / "heard", runs / "tuned", tmp_path / "started", "--json").out)
    assert values["differences"]["finetune"]["start"] == {"tuned": None, "started": ["heard"]}


@pytest.fixture
def copied(made, tmp_path) -> Path:
    return Path(shutil.copytree(made / "runs" / "first", tmp_path / "other" / "first"))


def test_a_run_that_a_kill_has_left_is_shown_as_far_as_it_came(made, copied):
    for name in ("config.json", "model.safetensors", "card.md", "sha256.json", "exposure.json"):
        (copied / name).unlink()
    log = copied / "log.jsonl"
    log.write_text("".join(log.read_text().splitlines(keepends=True)[:4]) + '{"step": 4, "tot')
    values = json.loads(worked("runs", copied, made / "runs" / "first", "--json").out)
    assert [run["name"] for run in values["runs"]] == ["other/first", "runs/first"], "as much of the path as tells them apart"
    killed = values["runs"][0]
    assert killed["ended"] == "unfinished: broken off, or still running, step 4 of 6" and killed["seen"].startswith("store ")


def test_a_folder_of_runs_leaves_out_those_without_a_step(copied):
    begun = shutil.copytree(copied, copied.with_name("begun"))
    (begun / "log.jsonl").write_text("")
    done = worked("runs", copied.parent, "--json")
    assert json.loads(done.out)["left_out"] == ["begun is left out: no step of it has been logged."]
    assert "found no step" in mindleaf("runs", begun).complaint
    shutil.rmtree(copied)
    assert "found no step" in mindleaf("runs", begun.parent).complaint


DAMAGE = {
    "no text": (b"\xff\xfe\x00{", "cannot be read"),
    "no step": (b'{"total": 1.0}\n', "line 1 has none"),
    "no object": (b"5\n", "line 1 has none"),
}


@pytest.mark.parametrize("how", DAMAGE)
def test_a_log_that_no_training_wrote_is_a_sentence(copied, tmp_path, how):
    content, says = DAMAGE[how]
    (copied / "log.jsonl").write_bytes(content)
    assert says in mindleaf("runs", copied, "--out", tmp_path / "page").complaint
    assert not (tmp_path / "page").exists()


def test_what_is_no_run_is_a_sentence(made, copied, tmp_path):
    assert "wanted a RUN" in mindleaf("runs", made / "rhythm", "--out", tmp_path / "page").complaint
    assert "wanted a RUN" in mindleaf("runs", tmp_path / "nowhere").complaint
    (copied / "stage.json").write_text("{")
    assert "wanted the settings of a RUN" in mindleaf("runs", copied).complaint
    assert not (tmp_path / "page").exists()


def test_every_recipe_is_known_by_its_settings():
    for stage, verb in (("pretraining", "pretrain"), ("alignment", "align")):
        for recipe in (name for name, (owner, _) in RECIPES.items() if owner in STAGES[stage]):
            config = filled(stage, recipe, 3, "cpu").with_settings([])
            assert recipe_of(f"{verb} {RECIPES[recipe][0]}", by_path(config.model_dump(mode="json"))) == (recipe, 0)
    changed = filled("pretraining", "mindmix-small").with_settings(["training.optimiser.lr=0.3", "window_s=4"])
    assert recipe_of("pretrain mindmix", by_path(changed.model_dump(mode="json"))) == ("mindmix-small", 2)
    assert recipe_of("finetune", wishes_by_path(filled("finetuning", "leaf-small", "labels"))) == ("leaf-small", 0)
    assert recipe_of("another verb", {}) == ("", 0)

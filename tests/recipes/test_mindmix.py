"""Recipes are settings that fit: every preset, every stage, and the demo from end to end."""

from __future__ import annotations

import json

import pytest

from mindleaf.errors import BadInput
from mindleaf.recipes import RECIPES
from mindleaf.recipes.demo import run_demo
from mindleaf.recipes.mindmix import alignment, finetuning, pretraining
from mindleaf.store.exposure import Exposure
from mindleaf.store.store import Store
from mindleaf.systems.registry import build_system
from tests.stages.command import unfinished


@pytest.mark.parametrize("recipe", [name for name, (whose, _) in RECIPES.items() if whose == "mindmix"])
def test_every_recipe_has_every_stage(recipe):
    first, second = pretraining(recipe, seed=3, device="cpu"), alignment(recipe, seed=3, device="cpu")
    assert first.training.seed == second.listener.training.seed == 3
    assert first.training.device == second.listener.training.device == "cpu"
    # What is pretrained fits where it is aligned and fine-tuned: the same encoder, read before its codebook.
    assert second.listener.model.encoder == first.model.encoder.model_copy(update={"vq_input": "bypass"})
    for asks in ("candidates", "labels"):
        system = build_system("mindmix", finetuning(recipe, asks), asks)
        assert system.config.model.encoder.width == first.model.encoder.width


def test_recipes_grow():
    steps = [pretraining(recipe).training.steps for recipe in ("mindmix-tiny", "mindmix-small", "mindmix")]
    assert steps == sorted(steps) and len(set(steps)) == 3


def test_an_unknown_recipe_lists_those_there_are():
    for stage in (pretraining, alignment, lambda name: finetuning(name, "labels")):
        with pytest.raises(BadInput, match="mindmix-tiny, mindmix-small, mindmix"):
            stage("mindmax")


def test_the_demo_walks_the_whole_road(tmp_path):
    """Small enough for seconds; what it finds means nothing, that it finds it on held-out stories does."""
    sizes = ("n_subjects=2", "n_trials=4", "trial_s=8", "windows_s=[2.0]", "synthetic=tiny")
    steps = ("pretrain_steps=2", "align_steps=2", "finetune_steps=2")
    report = run_demo(tmp_path / "demo", (*sizes, *steps), quiet=True)
    assert report == tmp_path / "demo" / "report.html" and "EASY" in report.read_text()
    content = json.loads((tmp_path / "demo" / "results.json").read_text())
    assert (content["protocol"], content["leaky"]) == ("leave_one_stimulus_out", False)
    assert {system["name"]: system["status"] for system in content["systems"]} == {"mindmix (finetune)": "ok", "trf": "ok"}
    store = Store(tmp_path / "demo" / "store")
    tested = set(json.loads((tmp_path / "demo" / "folds.json").read_text())["folds"][0]["groups_test"])
    held_out = {store.stimuli[name].sha256 for name in tested if name in store.stimuli}
    for run in ("pretrain", "align", "finetune"):
        assert not held_out & set(Exposure.read(tmp_path / "demo" / run / "exposure.json").stimuli)
    assert held_out
    assert unfinished(tmp_path) == []

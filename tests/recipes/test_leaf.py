"""LEAF's recipes: sizes that grow, and the published settings as they are known."""

from __future__ import annotations

import pytest

from mindleaf.encoders.leaf import LeafConfig
from mindleaf.errors import BadInput
from mindleaf.recipes import RECIPES
from mindleaf.recipes.choice import STAGES, filled, size_of
from mindleaf.recipes.leaf import pretraining
from mindleaf.stages.pretrain import PretrainStage, SpectralTemporalStage


@pytest.mark.parametrize("recipe", [name for name, (whose, _) in RECIPES.items() if whose == "leaf"])
def test_every_recipe_of_leaf_has_a_first_stage(recipe):
    stage = filled("pretraining", recipe, 3, "cpu")
    assert isinstance(stage, SpectralTemporalStage)
    assert (stage.training.seed, stage.training.device, stage.window_s) == (3, "cpu", 4.0)
    norm = "batch" if recipe == "leaf-as-published" else "fitted"
    assert stage.model.encoder == LeafConfig.preset(RECIPES[recipe][1]).model_copy(update={"norm": norm})
    assert SpectralTemporalStage.checked(stage.model_dump(mode="json")) == stage


def test_the_base_is_ours_and_as_published_is_theirs():
    ours, theirs = pretraining("leaf"), pretraining("leaf-as-published")
    assert ours.model.encoder.model_copy(update={"norm": "batch"}) == theirs.model.encoder
    assert (ours.training.optimiser.lr, ours.epochs) == (3e-4, 0)
    rates = [theirs.training.optimiser.lr_at(step, 1000) for step in range(1000)]
    assert theirs.epochs == 10 and max(rates) == pytest.approx(1e-6) and rates[-1] == pytest.approx(1e-7, rel=0.01)


def test_recipes_grow():
    steps = [pretraining(recipe).training.steps for recipe in ("leaf-tiny", "leaf-small", "leaf")]
    assert steps == sorted(steps) and len(set(steps)) == 3


def test_a_stage_is_filled_in_by_the_recipe_that_is_named():
    assert isinstance(filled("pretraining", "mindmix-tiny"), PretrainStage)
    with pytest.raises(BadInput, match="mindmix-tiny, mindmix-small, mindmix, leaf-tiny, leaf-small, leaf, leaf-as-published"):
        filled("pretraining", "leav")
    with pytest.raises(BadInput, match="there are: leaf-tiny, leaf-small, leaf, leaf-as-published"):
        size_of("mindmix", "leaf")
    assert {whose for whose, _ in RECIPES.values()} == set(STAGES["alignment"])

"""A stage of any recipe, by the recipe's name."""

from __future__ import annotations

import pkgutil
from typing import Any

from mindleaf.errors import BadInput
from mindleaf.recipes import RECIPES

#: Stage -> whose model -> the function that fills it in, as an import string.
STAGES: dict[str, dict[str, str]] = {
    "pretraining": {
        "mindmix": "mindleaf.recipes.mindmix:pretraining",
        "leaf": "mindleaf.recipes.leaf:pretraining",
    },
    "alignment": {
        "mindmix": "mindleaf.recipes.mindmix:alignment",
        "leaf": "mindleaf.recipes.leaf:alignment",
        "both": "mindleaf.recipes.one_space:alignment",
    },
    "finetuning": {
        "mindmix": "mindleaf.recipes.mindmix:finetuning",
        "leaf": "mindleaf.recipes.leaf:finetuning",
    },
}

#: Whose model -> the stage that aligns it.
ALIGNING = {
    "mindmix": "mindleaf.stages.align:align",
    "leaf": "mindleaf.stages.instruct:instruct",
    "both": "mindleaf.stages.align_both:align_both",
}


def aligning(recipe: str) -> Any:
    """The stage that aligns a recipe's model: with sound, with language, or with both."""
    return pkgutil.resolve_name(ALIGNING[RECIPES[recipe][0]])


def owner_of(recipe: str) -> str:
    """The system that a recipe's model belongs to."""
    return RECIPES[recipe][0]


def filled(stage: str, recipe: str, *choices: Any) -> Any:
    """The stage as the recipe fills it in; raises BadInput listing the recipes where there is no such one."""
    able = [name for name, (whose, _) in RECIPES.items() if whose in STAGES[stage]]
    if recipe not in able:
        raise BadInput(f"recipe {recipe!r} is not known; there are: {', '.join(able)}.")
    return pkgutil.resolve_name(STAGES[stage][RECIPES[recipe][0]])(recipe, *choices)


def size_of(recipe: str, whose: str) -> str:
    """The encoder preset of one of these recipes; raises BadInput listing them."""
    able = [name for name, (owner, _) in RECIPES.items() if owner == whose]
    if recipe not in able:
        raise BadInput(f"recipe {recipe!r} is not known here; there are: {', '.join(able)}.")
    return RECIPES[recipe][1]

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
}


def filled(stage: str, recipe: str, *choices: Any) -> Any:
    """The stage as the recipe fills it in; raises BadInput listing the recipes where there is no such one."""
    able = [name for name, (whose, _) in RECIPES.items() if whose in STAGES[stage]]
    if recipe not in able:
        raise BadInput(f"recipe {recipe!r} is not known for {stage}; there are: {', '.join(able)}.")
    return pkgutil.resolve_name(STAGES[stage][RECIPES[recipe][0]])(recipe, *choices)


def size_of(recipe: str, whose: str) -> str:
    """The encoder preset of one of these recipes; raises BadInput listing them."""
    able = [name for name, (owner, _) in RECIPES.items() if owner == whose]
    if recipe not in able:
        raise BadInput(f"recipe {recipe!r} is not known here; there are: {', '.join(able)}.")
    return RECIPES[recipe][1]

"""A stage of any recipe, by the recipe's name."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator, Mapping
from typing import Any

from mindleaf.config import Config, by_path, wishes_by_path
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

_STAGE_OF = {"pretrain": "pretraining", "align": "alignment", "finetune": "finetuning"}
#: What is chosen beside a recipe, whatever the recipe is.
_MACHINE = Config.runtime_fields | {"seed", "start"}
_NOTHING = object()


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


def recipe_of(verb: str, settings: Mapping[str, Any]) -> tuple[str, int]:
    """The recipe that a RUN's settings are closest to, and how many of them stand otherwise in it; ("", 0) for another verb.

    verb: as the RUN names it ("align leaf"). settings: by path; of a fine-tuned RUN those of its system.
    """
    stage, _, whose = verb.partition(" ")
    ours = {path: value for path, value in settings.items() if not _MACHINE & set(path.split("."))}
    found: list[tuple[int, int, str]] = []
    for recipe, theirs in _recipes_of(_STAGE_OF.get(stage, ""), whose):
        other = {path for path in {*ours, *theirs} if ours.get(path, _NOTHING) != theirs.get(path, _NOTHING)}
        found.append((len(other), len(other & set(ours) & set(theirs)), recipe))
    return min(found, key=lambda entry: entry[0])[1:][::-1] if found else ("", 0)


def _recipes_of(stage: str, whose: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every recipe of a stage with its settings by path; of one model's where it is named."""
    for recipe, (owner, _) in RECIPES.items():
        if owner not in STAGES.get(stage, ()) or (whose and owner != whose):
            continue
        if stage == "finetuning":
            yield from ((recipe, wishes_by_path(filled(stage, recipe, asks))) for asks in ("labels", "candidates"))
        else:
            values = by_path(filled(stage, recipe).model_dump(mode="json"))
            yield recipe, {path: value for path, value in values.items() if not _MACHINE & set(path.split("."))}


def size_of(recipe: str, whose: str) -> str:
    """The encoder preset of one of these recipes; raises BadInput listing them."""
    able = [name for name, (owner, _) in RECIPES.items() if owner == whose]
    if recipe not in able:
        raise BadInput(f"recipe {recipe!r} is not known here; there are: {', '.join(able)}.")
    return RECIPES[recipe][1]

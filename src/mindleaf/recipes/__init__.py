"""Recipes by name: the size of the model each one trains."""

RECIPES: dict[str, str] = {
    "mindmix-tiny": "tiny",
    "mindmix-small": "small",
    "mindmix": "base",
}

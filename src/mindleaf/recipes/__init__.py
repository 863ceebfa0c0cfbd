"""Recipes by name: whose model each one trains, and its size."""

RECIPES: dict[str, tuple[str, str]] = {
    "mindmix-tiny": ("mindmix", "tiny"),
    "mindmix-small": ("mindmix", "small"),
    "mindmix": ("mindmix", "base"),
    "leaf-tiny": ("leaf", "tiny"),
    "leaf-small": ("leaf", "small"),
    "leaf": ("leaf", "base"),
    "leaf-as-published": ("leaf", "base"),
    "both-tiny": ("both", "tiny"),
    "both-small": ("both", "small"),
}

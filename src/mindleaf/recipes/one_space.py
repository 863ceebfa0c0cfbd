"""One space for EEG, sound and language, filled in."""

from __future__ import annotations

from mindleaf.models.one_space import OneSpaceConfig
from mindleaf.recipes.choice import size_of
from mindleaf.stages.align_both import AlignBothStage
from mindleaf.systems.one_space import OneSpaceSettings
from mindleaf.training.loop import TrainingConfig
from mindleaf.training.optimiser import OptimiserConfig

#: Steps, batch size and peak learning rate by preset; they are ours.
_ALIGNMENT = {"tiny": (600, 48, 2e-3), "small": (2000, 64, 1e-3)}


def alignment(recipe: str, seed: int = 0, device: str = "auto") -> AlignBothStage:
    """Stage 2 with sound and language at once."""
    preset = size_of(recipe, "both")
    steps, batch_size, lr = _ALIGNMENT[preset]
    training = TrainingConfig(
        steps=steps, batch_size=batch_size, optimiser=OptimiserConfig(lr=lr), seed=seed, device=device, validate_every=50,
        checkpoint_every=max(50, steps // 10),
    )  # fmt: skip
    return AlignBothStage(space=OneSpaceSettings(model=OneSpaceConfig.preset(preset), training=training))

"""LEAF, filled in: one function per stage, the preset as its variant."""

from __future__ import annotations

from mindleaf.encoders.leaf import LeafConfig
from mindleaf.models.language import LanguageConfig
from mindleaf.models.spectral_temporal import SpectralTemporalConfig
from mindleaf.objectives.instruction import AS_PUBLISHED, InstructionObjective
from mindleaf.recipes.choice import size_of
from mindleaf.stages.instruct import InstructStage
from mindleaf.stages.pretrain import SpectralTemporalStage
from mindleaf.systems.leaf_form import LeafSettings
from mindleaf.training.loop import TrainingConfig
from mindleaf.training.optimiser import OptimiserConfig

#: Steps, batch size and peak learning rate of reconstruction by preset; they are ours.
_PRETRAINING = {"tiny": (400, 32, 2e-3), "small": (2000, 64, 1e-3), "base": (100_000, 256, 3e-4)}
_ALIGNMENT = {"tiny": (400, 32, 2e-3), "small": (1500, 64, 1e-3), "base": (20_000, 256, 2e-4)}
#: The learning rate of the published reconstruction, first and last, and its passes over the data: so little that the tower
#: ends where it began. Its batch size is not known; ours stands.
_PUBLISHED_LR, _PUBLISHED_LAST_LR, _PUBLISHED_EPOCHS = 1e-6, 1e-7, 10
#: The published tower, norm of the tokenizer included.
_PUBLISHED_TOWER = LeafConfig(norm="batch")


def pretraining(recipe: str, seed: int = 0, device: str = "auto") -> SpectralTemporalStage:
    """Stage 1. "leaf-as-published" is the base size with the published learning rate and epochs, close to no training at all."""
    preset = size_of(recipe, "leaf")
    steps, batch_size, lr = _PRETRAINING[preset]
    checkpoints = max(50, steps // 10)
    training = TrainingConfig(
        steps=steps, batch_size=batch_size, optimiser=OptimiserConfig(lr=lr), seed=seed, device=device,
        validate_every=checkpoints, checkpoint_every=checkpoints,
    )  # fmt: skip
    stage = SpectralTemporalStage(model=SpectralTemporalConfig.preset(preset), training=training)
    if recipe != "leaf-as-published":
        return stage
    stage = stage.model_copy(update={"model": SpectralTemporalConfig(encoder=_PUBLISHED_TOWER)})
    slow = OptimiserConfig(lr=_PUBLISHED_LR, floor=_PUBLISHED_LAST_LR / _PUBLISHED_LR)
    return stage.model_copy(update={"training": training.model_copy(update={"optimiser": slow}), "epochs": _PUBLISHED_EPOCHS})


def alignment(recipe: str, seed: int = 0, device: str = "auto") -> InstructStage:
    """Stage 2. "leaf-as-published" keeps the published shares of the instruction levels, negatives, texts and temperature."""
    preset = size_of(recipe, "leaf")
    steps, batch_size, lr = _ALIGNMENT[preset]
    training = TrainingConfig(
        steps=steps, batch_size=batch_size, mixed=True, optimiser=OptimiserConfig(lr=lr), seed=seed, device=device, validate_every=50,
        checkpoint_every=max(50, steps // 10),
    )  # fmt: skip
    settings = LeafSettings(model=LanguageConfig.preset(preset), training=training)
    if recipe == "leaf-as-published":
        model = settings.model.model_copy(update={"encoder": _PUBLISHED_TOWER, "prototypes": "plain", "learned_scale": False})
        objective = InstructionObjective(levels=AS_PUBLISHED, negatives="all")
        settings = settings.model_copy(update={"model": model, "objective": objective})
    return InstructStage(reader=settings)


def finetuning(recipe: str, asks: str) -> tuple[str, ...]:
    """Stage 3: the settings of the system that is fitted inside each fold."""
    return (f"model={LanguageConfig.preset(size_of(recipe, 'leaf')).model_dump_json()}",)

"""MindMix, filled in: one function per stage, the preset as its variant."""

from __future__ import annotations

from mindleaf.models.alignment import AlignedConfig
from mindleaf.models.classifier import ClassifierConfig
from mindleaf.models.pretraining import PretrainingConfig
from mindleaf.recipes.choice import size_of
from mindleaf.stages.align import AlignStage
from mindleaf.stages.pretrain import PretrainStage
from mindleaf.systems.mindmix_form import ListenerConfig
from mindleaf.training.loop import TrainingConfig
from mindleaf.training.optimiser import OptimiserConfig

#: Steps, batch size and peak learning rate of pretraining by preset; "base" has the paper's batch and rate (Table A2).
_PRETRAINING = {"tiny": (400, 64, 2e-3), "small": (2000, 128, 5e-4), "base": (100_000, 512, 1e-4)}
_ALIGNMENT = {"tiny": (400, 48, 2e-3), "small": (2000, 64, 1e-3), "base": (50_000, 256, 1e-4)}


def pretraining(recipe: str, seed: int = 0, device: str = "auto") -> PretrainStage:
    """Stage 1."""
    preset = size_of(recipe, "mindmix")
    training = _training(*_PRETRAINING[preset], seed, device)
    training = training.model_copy(update={"validate_every": training.checkpoint_every})
    return PretrainStage(model=PretrainingConfig.preset(preset), training=training)


def alignment(recipe: str, seed: int = 0, device: str = "auto") -> AlignStage:
    """Stage 2, time-resolved with sound all-pairs scores."""
    preset = size_of(recipe, "mindmix")
    training = _training(*_ALIGNMENT[preset], seed, device).model_copy(update={"validate_every": 50})
    return AlignStage(listener=ListenerConfig(model=AlignedConfig.preset(preset), training=training))


def finetuning(recipe: str, asks: str) -> tuple[str, ...]:
    """Stage 3: the settings of the system that is fitted inside each fold."""
    model = AlignedConfig if asks == "candidates" else ClassifierConfig
    preset = model.preset(size_of(recipe, "mindmix"))
    return (f"model={preset.model_dump_json()}",)


def _training(steps: int, batch_size: int, lr: float, seed: int, device: str) -> TrainingConfig:
    return TrainingConfig(
        steps=steps,
        batch_size=batch_size,
        optimiser=OptimiserConfig(lr=lr),
        seed=seed,
        device=device,
        checkpoint_every=max(50, steps // 10),
    )

"""MindMix for tasks with classes: EEG alone, trained (or fine-tuned from a RUN) inside each fold."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import nn

from mindleaf.config import Config
from mindleaf.encoders.choice import EncoderConfig
from mindleaf.errors import BadInput
from mindleaf.models.adaptation import merge
from mindleaf.models.classifier import Classifier, ClassifierConfig
from mindleaf.models.facts import ModelFacts
from mindleaf.models.folder import load_model, save_model, start_from
from mindleaf.objectives.classification import ClassificationObjective
from mindleaf.preprocessing.pipeline import MINDMIX
from mindleaf.store.batches import BatchReader
from mindleaf.store.examples import Examples
from mindleaf.systems.neural import (
    StartFrom,
    begin_learning,
    class_weights,
    described,
    encoder_of,
    is_recipe_encoder,
    n_parameters,
    read_findings,
    refuse_other_encoder,
    scored,
    spatial_pattern,
    without_weights,
    write_findings,
)
from mindleaf.training.loop import TrainingConfig, train
from mindleaf.training.optimiser import OptimiserConfig


class ReaderConfig(StartFrom):
    """MindMix for tasks with classes; the encoder is taken from ``start`` where that is given.

    adapt=probe leaves the band-power path out: a linear layer on the encoder's pooled tokens is all that learns.
    """

    model: ClassifierConfig = ClassifierConfig.preset("tiny")
    training: TrainingConfig = TrainingConfig(
        steps=300, batch_size=32, validate_every=25, patience=6, optimiser=OptimiserConfig(lr=3e-3)
    )


class MindMixClassifier:
    """Scores the classes of a window from EEG alone."""

    config_class: ClassVar[type[ReaderConfig]] = ReaderConfig
    name = "mindmix"
    asks: Literal["labels"] = "labels"
    score_kind = "logits"
    any_length = False
    any_montage = True

    def __init__(self, config: ReaderConfig) -> None:
        self.config = config
        if config.adapt == "probe" and (config.start or config.model.encoder is not None):
            self.config = config.model_copy(update={"model": config.model.model_copy(update={"power_filters": 0})})
        self.n_parameters = 0
        self._findings: dict[str, Any] = {}

    def fit(self, train_examples: Examples, validation: Examples, seed: int) -> None:
        """Cross-entropy with balanced classes on the fold's windows; the best validated state is kept."""
        torch.manual_seed(seed)
        self.facts = self._learned_facts(train_examples)
        self._build()
        reader = self.reader(train_examples)
        objective = ClassificationObjective(class_weights=class_weights(train_examples.labels, len(train_examples.classes)))
        config = self.config.training.model_copy(update={"seed": seed})
        validate = self._validator(validation, objective) if len(validation) else None
        begun = begin_learning(self.model, self.config, self.config.model.encoder, self._heard_through())
        lines = train(self.model, objective, reader, config, validate=validate)
        merge(self.model)
        self._findings = {"curve": [{"loss": line["total"], **line} for line in lines], **begun}
        stem = getattr(self.model, "stem", None)
        if stem is not None:
            strength = stem.mix.weight.detach()[..., 0].square().sum(dim=0).sqrt()
            self._findings["topography"] = spatial_pattern(stem.spatial, strength, reader, train_examples)

    def predict(self, examples: Examples) -> NDArray[np.float64]:
        """(n, class) logits."""
        return scored(self.model, self.reader(examples))

    def untrained(self) -> MindMixClassifier:
        """The same model with random weights, which ``fit`` leaves as they are (a control of the audit)."""
        training = self.config.training.model_copy(update={"steps": 0})
        plain = {"start": "", "model": without_weights(self.config.model), "training": training}
        return type(self)(self.config.model_copy(update=plain))

    def findings(self) -> dict[str, Any]:
        return self._findings

    def save(self, folder: Path, card: str) -> None:
        save_model(folder, self.model, self._saved_config(), self.facts, described(card, self._findings))
        write_findings(folder, self._findings)

    def load(self, folder: Path) -> None:
        """Take a fitted model from a folder that ``save`` wrote."""
        loaded = load_model(folder)
        if not isinstance(loaded.model, Classifier) or not isinstance(loaded.config, ClassifierConfig):
            raise BadInput(f"{folder}: wanted a classifier, found a {loaded.type_name}; fine-tune it first.")
        self.model, self.facts = loaded.model, loaded.facts
        self.config = self.config.model_copy(update={"model": loaded.config})
        self.n_parameters = n_parameters(self.model)
        self._findings = read_findings(folder)

    def _saved_config(self) -> Config:
        return self.config.model

    def _heard_through(self) -> str:
        """The audio encoder in words; this one hears nothing."""
        return ""

    def _learned_facts(self, examples: Examples) -> ModelFacts:
        return ModelFacts(sfreq=MINDMIX.sfreq, classes=examples.classes)

    def reader(self, examples: Examples) -> BatchReader:
        return BatchReader([examples], MINDMIX)

    def _build(self) -> None:
        if self.config.start:
            folder = Path(self.config.start)
            encoder = self._brought_encoder(load_model(folder).config, folder)
            config = self.config.model.model_copy(update={"encoder": encoder})
            self.config = self.config.model_copy(update={"model": config})
        self.model = self._saved_config().build(self.facts)  # type: ignore[attr-defined]
        if self.config.start:
            start_from(self.model, Path(self.config.start))
        self.n_parameters = n_parameters(self.model)

    def _brought_encoder(self, config: Config, folder: Path) -> EncoderConfig:
        """The encoder of the RUN in ``folder``; BadInput where the settings choose another one."""
        encoder, asked = encoder_of(config, folder), self.config.model.encoder
        if not is_recipe_encoder(asked):
            refuse_other_encoder(asked, encoder, folder)
        return encoder

    def _validator(self, validation: Examples, objective: ClassificationObjective):
        reader = self.reader(validation)
        weights = torch.tensor(objective.class_weights, dtype=torch.float64)

        def validate(model: nn.Module) -> dict[str, float]:
            logits = torch.from_numpy(scored(model, reader))
            labels = torch.tensor(validation.labels)
            return {
                "loss": float(F.cross_entropy(logits, labels, weight=weights)),
                "accuracy": float((logits.argmax(1) == labels).double().mean()),
            }

        return validate


class MindMixEEG(MindMixClassifier):
    """The same where a task has candidates: predicts the side (or talker) from EEG alone, beside the form that hears."""

    name = "mindmix_eeg"

"""LEAF as the paper fine-tunes it on one data set: a perceptron on all tokens of the tower, without words."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from mindleaf.config import Config
from mindleaf.encoders.choice import EncoderConfig
from mindleaf.encoders.leaf import TOKEN_SAMPLES, LeafConfig
from mindleaf.errors import BadInput
from mindleaf.models.facts import ModelFacts
from mindleaf.models.folder import load_model
from mindleaf.models.tower_classifier import TowerClassifier, TowerClassifierConfig
from mindleaf.store.batches import BatchReader
from mindleaf.store.examples import Examples
from mindleaf.systems.leaf_form import LeafSettings, pipeline_named, pipeline_of
from mindleaf.systems.mindmix_classifier import MindMixClassifier
from mindleaf.systems.neural import encoder_of, n_parameters, read_findings


class LeafClassifier(MindMixClassifier):
    """Scores the classes of a window with ``head=mlp``; trained inside each fold like the classifier of MindMix.

    It starts from a RUN that reconstructs, that was aligned with language, or that has this head: the tower is taken.
    """

    config_class: ClassVar[type[Any]] = LeafSettings
    name = "leaf"
    config: Any
    model: Any

    def __init__(self, config: LeafSettings) -> None:
        self.config = config
        self.n_parameters = 0
        self._findings: dict[str, Any] = {}
        if not isinstance(config.model.encoder, LeafConfig):
            raise BadInput(
                "head=mlp reads the tokens of the LEAF tower, got another encoder; leave model.encoder out or choose head=qformer."
            )

    def load(self, folder: Path) -> None:
        """Take a fitted model from a folder that ``save`` wrote."""
        loaded = load_model(folder)
        if not isinstance(loaded.model, TowerClassifier) or not isinstance(loaded.config, TowerClassifierConfig):
            raise BadInput(f"{folder}: wanted a tower with the head mlp, found a {loaded.type_name}; fine-tune it with head=mlp.")
        self.model, self.facts = loaded.model, loaded.facts
        model = self.config.model.model_copy(update={"encoder": loaded.config.encoder})
        self.config = self.config.model_copy(update={"model": model, "mlp": loaded.config.head})
        self.n_parameters = n_parameters(self.model)
        self._findings = read_findings(folder)

    def _saved_config(self) -> Config:
        return TowerClassifierConfig(encoder=self.config.model.encoder, head=self.config.mlp)

    def _learned_facts(self, examples: Examples) -> ModelFacts:
        pipeline = pipeline_of([examples])
        n_tokens = int(np.floor(examples.window_s * pipeline.sfreq / TOKEN_SAMPLES + 1e-6))
        return ModelFacts(sfreq=pipeline.sfreq, classes=examples.classes, pipeline=pipeline.name, n_tokens=n_tokens)

    def reader(self, examples: Examples) -> BatchReader:
        return BatchReader([examples], pipeline_named(self.facts.pipeline))

    def _brought_encoder(self, config: Config, folder: Path) -> EncoderConfig:
        encoder = encoder_of(config, folder)
        if not isinstance(encoder, LeafConfig):
            raise BadInput(f"{folder}: wanted a RUN with the LEAF tower to start from, found none; pretrain leaf first.")
        return encoder

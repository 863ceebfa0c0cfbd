"""FoldNetwork: a published network with random weights, trained inside each fold by the one loop of this project."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import nn

from mindleaf.batch import Batch
from mindleaf.config import Config
from mindleaf.errors import BadInput
from mindleaf.objectives.losses import Losses
from mindleaf.preprocessing.pipeline import Pipeline
from mindleaf.store.batches import BatchReader
from mindleaf.store.examples import Examples
from mindleaf.systems.neural import n_parameters, scored
from mindleaf.systems.system import Asks
from mindleaf.training.loop import TrainingConfig, train
from mindleaf.training.optimiser import OptimiserConfig
from mindleaf.training.order import steps_per_epoch

Objective = Callable[[nn.Module, Batch, int], Losses]


class NetworkConfig(Config):
    """What the EEG goes through, and how long training goes on: ``epochs`` over the training windows or ``training.steps``,
    whichever ends first. Validation comes after each epoch, or every ``training.validate_every`` steps in longer ones.

    Rate, decay, batch size, epochs and patience are the authors'. The rest is this project's loop: AdamW with
    gradients clipped at norm 1, one cosine where the authors restart it, and a bound on the steps that a large set would take on.
    """

    pipeline: Pipeline
    epochs: int = Field(ge=1)
    training: TrainingConfig


def as_published(lr: float, weight_decay: float, floor: float = 1.0, **training: Any) -> TrainingConfig:
    """Batches of 32 at ``lr`` from the first step on; ``floor`` 1 keeps the rate, a small one is where its cosine ends."""
    optimiser = OptimiserConfig(lr=lr, betas=(0.9, 0.999), weight_decay=weight_decay, warmup=0.0, floor=floor)
    return TrainingConfig(batch_size=32, optimiser=optimiser, validate_every=200, **training)


class FoldNetwork(ABC):
    """Base of the published networks: a subclass says which windows teach, how the network is built, what it descends.

    ``n_parameters`` counts what gradient descent learns, as the papers do.
    """

    name: ClassVar[str]
    asks: ClassVar[Asks]
    any_length: ClassVar[bool]
    score_kind = "logits"
    config_class: ClassVar[type[NetworkConfig]]

    def __init__(self, config: NetworkConfig | None = None) -> None:
        self.config: Any = config or self.config_class()  # type: ignore[call-arg]
        self.model: nn.Module | None = None
        self.n_parameters = 0
        self._findings: dict[str, Any] = {}

    @abstractmethod
    def teaching(self, examples: Examples) -> Examples:
        """The windows from which it can learn."""

    @abstractmethod
    def build(self, examples: Examples) -> nn.Module:
        """A network for windows like these training windows, with random weights; called with torch's seed set."""

    @abstractmethod
    def objective(self, examples: Examples) -> Objective:
        """What is descended on these training windows."""

    @abstractmethod
    def n_options(self, examples: Examples) -> int:
        """How many scores a window gets."""

    def reader(self, examples: Examples) -> BatchReader:
        """The windows as the network takes them."""
        return BatchReader([examples], self.config.pipeline)

    def not_applicable(self, examples: Examples) -> str:
        """Why the network cannot serve such windows or channels, in one sentence; "" where it can."""
        return ""

    def fit(self, train_examples: Examples, validation: Examples, seed: int) -> None:
        """Gradient descent on the fold's windows; the state with the best validation loss is kept where there is validation data.

        Raises BadInput where the network cannot serve these windows (see ``not_applicable``).
        """
        learned = self.teaching(train_examples)
        if why := self.not_applicable(learned):
            raise BadInput(why)
        torch.manual_seed(seed)
        self.model = self.build(learned)
        self.n_parameters = n_parameters(self.model)
        reader, objective = self.reader(learned), self.objective(learned)
        watched = self.teaching(validation) if len(validation) else validation
        validate = self._validator(self.reader(watched), objective) if len(watched) else None
        lines = train(self.model, objective, reader, self._training(reader, seed), validate=validate)
        self._findings["curve"] = [{"loss": line["total"], **line} for line in lines]

    def predict(self, examples: Examples) -> NDArray[np.float64]:
        """(n, class) or (n, candidate): logits."""
        if self.model is None:
            raise BadInput(f"{self.name}: wanted a fitted network, got one without weights; call fit first.")
        if not len(examples):
            return np.zeros((0, self.n_options(examples)))
        return scored(self.model, self.reader(examples))

    def untrained(self) -> Self:
        """The same network with random weights, which ``fit`` leaves as they are (a control of the audit)."""
        training = self.config.training.model_copy(update={"steps": 0})
        return type(self)(self.config.model_copy(update={"training": training}))

    def findings(self) -> dict[str, Any]:
        return self._findings

    def _training(self, reader: BatchReader, seed: int) -> TrainingConfig:
        wanted: TrainingConfig = self.config.training
        epoch = steps_per_epoch(reader.groups, wanted.batch_size)
        bounded = {
            "steps": min(wanted.steps, self.config.epochs * epoch),
            "validate_every": min(wanted.validate_every, epoch),
            "seed": seed,
        }
        return wanted.model_copy(update=bounded)

    def _validator(self, reader: BatchReader, objective: Objective) -> Callable[[nn.Module], dict[str, float]]:
        """Loss and accuracy of the training's own question, asked in the same way each time."""
        parts = np.array_split(np.arange(len(reader)), -(-len(reader) // 128))
        shares = np.array([len(part) for part in parts]) / len(reader)

        def validate(model: nn.Module) -> dict[str, float]:
            device = next(model.parameters()).device
            told = [objective(model, reader.read(part).to(device), 0).floats() for part in parts]
            return {
                "loss": float(shares @ [line["total"] for line in told]),
                "accuracy": float(shares @ [line["accuracy"] for line in told]),
            }

        return validate

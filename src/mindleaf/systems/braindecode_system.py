"""Published networks as systems: trained whole inside each fold, or a new head on a network that stands still."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
import torch.nn.functional as F
from lightning.fabric import Fabric
from numpy.typing import NDArray
from pydantic import create_model
from torch import Tensor, nn

from mindleaf.batch import Batch
from mindleaf.config import Config
from mindleaf.encoders.weights import load_weights, weights_folder
from mindleaf.errors import BadInput
from mindleaf.montage import Montage
from mindleaf.objectives.classification import ClassificationObjective
from mindleaf.store.batches import BatchReader
from mindleaf.store.examples import Examples
from mindleaf.systems.braindecode_input import PublishedNetwork
from mindleaf.systems.braindecode_networks import NETWORKS, Network, n_samples, wired
from mindleaf.systems.neural import class_weights, n_parameters, scored
from mindleaf.training.loop import TrainingConfig, train
from mindleaf.training.optimiser import OptimiserConfig

#: Samples of EEG (channel x time) read at once where nothing is learned from them.
_READ_SAMPLES = 2_000_000


class PublishedConfig(Config):
    """A published network as it is: its sizes are no settings.

    weights   a file of pretrained weights, a folder with one, or ``hub:NAME`` to fetch them; empty for random ones
    adapt     what learns: "full" everything; "probe" the network's head alone, on a network that stands still
    """

    weights: str = ""
    adapt: Literal["full", "probe"] = "full"
    training: TrainingConfig = TrainingConfig(steps=300, batch_size=32, validate_every=25, patience=6)


class BraindecodeSystem:
    """Scores the classes of a window with the network of a row of ``NETWORKS``, its head included."""

    name: ClassVar[str]
    network: ClassVar[Network]
    config_class: ClassVar[type[PublishedConfig]]
    asks: Literal["labels"] = "labels"
    score_kind = "logits"
    any_length = False

    def __init__(self, config: PublishedConfig) -> None:
        self.config = config
        self.n_parameters = 0
        self._findings: dict[str, Any] = {}

    @property
    def saw(self) -> tuple[str, ...]:
        """Data sets that its weights were pretrained on; a file of weights is taken for the authors'."""
        return self.network.saw if self.config.weights else ()

    def not_applicable(self, examples: Examples) -> str:
        """Why the network cannot serve such windows, in one sentence; "" where it can."""
        try:
            wired(self.network, _montage(examples))
            n_samples(self.network, examples.window_s)
        except BadInput as error:
            return str(error)
        return ""

    def fit(self, train_examples: Examples, validation: Examples, seed: int) -> None:
        """Cross-entropy with balanced classes on the fold's windows; the best validated state is kept.

        BadInput where the network cannot serve these windows (see ``not_applicable``), or the weights do not fill it.
        """
        torch.manual_seed(seed)
        origin = self._build(train_examples)
        reader = self._reader(train_examples)
        self.model.amplitude.learn(self.model.signal(batch) for batch, _ in _in_order(reader))
        weights = class_weights(train_examples.labels, len(train_examples.classes))
        objective = ClassificationObjective(class_weights=weights)
        config = self.config.training.model_copy(update={"seed": seed})
        lines = _LEARNS[self.config.adapt](self.model, reader, self._reader(validation), objective, config)
        learning = self.model if self.config.adapt == "full" else self.model.head
        found = {"weights": origin, "adapt": self.config.adapt, "trainable_parameters": n_parameters(learning)}
        self._findings = {
            "curve": [{"loss": line["total"], **line} for line in lines],
            "encoder": found | {"channels": self.wiring.told},
        }

    def predict(self, examples: Examples) -> NDArray[np.float64]:
        """(n, class) logits."""
        return scored(self.model, self._reader(examples))

    def untrained(self) -> BraindecodeSystem:
        """The same network with random weights, which ``fit`` leaves as they are (a control of the audit)."""
        training = self.config.training.model_copy(update={"steps": 0})
        return type(self)(self.config.model_copy(update={"weights": "", "adapt": "full", "training": training}))

    def findings(self) -> dict[str, Any]:
        """ "curve"; "encoder": where the weights come from, how much learns, and what became of the channels."""
        return self._findings

    def __getstate__(self) -> dict[str, Any]:
        """The network as its tensors: modules with constraints on their weights cannot be pickled whole."""
        state = dict(vars(self))
        return state | {"model": state["model"].state_dict()} if "model" in state else state

    def __setstate__(self, state: dict[str, Any]) -> None:
        tensors = state.pop("model", None)
        vars(self).update(state)
        if tensors is not None:
            self.model = PublishedNetwork(self.network, self.wiring, *self.shape).eval()
            self.model.load_state_dict(tensors)

    def _build(self, examples: Examples) -> str:
        """The network for these windows; returns where its weights come from."""
        self.wiring = wired(self.network, _montage(examples))
        #: Samples of a window, classes.
        self.shape = n_samples(self.network, examples.window_s), len(examples.classes)
        self.model = PublishedNetwork(self.network, self.wiring, *self.shape)
        self.n_parameters = n_parameters(self.model)
        if not self.config.weights:
            return "random at the start"
        filled = load_weights(self.model.body, weights_folder(self.config.weights), self.network.own, self.network.cut)
        return f"{filled} tensors of {Path(self.config.weights).name}, every one the network has but for its head"

    def _reader(self, examples: Examples) -> BatchReader:
        """Channels are read in the network's order, whatever order the recordings have."""
        return BatchReader([replace(examples, channels=self.wiring.read)], self.network.pipeline)


@lru_cache
def system_of(name: str) -> type[BraindecodeSystem]:
    """The class of the system with the network of this name; its learning rate is the authors' unless it is set."""
    network = NETWORKS[name]
    training = PublishedConfig().training.model_copy(update={"optimiser": OptimiserConfig(lr=network.lr)})
    config = create_model(f"{network.model}Config", __base__=PublishedConfig, training=(TrainingConfig, training))
    parts = {"name": name, "network": network, "config_class": config, "__module__": __name__, "__doc__": network.title}
    return type(name, (BraindecodeSystem,), parts)


def __getattr__(name: str) -> type[BraindecodeSystem] | type[PublishedConfig]:
    """Each row of ``NETWORKS`` is a class here, under the row's name; so are their configs, by which a fitted system is pickled."""
    if name in NETWORKS:
        return system_of(name)
    for row, network in NETWORKS.items():
        if name == f"{network.model}Config":
            return system_of(row).config_class
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@dataclass(eq=False)
class Features:
    """What the head reads of some windows, and their classes; moves to a device like a ``Batch``."""

    values: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def groups(self) -> NDArray[np.int64]:
        return np.zeros(len(self), np.int64)

    def read(self, ids: NDArray[np.integer]) -> Features:
        return Features(self.values[ids], self.labels[ids])

    def to(self, device: torch.device | str) -> Features:
        return Features(self.values.to(device), self.labels.to(device))


class Head(nn.Module):
    """The head of a network that stands still, on its features."""

    def __init__(self, head: nn.Module) -> None:
        super().__init__()
        self.head = head

    def forward(self, features: Features) -> Tensor:
        return self.head(features.values)


def _learn_whole(
    model: PublishedNetwork, reader: BatchReader, watched: BatchReader, objective: ClassificationObjective, config: TrainingConfig
) -> list[dict[str, Any]]:
    labels = torch.tensor(watched.examples[0].labels)
    validate = _validator(lambda net: torch.from_numpy(scored(net, watched)), labels, objective) if len(watched) else None
    return train(model, objective, reader, config, validate=validate)


def _learn_head(
    model: PublishedNetwork, reader: BatchReader, watched: BatchReader, objective: ClassificationObjective, config: TrainingConfig
) -> list[dict[str, Any]]:
    """The features are worked out once. Under a time limit, three quarters of it are for them: of windows drawn by the seed."""
    began, limit = time.monotonic(), config.limit_s
    model.to(Fabric(accelerator=config.device, devices=1).device)
    features = _features(model, reader, config.seed, 0.6 * limit)
    kept = _features(model, watched, config.seed, 0.15 * limit)
    model.to("cpu")
    left = max(0.1 * limit, limit - (time.monotonic() - began))
    validate = _validator(lambda head: head(kept).double(), kept.labels, objective) if len(kept) else None
    lines = train(Head(model.head), objective, features, config.model_copy(update={"limit_s": left}), validate=validate)
    if lines and len(features) + len(kept) < len(reader) + len(watched):
        lines[-1]["cut_short"] = True
    return lines


_LEARNS: dict[str, Callable[..., list[dict[str, Any]]]] = {"full": _learn_whole, "probe": _learn_head}


def _features(model: PublishedNetwork, reader: BatchReader, seed: int, limit_s: float) -> Features:
    """Of all windows, in evaluation mode; of some of them, drawn by the seed, where the limit (0: none) comes first."""
    began, device = time.monotonic(), next(model.parameters()).device
    order = np.random.default_rng(seed).permutation(len(reader)) if limit_s else np.arange(len(reader))
    values, labels = [torch.zeros(0)], [torch.zeros(0, dtype=torch.long)]
    model.eval()
    with torch.no_grad():
        for batch, ids in _in_order(reader, order):
            values.append(model.features(batch.to(device)).float().cpu())
            labels.append(torch.tensor(reader.examples[0].labels[ids]))
            if limit_s and time.monotonic() - began > limit_s:
                break
    return Features(torch.cat(values[1:] or values), torch.cat(labels))


def _in_order(reader: BatchReader, order: NDArray[np.integer] | None = None) -> Iterator[tuple[Batch, NDArray[np.integer]]]:
    """Batches of a bounded number of samples, with the ids of their windows."""
    ids = np.arange(len(reader)) if order is None else order
    if not len(ids):
        return
    size = max(1, _READ_SAMPLES // max(1, reader.read(ids[:1]).eeg[0].numel()))
    for k in range(0, len(ids), size):
        yield reader.read(ids[k : k + size]), ids[k : k + size]


def _validator(
    logits_of: Callable[[Any], Tensor], labels: Tensor, objective: ClassificationObjective
) -> Callable[[nn.Module], dict[str, float]]:
    """Loss, with the weights of the classes in training, and accuracy on the validation windows."""
    weights = torch.tensor(objective.class_weights, dtype=torch.float64)

    def validate(model: nn.Module) -> dict[str, float]:
        with torch.no_grad():
            logits = logits_of(model).double().cpu()
        return {
            "loss": float(F.cross_entropy(logits, labels, weight=weights)),
            "accuracy": float((logits.argmax(1) == labels).double().mean()),
        }

    return validate


def _montage(examples: Examples) -> Montage:
    """Of the channels that all recordings have; their places are those of the first."""
    return next(iter(examples.store.recordings.values())).montage.select(examples.channel_names)

"""Networks that tell classes from EEG behind common spatial patterns."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn

from mindleaf.errors import BadInput
from mindleaf.objectives.classification import ClassificationObjective
from mindleaf.preprocessing.pipeline import Pipeline
from mindleaf.store.examples import Examples
from mindleaf.systems.csp import LogVarianceCSP
from mindleaf.systems.fold_network import FoldNetwork, NetworkConfig
from mindleaf.systems.neural import class_weights
from mindleaf.systems.system import Asks

#: Windows, spread evenly over the training part, that the spatial filters are computed from at most; bounds memory.
_FILTERED = 4000


class CSPNetworkConfig(NetworkConfig):
    """n_components: spatial filters in front of the network, or as many as there are channels where these are fewer."""

    pipeline: Pipeline = Pipeline(name="csp_network", band=(1.0, 50.0), sfreq=128.0)
    n_components: int = 64


class SpatialFilters(nn.Module):
    """Fixed filters, as a linear map of the channels."""

    filters: Tensor

    def __init__(self, filters: NDArray[np.floating]) -> None:
        super().__init__()
        self.register_buffer("filters", torch.tensor(filters, dtype=torch.float32))

    def forward(self, eeg: Float[Tensor, "batch channel time"]) -> Float[Tensor, "batch component time"]:
        return self.filters @ eeg


class CSPNetwork(FoldNetwork):
    """Scores the classes of a window (in attention, the attended side or talker) from EEG alone.

    The spatial filters are computed from training windows only, scaled so that each component has unit deviation there.
    """

    asks: ClassVar[Asks] = "labels"
    any_length = False
    config_class: ClassVar[type[CSPNetworkConfig]] = CSPNetworkConfig

    @abstractmethod
    def network(self, filters: SpatialFilters, n_components: int, n_classes: int, examples: Examples) -> nn.Module:
        """The filters and the network behind them: takes a batch, gives logits (batch, class)."""

    def teaching(self, examples: Examples) -> Examples:
        return examples.take(np.flatnonzero(examples.labels >= 0))

    def build(self, examples: Examples) -> nn.Module:
        """Raises BadInput where fewer than two classes are among the windows, or every channel is flat."""
        found = np.unique(examples.labels)
        if len(found) < 2:
            raise BadInput(
                f"{self.name} wanted at least two classes to learn from, got {len(found)}; check the task and the fold."
            )
        filters, pattern = csp_filters(examples, self.config.pipeline, self.config.n_components)
        names = list(examples.channel_names)
        self._findings = {"topography": {"channel_names": names, "values": pattern, "title": "first CSP pattern"}}
        return self.network(SpatialFilters(filters), len(filters), self.n_options(examples), examples)

    def objective(self, examples: Examples) -> ClassificationObjective:
        return ClassificationObjective(class_weights=class_weights(examples.labels, self.n_options(examples)))

    def n_options(self, examples: Examples) -> int:
        return len(examples.classes)


def csp_filters(examples: Examples, pipeline: Pipeline, n_components: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Spatial filters (component, channel) that give unit deviation on these windows, and the pattern of the first (channel,).

    A channel that is flat in these windows has weight zero.
    """
    chosen = examples.take(np.unique(np.linspace(0, len(examples) - 1, min(len(examples), _FILTERED)).astype(int)))
    signals = chosen.eeg(pipeline).astype(np.float64)
    if not (signals.std(axis=(0, 2)) > 1e-6).any():
        raise BadInput(
            "spatial filters want channels that are not flat, got none among the training windows; check the recordings."
        )
    fitted = LogVarianceCSP(n_components).fit(signals, chosen.labels)
    some = fitted.csp_.filters_[: fitted.csp_.n_components]
    filters, pattern = np.zeros((len(some), signals.shape[1])), np.zeros(signals.shape[1])
    filters[:, fitted.used_], pattern[fitted.used_] = some, fitted.csp_.patterns_[0]
    deviation = np.sqrt(np.mean([((filters @ window) ** 2).mean(axis=1) for window in signals], axis=0))
    return filters / np.maximum(deviation, 1e-12)[:, None], pattern

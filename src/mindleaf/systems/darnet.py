"""DARNet inside a fold."""

from __future__ import annotations

from typing import ClassVar

from jaxtyping import Float
from torch import Tensor, nn

from mindleaf.batch import Batch
from mindleaf.models.darnet import DARNet
from mindleaf.store.examples import Examples
from mindleaf.systems.csp_network import CSPNetwork, CSPNetworkConfig, SpatialFilters
from mindleaf.systems.fold_network import as_published
from mindleaf.training.loop import TrainingConfig


class DARNetConfig(CSPNetworkConfig):
    """Published: Adam at 5e-4, decay 3e-4, at most 100 epochs, patience 10; the public code fits CSP on all data."""

    epochs: int = 100
    training: TrainingConfig = as_published(lr=5e-4, weight_decay=3e-4, steps=2000, patience=10)


class FilteredDARNet(nn.Module):
    """Spatial filters, and the network on their components."""

    def __init__(self, filters: SpatialFilters, network: DARNet) -> None:
        super().__init__()
        self.filters, self.network = filters, network

    def forward(self, batch: Batch) -> Float[Tensor, "batch class"]:
        return self.network(self.filters(batch.eeg))


class DARNetSystem(CSPNetwork):
    """See ``models.darnet``."""

    name = "darnet"
    config_class: ClassVar[type[CSPNetworkConfig]] = DARNetConfig

    def network(self, filters: SpatialFilters, n_components: int, n_classes: int, examples: Examples) -> nn.Module:
        return FilteredDARNet(filters, DARNet(n_components, n_classes))

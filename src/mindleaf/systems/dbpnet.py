"""DBPNet inside a fold."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from mindleaf.batch import Batch
from mindleaf.layers.head_map import map_weights
from mindleaf.models.dbpnet import DBPNet, band_pictures
from mindleaf.montage import Montage
from mindleaf.store.examples import Examples
from mindleaf.systems.csp_network import CSPNetwork, CSPNetworkConfig, SpatialFilters
from mindleaf.systems.fold_network import as_published
from mindleaf.training.loop import TrainingConfig

#: Side of the pictures, pixels.
_SIZE = 32


class DBPNetConfig(CSPNetworkConfig):
    """Published: AdamW at 3e-3, decay 3e-5, cosine with restarts, at most 200 epochs, patience 15; the public code fits CSP on all data."""

    n_components: int = 32
    epochs: int = 200
    training: TrainingConfig = as_published(lr=3e-3, weight_decay=3e-5, floor=0.01, steps=2000, patience=15)


class FilteredDBPNet(nn.Module):
    """Spatial filters for the one branch, pictures of the unfiltered channels for the other."""

    weights: Tensor

    def __init__(self, filters: SpatialFilters, weights: Tensor, sfreq: float, network: DBPNet) -> None:
        super().__init__()
        self.filters, self.network, self.sfreq = filters, network, sfreq
        self.register_buffer("weights", weights)

    def forward(self, batch: Batch) -> Float[Tensor, "batch class"]:
        return self.network(self.filters(batch.eeg), band_pictures(batch.eeg, self.weights, self.sfreq))


class DBPNetSystem(CSPNetwork):
    """See ``models.dbpnet``. A channel without a known place is heard by the temporal branch only."""

    name = "dbpnet"
    config_class: ClassVar[type[CSPNetworkConfig]] = DBPNetConfig

    def not_applicable(self, examples: Examples) -> str:
        if np.isfinite(_montage(examples).positions).all(axis=1).any():
            return ""
        return "dbpnet draws band power on the head and wants channels with known places, got none; name the electrodes."

    def network(self, filters: SpatialFilters, n_components: int, n_classes: int, examples: Examples) -> nn.Module:
        heard = (filters.filters != 0).any(dim=0).numpy()
        weights = map_weights(np.where(heard[:, None], _montage(examples).positions, np.nan), _SIZE)
        network = DBPNet(n_components, n_classes)
        return FilteredDBPNet(filters, torch.from_numpy(weights), self.config.pipeline.sfreq, network)


def _montage(examples: Examples) -> Montage:
    return next(iter(examples.store.recordings.values())).montage.select(examples.channel_names)

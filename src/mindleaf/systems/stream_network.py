"""Networks that hear: two sounds side by side in training, a score for each candidate by itself in the end."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np
from torch import nn

from mindleaf.encoders.envelope import EnvelopeFrontend
from mindleaf.errors import BadInput
from mindleaf.models.two_streams import TwoStreams
from mindleaf.objectives.pairs import PairObjective
from mindleaf.preprocessing.pipeline import Pipeline
from mindleaf.store.batches import BatchReader
from mindleaf.store.examples import Examples
from mindleaf.systems.fold_network import FoldNetwork, NetworkConfig
from mindleaf.systems.system import Asks


class StreamNetworkConfig(NetworkConfig):
    """EEG z-scored within each window, and the envelopes of the sounds at the same rate."""

    pipeline: Pipeline = Pipeline(name="stream_network", band=(0.5, 28.0), sfreq=64.0, normalise="window")
    envelope: EnvelopeFrontend


class StreamNetwork(FoldNetwork):
    """Scores candidates by themselves: the network's score averaged over both orders of two sounds (see ``models.two_streams``).

    Trained on two sounds in an order drawn anew in every step; a window with more candidates shows one wrong one at a time, a
    window with one (training for a pool) the sound of another window.
    """

    asks: ClassVar[Asks] = "candidates"
    any_length = True
    config_class: ClassVar[type[StreamNetworkConfig]] = StreamNetworkConfig

    @abstractmethod
    def network(self, n_channels: int, n_bands: int) -> TwoStreams:
        """The network with random weights."""

    def frontend(self, examples: Examples) -> EnvelopeFrontend:
        """What the sounds go through."""
        return self.config.envelope

    def teaching(self, examples: Examples) -> Examples:
        return examples.take(np.flatnonzero(examples.answers >= 0))

    def build(self, examples: Examples) -> nn.Module:
        """Raises BadInput where no training window names its answer."""
        if not len(examples):
            raise BadInput(f"{self.name} wanted training windows with a known answer, got none; check the task and the fold.")
        self._frontend = self.frontend(examples)
        return self.network(len(examples.channel_names), self._frontend.n_features)

    def objective(self, examples: Examples) -> PairObjective:
        return PairObjective()

    def reader(self, examples: Examples) -> BatchReader:
        return BatchReader([examples], self.config.pipeline, self._frontend)

    def n_options(self, examples: Examples) -> int:
        return examples.n_candidates

"""AADNet inside a fold."""

from __future__ import annotations

from typing import ClassVar

from mindleaf.encoders.envelope import EnvelopeFrontend
from mindleaf.models.aadnet import AADNet
from mindleaf.systems.fold_network import as_published
from mindleaf.systems.stream_network import StreamNetwork, StreamNetworkConfig
from mindleaf.training.loop import TrainingConfig


class AADNetConfig(StreamNetworkConfig):
    """Published: AdamW at 5e-5, decay 0.01, 20 epochs of 10-s windows that begin every half second.

    Windows that follow one another end to end are ten or twenty times fewer, so there are 200 epochs of them, with patience.
    """

    envelope: EnvelopeFrontend = EnvelopeFrontend(frame_rate=64.0, band=None, power=0.6, n_bands=28, audio_band=(50.0, 5000.0))
    epochs: int = 200
    training: TrainingConfig = as_published(lr=5e-5, weight_decay=0.01, steps=4000, patience=20)


class AADNetSystem(StreamNetwork):
    """See ``models.aadnet``."""

    name = "aadnet"
    config_class: ClassVar[type[StreamNetworkConfig]] = AADNetConfig

    def network(self, n_channels: int, n_bands: int) -> AADNet:
        return AADNet(n_channels)

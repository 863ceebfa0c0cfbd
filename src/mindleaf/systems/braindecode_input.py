"""A published network with what stands before it: batches in microvolts to its own channels, samples and amplitude, to logits."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from einops import einsum, rearrange
from jaxtyping import Float
from torch import Tensor, nn

from mindleaf.batch import Batch
from mindleaf.encoders.braindecode import braindecode_models
from mindleaf.systems.braindecode_networks import Network, Wiring

Signal = Float[Tensor, "batch channel time"]


class Unit(nn.Module):
    """Microvolts in multiples of the network's unit."""

    extra_channels = 0

    def __init__(self, unit_uv: float) -> None:
        super().__init__()
        self.unit_uv = unit_uv

    def learn(self, windows: Iterable[Signal]) -> None:
        """Settle what the training windows decide; here nothing."""

    def forward(self, signal: Signal) -> Signal:
        return signal / self.unit_uv


class Standard(Unit):
    """One mean and one deviation, over all training windows, channels and samples."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, unit_uv: float) -> None:
        super().__init__(unit_uv)
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("deviation", torch.ones(()))

    def learn(self, windows: Iterable[Signal]) -> None:
        sums = torch.stack([_sums(part.double()) for part in windows]).sum(dim=0)
        mean = sums[1] / sums[0]
        self.mean.copy_(mean)
        self.deviation.copy_((sums[2] / sums[0] - mean**2).clamp(min=1e-12).sqrt())

    def forward(self, signal: Signal) -> Signal:
        return (signal - self.mean) / self.deviation


class Percentile(Unit):
    """Each channel of a window over the 95th percentile of its absolute values; a flat one stays zero."""

    def forward(self, signal: Signal) -> Signal:
        size = torch.quantile(signal.abs(), 0.95, dim=-1, keepdim=True)
        return signal / (size + 1e-8)


class Relative(Unit):
    """A window's smallest and largest value become -1 and 1; the last channel says its range, of that of all training windows.

    2 (min(range / whole range, 1) - 1/2), as the channel of the relative amplitude is made (Kostas et al. 2021).
    """

    extra_channels = 1
    whole: Tensor

    def __init__(self, unit_uv: float) -> None:
        super().__init__(unit_uv)
        self.register_buffer("whole", torch.ones(()))

    def learn(self, windows: Iterable[Signal]) -> None:
        ends = torch.stack([torch.stack([part.min(), part.max()]) for part in windows])
        self.whole.copy_((ends[:, 1].max() - ends[:, 0].min()).clamp(min=1e-6))

    def forward(self, signal: Signal) -> Signal:
        low, high = signal.amin(dim=(1, 2), keepdim=True), signal.amax(dim=(1, 2), keepdim=True)
        share = ((high - low) / self.whole).clamp(max=1.0)
        scaled = 2 * ((signal - low) / (high - low).clamp(min=1e-6) - 0.5)
        return torch.cat([scaled, (2 * (share - 0.5)).expand(-1, 1, signal.shape[-1])], dim=1)


AMPLITUDES: dict[str, type[Unit]] = {"unit": Unit, "standard": Standard, "percentile": Percentile, "relative": Relative}


class PublishedNetwork(nn.Module):
    """Batches of windows to logits, through the ``body`` and the ``head`` (its ``final_layer``) of the package's network."""

    mix: Tensor | None

    def __init__(self, network: Network, wiring: Wiring, n_times: int, n_classes: int) -> None:
        super().__init__()
        self.n_times = n_times
        self.named = {"ch_names": list(wiring.given)} if network.told == "call" else {}
        self.register_buffer("mix", None if wiring.mix is None else torch.from_numpy(wiring.mix))
        self.amplitude = AMPLITUDES[network.amplitude](network.unit_uv)
        names = {"chs_info": [{"ch_name": name} for name in wiring.given]} if network.told == "build" else {}
        self.body = getattr(braindecode_models(network.title), network.model)(
            n_chans=len(wiring.given) + self.amplitude.extra_channels, n_outputs=n_classes, n_times=n_times,
            sfreq=network.pipeline.sfreq, **names, **network.arguments,
        )  # fmt: skip
        self.head, self.body.final_layer = self.body.final_layer, nn.Identity()

    def signal(self, batch: Batch) -> Signal:
        """The channels of the network in microvolts, in the samples that it reads."""
        eeg = batch.eeg[..., : self.n_times]
        return eeg if self.mix is None else einsum(self.mix, eeg, "given read, batch read time -> batch given time")

    def features(self, batch: Batch) -> Float[Tensor, batch * feature]:
        """What the head reads."""
        return self.body(self.amplitude(self.signal(batch)), **self.named)

    def forward(self, batch: Batch) -> Float[Tensor, "batch class"]:
        return rearrange(self.head(self.features(batch)), "b c -> b c")


def _sums(signal: Signal) -> Float[Tensor, 3]:
    """Count, sum and sum of squares."""
    return torch.stack([signal.new_tensor(signal.numel()), signal.sum(), signal.square().sum()])

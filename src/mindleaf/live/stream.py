"""What a source sends: streams that describe themselves, and blocks of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from jaxtyping import Float

from mindleaf.errors import BadInput
from mindleaf.reading.units import volts_per_unit

Kind = Literal["eeg", "audio", "envelope"]


@dataclass(frozen=True)
class StreamInfo:
    """``channels``: electrodes, or the candidates that could be listened to. ``unit``: of EEG ("uV", "V" ...). sfreq in Hz."""

    kind: Kind
    channels: tuple[str, ...]
    sfreq: float
    unit: str = "uV"

    def __post_init__(self) -> None:
        if not self.channels or self.sfreq <= 0:
            raise BadInput(f"a stream of {self.kind} wants channels and a rate, got {len(self.channels)} at {self.sfreq:g} Hz.")
        if self.kind == "eeg" and volts_per_unit(self.unit) is None:
            raise BadInput(f"EEG came in unit {self.unit!r}; wanted uV, mV, nV or V: say which with --unit.")

    @property
    def microvolts(self) -> float:
        """Microvolts in one unit of the samples; 1 for sound."""
        return 1.0 if self.kind != "eeg" else 1e6 * (volts_per_unit(self.unit) or 0.0)

    def difference(self, other: StreamInfo) -> str:
        """What ``other`` says differently, in one phrase; "" where nothing."""
        if len(other.channels) != len(self.channels):
            lost, new = _without(self.channels, other.channels), _without(other.channels, self.channels)
            told = "".join(f", {word} {' '.join(names)}" for word, names in (("without", lost), ("with", new)) if names)
            return f"{len(other.channels)} channels in place of {len(self.channels)}{told}"
        places = [k for k, pair in enumerate(zip(self.channels, other.channels, strict=True)) if pair[0] != pair[1]]
        if places:
            what = "the same channels in another order" if set(self.channels) == set(other.channels) else "other channels"
            k = places[0]
            return f"{what}: channel {k + 1} is {other.channels[k]} in place of {self.channels[k]}"
        for what, ours, theirs in (("kind", self.kind, other.kind), ("unit", self.unit, other.unit)):
            if ours != theirs:
                return f"{what} {theirs} in place of {ours}"
        if other.sfreq != self.sfreq:
            return f"{other.sfreq:g} samples a second in place of {self.sfreq:g}"
        return ""


@dataclass(frozen=True, eq=False)
class Block:
    """Consecutive samples of one stream, (time, channel), in the stream's unit.

    first   number of the first sample, counted by the sender: where it jumps, samples were lost
    stamp   second of the first sample on the source's clock, which all its streams share
    """

    info: StreamInfo
    first: int
    stamp: float
    samples: Float[np.ndarray, "time channel"] = field(repr=False)


def _without(names: tuple[str, ...], others: tuple[str, ...]) -> list[str]:
    return [name for name in names if name not in others][:4]

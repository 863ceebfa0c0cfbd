"""Published networks of the package braindecode, one row each: what of a recording reaches them, in which form.

Rates, bands, units and channels are those of the papers and of the authors' code. Where that leaves a recording unfiltered, the band
here only takes off what no electrode means: offset and drift below 0.1 Hz. Notch filters are left out, stores keep no mains frequency.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mindleaf.encoders.braindecode import braindecode_models
from mindleaf.encoders.projection import montage_projection
from mindleaf.errors import BadInput
from mindleaf.montage import ELECTRODES, OTHER, Montage
from mindleaf.preprocessing.pipeline import Pipeline

#: What a network does with channels, by name of the rule (``WIRINGS``), and with their amplitude (``braindecode_input.AMPLITUDES``).
Channels = Literal["all", "named", "derived", "projected"]
Amplitude = Literal["unit", "standard", "percentile", "relative"]

_CHAINS = ("Fp1 F7 T7 P7 O1", "Fp2 F8 T8 P8 O2", "Fp1 F3 C3 P3 O1", "Fp2 F4 C4 P4 O2")
_BIPOLAR = tuple(f"{one}-{other}" for chain in _CHAINS for one, other in pairwise(chain.split()))
_TEN_TWENTY = ("Fp1 Fp2", "F7 F3 Fz F4 F8", "T7 C3 Cz C4 T8", "P7 P3 Pz P4 P8", "O1 O2")
_EEGPT_ROWS = (
    "Fp1 Fpz Fp2 AF3 AF4", "F7 F5 F3 F1 Fz F2 F4 F6 F8", "FT7 FC5 FC3 FC1 FCz FC2 FC4 FC6 FT8", "T7 C5 C3 C1 Cz C2 C4 C6 T8",
    "TP7 CP5 CP3 CP1 CPz CP2 CP4 CP6 TP8", "P7 P5 P3 P1 Pz P2 P4 P6 P8", "PO7 PO3 POz PO4 PO8 O1 Oz O2",
)  # fmt: skip


@dataclass(frozen=True)
class Network:
    """One network as it is published.

    model       its class in ``braindecode.models``; ``arguments`` beside channels, classes, samples and rate, where not the defaults
    channels    the rule, with the ``names`` it is about: "all" in the order of the electrode table; "named", those of ``names`` that
                are there, in this order; "derived", differences "A-B", all of them; "projected", all of ``names``, interpolated where
                they are missing. ``names`` written "module:NAME" lie in ``braindecode.models``.
    told        when the network is told the channels' names: in every "call", in its "build", or never
    amplitude   "unit": microvolts over ``unit_uv``; "standard": mean 0, deviation 1 of the training windows; "percentile": each
                channel of a window over the 95th percentile of its size; "relative": a window to -1 .. 1, and a channel that
                says how large it was
    shortest_s, longest_s   windows it takes, seconds (longest 0: any); ``patch_s``: it reads whole patches of so many seconds
    cut         tables with a row for each second or channel, of which pretrained weights may bring more
    own         what belongs to the recordings or to the task and is never taken from pretrained weights, beside the head
    lr          peak learning rate of the authors, for fine-tuning where there is any
    saw         our data sets that the authors' pretraining held, by their papers (TUEG holds the TUH sets)
    """

    title: str
    model: str
    pipeline: Pipeline
    channels: Channels = "all"
    names: tuple[str, ...] | str = ()
    told: Literal["", "call", "build"] = ""
    amplitude: Amplitude = "unit"
    unit_uv: float = 1.0
    shortest_s: float = 1.0
    longest_s: float = 0.0
    patch_s: float = 0.0
    cut: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    lr: float = 1e-3
    saw: tuple[str, ...] = ()
    arguments: Mapping[str, Any] = field(default_factory=dict)


#: EEGNet: Lawhern et al. 2018. EEGConformer: Song et al. 2023. LaBraM: Jiang et al. 2024. CBraMod: Wang et al. 2025. BIOT: Yang et al.
#: 2023. BENDR: Kostas et al. 2021. EEGPT: Wang et al. 2024, which was pretrained in millivolts against the average of its channels.
NETWORKS: dict[str, Network] = {
    "eegnet": Network(
        "EEGNet", "EEGNet", Pipeline(name="eegnet", band=(1.0, 40.0), sfreq=128.0), shortest_s=0.25, lr=1e-3,
        arguments={"final_layer_with_constraint": True},
    ),
    "eegconformer": Network(
        "EEGConformer", "EEGConformer", Pipeline(name="eegconformer", band=(4.0, 40.0), sfreq=250.0), amplitude="standard",
        shortest_s=0.4, lr=2e-4,
    ),
    "labram": Network(
        "LaBraM", "Labram", Pipeline(name="labram", band=(0.1, 75.0), sfreq=200.0), "named", "labram:LABRAM_CHANNEL_ORDER", "call",
        unit_uv=100.0, longest_s=15.0, patch_s=1.0, cut=("temporal_embedding",), lr=5e-4,
        saw=("eegmmidb", "seed", "seediv", "tuep"),
    ),
    "cbramod": Network(
        "CBraMod", "CBraMod", Pipeline(name="cbramod", band=(0.3, 75.0), sfreq=200.0), unit_uv=100.0, patch_s=1.0, lr=1e-4,
        saw=("tuab", "tuep", "tuev"),
    ),
    "biot": Network(
        "BIOT", "BIOT", Pipeline(name="biot", band=(0.1, 90.0), sfreq=200.0), "derived", _BIPOLAR, amplitude="percentile",
        cut=("encoder.channel_tokens.weight",), lr=1e-3, saw=("chbmit", "tuab", "tuev"),
    ),
    "bendr": Network(
        "BENDR", "BENDR", Pipeline(name="bendr", band=(0.1, 100.0), sfreq=256.0), "projected", tuple(" ".join(_TEN_TWENTY).split()),
        amplitude="relative", lr=5e-5, saw=("tuab", "tuep", "tuev"),
    ),
    "eegpt": Network(
        "EEGPT", "EEGPT", Pipeline(name="eegpt", band=(0.1, 100.0), sfreq=256.0, reference="average"), "named",
        tuple(" ".join(_EEGPT_ROWS).split()), "build", unit_uv=1000.0, shortest_s=0.25, own=("chan_proj.", "chans_id"), lr=4e-4,
        saw=("eegmmidb", "hgd", "seed"),
        arguments={"chan_proj_type": "none"},
    ),
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Wiring:
    """read: the recording's channels, in the order they are read in; given: what the network calls those it gets;
    mix: (given, read), None where they are the same; told: in words, what became of the channels."""

    read: tuple[str, ...]
    given: tuple[str, ...]
    mix: NDArray[np.float32] | None
    told: str


def wired(network: Network, montage: Montage) -> Wiring:
    """How these channels reach the network, whatever order they come in. BadInput where it cannot serve them."""
    order = sorted(zip(montage.nearest_indices.tolist(), montage.names, strict=True))
    ordered = montage.select([name for _, name in order])
    places = {ELECTRODES[row]: name for row, name in order if row != OTHER}
    return WIRINGS[network.channels](network, ordered, places)


def n_samples(network: Network, window_s: float) -> int:
    """Samples that the network reads of a window. BadInput for a length it does not take."""
    n, rate = round(window_s * network.pipeline.sfreq), network.pipeline.sfreq
    if n < round(network.shortest_s * rate) or (network.longest_s and n > round(network.longest_s * rate)):
        upper = f" to {network.longest_s:g}" if network.longest_s else " or more"
        raise BadInput(
            f"{network.title} takes windows of {network.shortest_s:g}{upper} s, got {window_s:g} s; ask for such windows."
        )
    patch = round(network.patch_s * rate) or 1
    if n % patch:
        warnings.warn(
            f"{network.title} reads pieces of {network.patch_s:g} s; the last {n % patch / rate:g} s of each window is left out.",
            stacklevel=2,
        )
    return n // patch * patch


def _all(network: Network, montage: Montage, places: Mapping[str, str]) -> Wiring:
    return Wiring(montage.names, montage.names, None, f"all {len(montage)}")


def _named(network: Network, montage: Montage, places: Mapping[str, str]) -> Wiring:
    known = {electrode.casefold(): name for electrode, name in places.items()}
    given = tuple(name for name in _names(network) if name.casefold() in known)
    if not given:
        raise BadInput(
            f"{network.title} knows channels by their 10-10 names and knows none of these ({' '.join(montage.names[:6])} ...); "
            "give the recordings a montage."
        )
    told = f"{len(given)} of {len(montage)} by name, the others are not read"
    if len(given) < len(montage):
        warnings.warn(f"{network.title} reads {told}: it has no such names.", stacklevel=3)
    return Wiring(tuple(known[name.casefold()] for name in given), given, None, told)


def _derived(network: Network, montage: Montage, places: Mapping[str, str]) -> Wiring:
    pairs = [name.split("-") for name in _names(network)]
    wanted = list(dict.fromkeys(electrode for pair in pairs for electrode in pair))
    missing = [electrode for electrode in wanted if electrode not in places]
    if missing:
        raise BadInput(
            f"{network.title} reads {len(pairs)} bipolar derivations of the 10-20 system and lacks channels {', '.join(missing)} for "
            "them; choose another model for these recordings."
        )
    mix = np.zeros((len(pairs), len(wanted)), np.float32)
    for row, (one, other) in enumerate(pairs):
        mix[row, wanted.index(one)], mix[row, wanted.index(other)] = 1.0, -1.0
    told = f"{len(pairs)} derivations of {len(wanted)} channels"
    return Wiring(tuple(places[electrode] for electrode in wanted), _names(network), mix, told)


def _projected(network: Network, montage: Montage, places: Mapping[str, str]) -> Wiring:
    found = montage_projection(montage, _names(network))
    if not found.present.all():
        missing = [name for name, there in zip(_names(network), found.present, strict=True) if not there]
        raise BadInput(
            f"{network.title} lacks channels {', '.join(missing)}, and too few others have a place to interpolate them from; give the "
            "recordings a montage or choose another model."
        )
    told = f"{len(found.matrix)}, of which {len(found.report.interpolated)} interpolated"
    return Wiring(montage.names, _names(network), found.matrix, told)


WIRINGS: dict[Channels, Callable[[Network, Montage, Mapping[str, str]], Wiring]] = {
    "all": _all, "named": _named, "derived": _derived, "projected": _projected,
}  # fmt: skip


def _names(network: Network) -> tuple[str, ...]:
    """The channels that a row names, or those of the list in the package that it points to."""
    if not isinstance(network.names, str):
        return network.names
    module, _, name = network.names.partition(":")
    return tuple(getattr(getattr(braindecode_models(network.title), module), name))

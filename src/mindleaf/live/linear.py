"""The linear scorer: an envelope rebuilt from EEG, and how like each candidate's it is. A folder of JSON and safetensors.

As ``systems.trf``, after a causal pipeline: every rebuilt frame has heard all its lags, so the newest sound that is
scored is older than the window's end by the longest lag.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Self

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from pydantic import Field, model_validator
from safetensors import SafetensorError
from safetensors.numpy import load, save

from mindleaf.config import Config
from mindleaf.errors import BadInput, ReadError
from mindleaf.live.scorer import Heard
from mindleaf.montage import Montage
from mindleaf.preprocessing.filtering import z_score
from mindleaf.preprocessing.pipeline import Pipeline

CONFIG, WEIGHTS = "decoder.json", "model.safetensors"
#: Share of the decoder's channels that a stream must have.
_FEWEST = 0.5

BAND = Pipeline(name="live", band=(1.0, 9.0), order=3, sfreq=64.0)


class LinearConfig(Config):
    """What a linear scorer was made with.

    channels    electrodes that the weights belong to, in their order
    eeg, sound  pipelines of the two sides; the same band bends the phase of both alike
    power       compression of the amplitude of audio
    lags_s      EEG from this many to this many seconds after the sound
    window_s    seconds of one score
    slope       correlations times this are log odds between candidates (fitted on listeners that were left out)
    fitted_on   where the weights come from, in words
    figures     what was measured on listeners that were left out
    sha256      of the weights' file
    """

    channels: tuple[str, ...]
    eeg: Pipeline = BAND
    sound: Pipeline = BAND
    power: float = 0.3
    lags_s: tuple[float, float] = (0.0, 0.4)
    window_s: float = 4.0
    slope: float = 1.0
    fitted_on: str = ""
    figures: dict[str, float] = Field(default_factory=dict)
    sha256: str = ""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.eeg.sfreq != self.sound.sfreq:
            raise ValueError(f"EEG at {self.eeg.sfreq:g} Hz and sound at {self.sound.sfreq:g} Hz; make them equal")
        if not 0 <= self.lags_s[0] < self.lags_s[1] < self.window_s / 2:
            raise ValueError(f"lags must rise from 0 or more and stay below half the window, got {self.lags_s}")
        return self

    @property
    def lags(self) -> tuple[int, int]:
        """First and last lag in frames, EEG after sound."""
        first, last = (int(np.floor(s * self.eeg.sfreq + 1e-9)) for s in self.lags_s)
        return first, last


class LinearScorer:
    """``weights`` (lag, channel) for the config's channels, bound to a stream that may have more, fewer, in another order.

    Raises BadInput where the stream has less than half of the decoder's electrodes.
    """

    def __init__(self, config: LinearConfig, weights: Float[np.ndarray, "lag channel"], channels: tuple[str, ...]) -> None:
        self.config, self.name = config, "linear decoder"
        self.window_s, self.eeg, self.sound, self.power = config.window_s, config.eeg, config.sound, config.power
        theirs = Montage.from_names(channels)[0].names
        places = {name: k for k, name in enumerate(theirs)}
        known = [k for k, name in enumerate(config.channels) if name in places]
        self.missing = tuple(name for name in config.channels if name not in places)
        if len(known) < _FEWEST * len(config.channels):
            raise BadInput(
                f"the decoder was fitted on {', '.join(config.channels[:6])} ..., the stream has {len(known)} of its "
                f"{len(config.channels)} electrodes ({', '.join(channels[:6])} ...); fit one on this cap, or name the channels."
            )
        self._weights = np.zeros((len(weights), len(channels)))
        self._weights[:, [places[config.channels[k]] for k in known]] = weights[:, known]
        self.used: NDArray[np.bool_] = np.asarray(self._weights.any(axis=0))

    def __call__(self, heard: Heard) -> Float[np.ndarray, " candidate"]:
        """Pearson's r with each candidate; 0 for one that is constant."""
        rebuilt = self.rebuilt(heard.eeg)
        return correlations(rebuilt, heard.sound[:, : len(rebuilt)])

    def rebuilt(self, eeg: Float[np.ndarray, "channel time"]) -> Float[np.ndarray, " frame"]:
        """The envelope, for every frame whose lags lie inside the window."""
        first, last = self.config.lags
        eeg = z_score(eeg.astype(np.float32)).astype(np.float64)
        views = np.lib.stride_tricks.sliding_window_view(eeg[self.used, first:], last - first + 1, axis=1)
        return np.tensordot(views, self._weights[:, self.used].T, axes=([0, 2], [0, 1]))


def correlations(
    rebuilt: Float[np.ndarray, " frame"], sound: Float[np.ndarray, "candidate frame"]
) -> Float[np.ndarray, " candidate"]:
    """Pearson's r, 0 where either side is constant."""
    a, b = rebuilt - rebuilt.mean(), sound - sound.mean(axis=1, keepdims=True)
    scale = np.sqrt((a @ a) * (b**2).sum(axis=1))
    return np.divide(b @ a, scale, out=np.zeros(len(b)), where=scale > 1e-12)


def write_linear(folder: Path, config: LinearConfig, weights: NDArray[np.floating]) -> None:
    """Two files; the weights' hash stands in the other one."""
    folder.mkdir(parents=True, exist_ok=True)
    content = save({"weights": np.ascontiguousarray(weights, np.float32)})
    (folder / WEIGHTS).write_bytes(content)
    config.model_copy(update={"sha256": hashlib.sha256(content).hexdigest()}).write(folder / CONFIG)


def read_linear(folder: Path) -> tuple[LinearConfig, NDArray[np.float32]]:
    """Raises ReadError where a file is missing, changed, or does not fit the other."""
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise ReadError(f"{folder}: wanted a linear decoder, found no {name}; copy the folder again or fit one anew.")
    config, content = LinearConfig.read(folder / CONFIG), (folder / WEIGHTS).read_bytes()
    if hashlib.sha256(content).hexdigest() != config.sha256:
        raise ReadError(f"{folder / WEIGHTS}: does not match its sha256 in {CONFIG}; it was changed or cut, copy it again.")
    try:
        weights = load(content)["weights"]
    except (SafetensorError, KeyError) as error:
        raise ReadError(f"{folder / WEIGHTS}: holds no weights of a linear decoder; copy it again.") from error
    first, last = config.lags
    if weights.shape != (last - first + 1, len(config.channels)):
        raise ReadError(f"{folder}: weights of shape {weights.shape} do not fit {len(config.channels)} channels; fit one anew.")
    return config, weights

"""Logarithmic band power of every channel and logistic regression: the first thing to beat."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator
from scipy.signal import welch

from mindleaf.config import Config
from mindleaf.preprocessing.pipeline import BROAD, Pipeline
from mindleaf.store.examples import Examples
from mindleaf.systems.logistic import LogisticSystem


class BandPowerConfig(Config):
    """Settings: ``edges`` of the bands in Hz, longest Welch segment in s, inverse strength ``c`` of the L2 penalty."""

    pipeline: Pipeline = BROAD
    edges: tuple[float, ...] = (1.0, 4.0, 8.0, 10.0, 13.0, 20.0, 30.0, 40.0)
    segment_s: float = 2.0
    c: float = 0.01

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if len(self.edges) < 2 or any(np.diff(self.edges) <= 0) or self.edges[-1] > self.pipeline.sfreq / 2:
            raise ValueError(f"edges must rise and stay below {self.pipeline.sfreq / 2:g} Hz")
        if self.segment_s <= 0 or self.c <= 0:
            raise ValueError("segment_s and c must be above 0")
        return self


class BandPowerSystem(LogisticSystem):
    """Welch power in bands, logarithm, and what ``LogisticSystem`` makes of it."""

    name = "bandpower_lr"
    config_class: ClassVar[type[Config]] = BandPowerConfig
    config: BandPowerConfig
    _covariance: NDArray[np.float64]

    def features(self, examples: Examples) -> NDArray[np.float64]:
        """(n, channel * band)."""
        config = self.config
        eeg = examples.eeg(config.pipeline).astype(np.float64)
        power = log_band_power(eeg, config.pipeline.sfreq, np.asarray(config.edges), config.segment_s)
        return power.reshape(len(eeg), -1)

    def keep(self, features: NDArray[np.floating]) -> None:
        self._covariance = np.cov(self.estimator[0].transform(features), rowvar=False)

    def findings(self) -> dict[str, Any]:
        """Pattern (Haufe 2014, covariance times weights) of the band that separates the classes most, per channel."""
        if self.estimator is None:
            return {}
        pattern = (self._covariance @ self.estimator[1].coef_[-1]).reshape(len(self.channel_names), -1)
        band = int(np.argmax(np.linalg.norm(pattern, axis=0)))
        edges = self.config.edges
        return {
            "topography": {
                "channel_names": self.channel_names,
                "values": pattern[:, band],
                "title": f"{edges[band]:g}-{edges[band + 1]:g} Hz",
            }
        }


def log_band_power(eeg: NDArray[np.float64], sfreq: float, edges: NDArray[np.float64], segment_s: float) -> NDArray[np.float64]:
    """Logarithm of the mean power density in each band [low, high): (n, channel, time) uV -> (n, channel, band).

    Windows shorter than a second are zero-padded to one, so that every band of 1 Hz or wider has a frequency. A flat
    channel gets the logarithm of 1e-6 uV^2/Hz, far below any amplifier's noise.
    """
    segment = min(round(segment_s * sfreq), eeg.shape[-1])
    frequencies, density = welch(eeg, sfreq, nperseg=segment, nfft=max(segment, round(sfreq)), axis=-1)
    bands = [(frequencies >= low) & (frequencies < high) for low, high in pairwise(edges)]
    return np.log(np.maximum(np.stack([density[..., band].mean(axis=-1) for band in bands], axis=-1), 1e-6))

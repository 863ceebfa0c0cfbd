"""Statistics of the sound and logistic regression: what a label owes to the clip alone, without any EEG."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mindleaf.config import Config
from mindleaf.store.examples import Examples
from mindleaf.systems.classifier import ClassifierSystem
from mindleaf.systems.neural import audio_choice, audio_frontend


class SoundConfig(Config):
    """``audio``: "auto" (mel bands, the envelope where a store keeps no waveforms), "mel", "envelope" ...; ``c``: inverse L2 strength."""

    audio: str = "auto"
    c: float = 1.0


class SoundSystem(ClassifierSystem):
    """Mean and standard deviation of each audio feature over the window, standardised, class-balanced logistic regression.

    Reads no EEG. Where it does well, the label can be had from the sound, and no EEG beside the sound proves anything.
    """

    name = "sound_lr"
    inputs: ClassVar[str] = "audio"
    config_class: ClassVar[type[Config]] = SoundConfig

    def __init__(self, config: SoundConfig | None = None) -> None:
        super().__init__()
        self.config = config or SoundConfig()

    def adapt(self, examples: Examples) -> None:
        self._frontend = audio_frontend(audio_choice(self.config.audio, [examples.store]))

    def features(self, examples: Examples) -> NDArray[np.float64]:
        """(n, 2 * feature)."""
        frames = examples.audio(self._frontend)[:, 0].astype(np.float64)
        return np.concatenate((frames.mean(axis=-1), frames.std(axis=-1)), axis=1)

    def unfitted(self, seed: int) -> BaseEstimator:
        regression = LogisticRegression(C=self.config.c, class_weight="balanced", max_iter=2000, random_state=seed)
        return make_pipeline(StandardScaler(), regression)

    @property
    def n_parameters(self) -> int:
        if self.estimator is None:
            return 0
        scaler, regression = self.estimator[0], self.estimator[1]
        return scaler.mean_.size + scaler.scale_.size + regression.coef_.size + regression.intercept_.size

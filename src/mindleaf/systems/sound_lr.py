"""Statistics of the sound and logistic regression: what a label owes to the clip alone, without any EEG."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mindleaf.config import Config
from mindleaf.store.examples import Examples
from mindleaf.systems.logistic import LogisticSystem
from mindleaf.systems.neural import audio_choice, audio_frontend


class SoundConfig(Config):
    """``audio``: "auto" (mel bands, the envelope where a store keeps no waveforms), "mel", "envelope" ...; ``c``: inverse L2 strength."""

    audio: str = "auto"
    c: float = 1.0


class SoundSystem(LogisticSystem):
    """Mean and standard deviation of each audio feature over the window, and what ``LogisticSystem`` makes of them.

    Reads no EEG. Where it does well, the label can be had from the sound, and no EEG beside the sound proves anything.
    """

    name = "sound_lr"
    inputs: ClassVar[str] = "audio"
    config_class: ClassVar[type[Config]] = SoundConfig
    config: SoundConfig

    def adapt(self, examples: Examples) -> None:
        self._frontend = audio_frontend(audio_choice(self.config.audio, [examples.store]))

    def features(self, examples: Examples) -> NDArray[np.float64]:
        """(n, 2 * feature)."""
        frames = examples.audio(self._frontend)[:, 0].astype(np.float64)
        return np.concatenate((frames.mean(axis=-1), frames.std(axis=-1)), axis=1)

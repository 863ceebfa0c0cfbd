"""Log-mel bands with the loudness beside them: what a network wants of a sound, and what a linear decoder lives on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mindleaf.encoders.envelope import EnvelopeFrontend
from mindleaf.encoders.mel import MelFrontend

#: Loudness grows with a power of the amplitude (Stevens); this one is what decoders of running speech use.
_POWER = 0.3


class MelLoudnessFrontend:
    """``MelFrontend`` with one feature more, in place 0: the broadband amplitude ** 0.3 in the band 1-9 Hz.

    No mixture of logarithms is that envelope, and without the band the share of it that EEG cannot follow blurs every
    comparison of two seconds. The loudest moment of the stimulus has amplitude 1, as it has level 1 in mel bands.
    """

    accepts = frozenset({"audio"})

    def __init__(self, n_mels: int = 80, frame_rate: float = 50.0) -> None:
        self._mel = MelFrontend(n_mels, frame_rate)
        self._loudness = EnvelopeFrontend(frame_rate=frame_rate, power=_POWER)
        self.n_features, self.frame_rate = n_mels + 1, float(frame_rate)

    def fingerprint(self) -> str:
        """Changes exactly when the frames would."""
        return f"{self._mel.fingerprint()}-{self._loudness.fingerprint()}"

    def __call__(self, samples: NDArray[np.floating], sample_rate: float, kind: str) -> NDArray[np.float32]:
        """(n_samples,) at ``sample_rate`` Hz to (1 + mel, frame). Raises BadInput for an envelope: it has no spectrum."""
        mel = self._mel(samples, sample_rate, kind)
        loudest = float(np.abs(samples).max(initial=0.0))
        loudness = self._loudness(np.asarray(samples, np.float32) / (loudest or 1.0), sample_rate, kind)
        return np.concatenate([loudness[:, : mel.shape[1]], mel])

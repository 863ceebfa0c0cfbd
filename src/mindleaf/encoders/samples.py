"""The samples themselves as frames: what an audio tower that runs a speech model inside reads."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mindleaf.encoders.mel import AUDIO_RATE, to_rate
from mindleaf.errors import BadInput


class SamplesFrontend:
    """Audio at 16 kHz, 320 samples (20 ms) a frame: feature k of frame f is sample 320 f + k; zeros fill the last frame."""

    accepts = frozenset({"audio"})
    frame_rate = 50.0
    n_features = 320

    def fingerprint(self) -> str:
        return "samples-1-16000-320"

    def __call__(self, samples: NDArray[np.floating], sample_rate: float, kind: str) -> NDArray[np.float32]:
        """(n_samples,) at ``sample_rate`` Hz to (sample, frame)."""
        if kind not in self.accepts:
            raise BadInput(f"a speech model wants a waveform, got a stimulus of kind {kind!r}; use the envelope frontend for it.")
        n_frames = int(np.ceil(len(samples) / sample_rate * self.frame_rate - 1e-9))
        audio = to_rate(samples, sample_rate, AUDIO_RATE).astype(np.float32)[: n_frames * self.n_features]
        audio = np.pad(audio, (0, n_frames * self.n_features - len(audio)))
        return audio.reshape(n_frames, self.n_features).T

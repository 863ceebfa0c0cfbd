"""OnsetFrontend: how fast the amplitude of speech rises, a stronger regressor than the amplitude itself."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mindleaf.encoders.envelope import EnvelopeFrontend, resampled

#: The slope is taken at this rate, Hz: fast enough for the steepest onset of speech, slow enough for glottal pulses not to count.
_SLOPE_RATE = 128.0


class OnsetFrontend(EnvelopeFrontend):
    """As the envelope, with the half-wave rectified slope in place of the amplitude; wants the waveform.

    C. Daube, R. Ince, J. Gross, "Simple acoustic features can explain phoneme-based predictions of cortical responses to
    speech", Curr. Biol. 29 (2019), 1924-1937.
    """

    @property
    def accepts(self) -> frozenset[str]:
        return frozenset({"audio"})

    def __call__(self, samples: NDArray[np.float32], sample_rate: float, kind: str) -> NDArray[np.float32]:
        """samples: (n_samples,) of a whole stimulus -> (feature, frame). Raises ValueError for an envelope."""
        if kind not in self.accepts:
            raise ValueError(f"onsets need audio, got {kind!r}; use the envelope itself.")
        amplitude = resampled(self._amplitude(samples, sample_rate), sample_rate, _SLOPE_RATE).astype(np.float64)
        slope = np.maximum(np.diff(amplitude, axis=1, prepend=amplitude[:, :1]), 0.0) * _SLOPE_RATE
        plain = EnvelopeFrontend(frame_rate=self.frame_rate, band=self.band, order=self.order)
        return np.concatenate([plain(row.astype(np.float32), _SLOPE_RATE, "envelope") for row in slope])

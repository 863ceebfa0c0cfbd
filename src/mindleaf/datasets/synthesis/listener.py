"""One simulated listener: how this brain answers to what it attends and ignores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve

from mindleaf.datasets.synthesis.head import Head, unit
from mindleaf.datasets.synthesis.hearing import N_BANDS, Features

KERNEL_S = 0.5
#: P1, N1, P2: latency (s), width (s), and amplitude in the response to the attended and to the ignored talker.
LATENCIES = np.array([0.05, 0.105, 0.195])
WIDTHS = np.array([0.013, 0.022, 0.04])
ATTENDED = np.array([0.6, -1.0, 0.8])
IGNORED = np.array([0.8, -0.6, 0.4])
#: Left and right auditory cortex in head coordinates (metres) and the direction of its current.
CORTEX = np.array([(-0.050, 0.0, 0.05), (0.050, 0.0, 0.05)])
DIRECTION = np.array([(0.1, 0.5, 0.85), (-0.1, 0.5, 0.85)])


@dataclass(frozen=True)
class Listener:
    """topographies: (channel, source); kernels: stream -> (feature, source, lag), feature 0 linear, 1..4 onset bands.

    Sources are three components (P1, N1, P2) in each hemisphere, every one with its own place and direction.
    """

    topographies: NDArray[np.float64]
    kernels: dict[str, NDArray[np.float64]]

    def response(self, features: Features, stream: str) -> NDArray[np.float64]:
        """Answer to one talker, shape (channel, time + 0.5 s): the response rings on after the sound.

        The linear part convolves the envelope with the response function, the nonlinear part the adapted onsets of each
        band with a function of its own; both add up in the sources, then spread through the head.
        """
        inputs = np.vstack([features.envelope, features.onsets])
        sources = np.stack(
            [
                sum(fftconvolve(x, kernel) for x, kernel in zip(inputs, per_source, strict=True))
                for per_source in self.kernels[stream].transpose(1, 0, 2)
            ]
        )
        return self.topographies @ sources


def listener(head: Head, sfreq: int, nonlinear: float, rng: np.random.Generator) -> Listener:
    """A listener with own latencies (sd about 8 %), amplitudes, places (sd 5 mm) and directions of the sources.

    ``nonlinear`` in 0..1 is the weight of the onset part against the linear part. Inputs are expected with unit
    standard deviation.
    """
    n_components = len(LATENCIES)
    places = np.repeat(CORTEX, n_components, axis=0) + rng.normal(0.0, 0.005, (2 * n_components, 3))
    directions = unit(np.repeat(DIRECTION, n_components, axis=0) + rng.normal(0.0, 0.25, (2 * n_components, 3)))
    latencies = LATENCIES * (1 + rng.normal(0.0, 0.08, n_components))
    own = rng.lognormal(0.0, 0.2, n_components)
    band_weights = rng.dirichlet(np.full(N_BANDS, 4.0)) * N_BANDS**0.5
    band_delays = rng.normal(0.0, 0.012, N_BANDS) - 0.01
    lags = np.arange(round(KERNEL_S * sfreq)) / sfreq
    kernels = {}
    for stream, amplitudes in (("attended", ATTENDED), ("ignored", IGNORED)):
        linear = _components(lags, latencies, amplitudes * own)
        onsets = np.stack([_components(lags, latencies + delay, amplitudes * own) for delay in band_delays])
        per_component = np.concatenate([(1 - nonlinear) * linear[None], nonlinear * band_weights[:, None, None] * onsets])
        kernels[stream] = np.tile(per_component, (1, 2, 1))
    return Listener(head.leadfield(places, directions), kernels)


def standardised(everything: Sequence[Features]) -> list[Features]:
    """Features divided by their standard deviation over all sounds together, so that silence stays zero."""
    envelope = np.concatenate([features.envelope for features in everything]).std()
    onsets = np.concatenate([features.onsets for features in everything], axis=1).std(axis=1, keepdims=True)
    return [Features(features.envelope / envelope, features.onsets / onsets) for features in everything]


def _components(
    lags: NDArray[np.float64], latencies: NDArray[np.float64], amplitudes: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Gaussian peaks at the latencies, shape (component, lag)."""
    return amplitudes[:, None] * np.exp(-0.5 * ((lags - latencies[:, None]) / WIDTHS[:, None]) ** 2)

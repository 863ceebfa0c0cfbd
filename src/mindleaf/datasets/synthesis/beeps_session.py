"""One subject's recording of sounds that are told in words: own head, own ears, every sound once in random order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve

from mindleaf.datasets.synthesis.beeps import BeepsConfig
from mindleaf.datasets.synthesis.head import Head, unit
from mindleaf.datasets.synthesis.hearing import BAND_EDGES, N_BANDS, Features, features
from mindleaf.datasets.synthesis.listener import CORTEX, DIRECTION, LATENCIES, listener
from mindleaf.datasets.synthesis.paradigm_session import surroundings
from mindleaf.datasets.synthesis.paradigms import TRIAL_S
from mindleaf.datasets.synthesis.speech import SAMPLE_RATE

_LEAD_S = 3.0
#: Metres from one band's place to the next, backwards and inwards, and how its current turns: high sounds are answered further
#: back, and by a current that points more to the front (after Pantev et al. 1995).
_STEP = np.array([(0.003, -0.009, 0.002), (-0.003, -0.009, 0.002)])
_TURN = np.array([(0.0, 0.5, -0.4), (0.0, 0.5, -0.4)])


def as_heard(audio: NDArray[np.float32], sfreq: int) -> Features:
    """Features of a sound whose bands are answered as far as the sound has power in them: adaptation alone would make as much of
    the click at a beep's edge, which is in every band, as of its tone."""
    power = np.abs(np.fft.rfft(audio)) ** 2
    frequencies = np.fft.rfftfreq(len(audio), 1 / SAMPLE_RATE)
    in_band = np.array([power[(frequencies >= low) & (frequencies < high)].sum() for low, high in pairwise(BAND_EDGES)])
    found = features(audio, SAMPLE_RATE, sfreq)
    return Features(found.envelope, found.onsets * np.sqrt(in_band / in_band.sum())[:, None])


@dataclass(frozen=True)
class BeepsSession:
    """signal: (channel, time) microvolts; of each trial in turn: first sample, and the sound that was heard."""

    signal: NDArray[np.float64]
    starts: tuple[int, ...]
    sounds: tuple[str, ...]


def beeps_session(head: Head, heard: Mapping[str, Features], config: BeepsConfig, rng: np.random.Generator) -> BeepsSession:
    """Record one subject. ``heard`` maps sounds to what ``as_heard`` gives; pauses last 1.5-2.5 s."""
    names = list(heard)
    sounds = tuple(names[place] for place in rng.permutation(len(names)))
    n_trial = round(TRIAL_S * config.sfreq)
    pauses = np.round(np.concatenate([[_LEAD_S], rng.uniform(1.5, 2.5, len(sounds) - 1)]) * config.sfreq).astype(int)
    starts = tuple(int(start) for start in np.cumsum(pauses) + n_trial * np.arange(len(sounds)))
    signal = surroundings(head, starts[-1] + n_trial + round(_LEAD_S * config.sfreq), config, rng)
    ears = _ears(head, config, rng)
    answers = [ears(heard[name]) for name in sounds]
    spread = np.sqrt(np.mean([answer[:, :n_trial].var(axis=1) for answer in answers], axis=0)).mean()
    strength = config.answer_uv * rng.lognormal(0.0, config.variability) / spread
    for start, answer in zip(starts, answers, strict=True):
        signal[:, start : start + answer.shape[1]] += strength * answer
    return BeepsSession(signal, starts, sounds)


@dataclass(frozen=True)
class _Ears:
    """topographies: (band, channel, source); kernels: (band, source, lag)."""

    topographies: NDArray[np.float64]
    kernels: NDArray[np.float64]

    def __call__(self, features: Features) -> NDArray[np.float64]:
        """The answer to a sound, (channel, time + 0.5 s)."""
        sources = [
            np.stack([fftconvolve(band, kernel) for kernel in kernels])
            for band, kernels in zip(features.onsets, self.kernels, strict=True)
        ]
        return np.einsum("bcs,bst->ct", self.topographies, np.stack(sources))


def _ears(head: Head, config: BeepsConfig, rng: np.random.Generator) -> _Ears:
    """A listener (``listener.listener``) whose bands of onsets are answered at places of their own."""
    kernels = listener(head, config.sfreq, 1.0, rng).kernels["attended"][1:]
    n_components = len(LATENCIES)
    own = rng.normal(0.0, 0.004, (2 * n_components, 3)), rng.normal(0.0, 0.2, (2 * n_components, 3))
    bands = config.tonotopy * (np.arange(N_BANDS) - 1.0)
    topographies = [
        head.leadfield(
            np.repeat(CORTEX + band * _STEP, n_components, axis=0) + own[0],
            unit(np.repeat(DIRECTION + band * _TURN, n_components, axis=0) + own[1]),
        )
        for band in bands
    ]
    return _Ears(np.stack(topographies), kernels)

"""Speech-like audio: syllables with glottal pulses, moving formants and frication, grouped into phrases by pauses.

A source-filter model (Fant, 1960) with the vowel formants of Peterson and Barney (1952). It is no language, but it
has what a listening brain follows: a syllable rhythm near 4-5 Hz, onsets, pauses, two distinct voices.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

SAMPLE_RATE = 16000
#: First three formants in Hz of an adult male voice.
VOWELS = np.array(
    [(730, 1090, 2440), (530, 1840, 2480), (270, 2290, 3010), (570, 840, 2410), (300, 870, 2240), (500, 1500, 2500)], dtype=float
)
BANDWIDTHS = (80.0, 110.0, 160.0)
_RMS = 0.06
_PEAK = 0.95


@dataclass(frozen=True)
class Voice:
    """f0 in Hz; ``formant_scale`` stretches the formants (a shorter vocal tract has higher ones)."""

    f0: float
    formant_scale: float


VOICES = {"male": Voice(112.0, 1.0), "female": Voice(205.0, 1.17)}


def speech(voice: Voice, seconds: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Mono audio of shape (seconds x 16000,), RMS .06, peak below .95."""
    n_samples = round(seconds * SAMPLE_RATE)
    audio = np.zeros(n_samples)
    position = round(rng.uniform(0.05, 0.3) * SAMPLE_RATE)
    while position < n_samples:
        phrase_s, spoken_s = rng.uniform(1.2, 3.0), 0.0
        while spoken_s < phrase_s and position < n_samples:
            length_s = float(np.clip(rng.lognormal(np.log(0.205), 0.28), 0.11, 0.4))
            f0 = voice.f0 * (1.12 - 0.25 * spoken_s / phrase_s) * rng.lognormal(0.0, 0.06)
            syllable = _syllable(voice, f0, round(length_s * SAMPLE_RATE), rng)[: n_samples - position]
            audio[position : position + len(syllable)] += syllable
            position += len(syllable)
            spoken_s += length_s
        position += round(rng.uniform(0.2, 0.6) * SAMPLE_RATE)
    audio *= _RMS / np.sqrt(np.mean(audio**2))
    return (audio * min(1.0, _PEAK / np.abs(audio).max())).astype(np.float32)


def _syllable(voice: Voice, f0: float, n_samples: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """An unvoiced onset (two syllables in three have one), then a voiced nucleus gliding between two vowels."""
    n_onset = round(rng.uniform(0.03, 0.08) * SAMPLE_RATE) if rng.random() < 0.65 else 0
    level = 10 ** (rng.normal(0.0, 3.0) / 20)
    onset = _frication(n_onset, rng) * rng.uniform(0.1, 0.4)
    nucleus = _vowel(voice, f0, n_samples - n_onset, rng)
    return level * np.concatenate([onset, nucleus])


def _vowel(voice: Voice, f0: float, n_samples: int, rng: np.random.Generator) -> NDArray[np.float64]:
    pulses = _glottal_pulses(f0, n_samples, rng) + 0.01 * rng.standard_normal(n_samples)
    first, second = rng.integers(len(VOWELS), size=2)
    glide = np.linspace(0.0, 1.0, n_samples) ** 2
    sound = (1 - glide) * _formants(pulses, VOWELS[first] * voice.formant_scale)
    sound += glide * _formants(pulses, VOWELS[second] * voice.formant_scale)
    sound *= _rise_and_fall(n_samples, rise_s=rng.uniform(0.015, 0.05), fall_s=rng.uniform(0.05, 0.1))
    return sound / np.sqrt(np.mean(sound**2) + 1e-20)


def _glottal_pulses(f0: float, n_samples: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """A pulse train whose periods jitter by 1 %, after the glottis' low-pass slope and the lips' radiation (no offset left)."""
    n_periods = int(n_samples * f0 * 1.1 / SAMPLE_RATE) + 2
    drift = np.linspace(1.0, rng.uniform(0.9, 1.08), n_periods)
    moments = np.cumsum(SAMPLE_RATE / (f0 * drift) * (1 + 0.01 * rng.standard_normal(n_periods))).astype(int)
    train = np.zeros(n_samples)
    train[moments[moments < n_samples]] = 1.0
    return lfilter([1.0, -1.0], np.convolve([1.0, -0.97], [1.0, -0.9]), train)


def _formants(source: NDArray[np.float64], frequencies: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cascade of second-order resonators with unit gain at 0 Hz."""
    for frequency, bandwidth in zip(frequencies, BANDWIDTHS, strict=True):
        radius = np.exp(-np.pi * bandwidth / SAMPLE_RATE)
        poles = [1.0, -2 * radius * np.cos(2 * np.pi * frequency / SAMPLE_RATE), radius**2]
        source = lfilter([sum(poles)], poles, source)
    return source


def _frication(n_samples: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Noise around 2.5-6 kHz with a soft rise: a fricative or the burst of a stop."""
    if n_samples == 0:
        return np.zeros(0)
    radius, frequency = 0.9, rng.uniform(2500.0, 6000.0)
    poles = [1.0, -2 * radius * np.cos(2 * np.pi * frequency / SAMPLE_RATE), radius**2]
    noise = lfilter([1.0, 0.0, -1.0], poles, rng.standard_normal(n_samples)) * _rise_and_fall(n_samples, 0.01, 0.01)
    return noise / np.sqrt(np.mean(noise**2) + 1e-20)


def _rise_and_fall(n_samples: int, rise_s: float, fall_s: float) -> NDArray[np.float64]:
    """Half-cosine ramps up and down around a plateau, shape (n_samples,)."""
    seconds = np.arange(n_samples) / SAMPLE_RATE
    rise = np.clip(seconds / rise_s, 0.0, 1.0)
    fall = np.clip((n_samples / SAMPLE_RATE - seconds) / fall_s, 0.0, 1.0)
    return np.sin(np.pi / 2 * rise) ** 2 * np.sin(np.pi / 2 * fall) ** 2

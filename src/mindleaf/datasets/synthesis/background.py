"""What an EEG holds besides the answer to speech: 1/f activity, alpha bursts, blinks, mains hum, amplifier noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from mindleaf.datasets.synthesis.design import SIDES
from mindleaf.datasets.synthesis.head import Head, brain_positions, unit

N_BACKGROUND = 60
#: Parieto-occipital generators of alpha, left then right hemisphere, metres in head coordinates.
ALPHA_PLACES = np.array([(-0.035, -0.035, 0.06), (-0.022, -0.045, 0.05), (0.035, -0.035, 0.06), (0.022, -0.045, 0.05)])
_LOWEST_HZ = 0.3


def ongoing(head: Head, n_times: int, sfreq: float, rms_uv: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """1/f activity of 60 dipoles in random places, (channel, time); ``rms_uv`` is the mean RMS over channels.

    Power falls with frequency to the power 1.2 and is flat under 0.3 Hz.
    """
    topographies = head.leadfield(brain_positions(rng, N_BACKGROUND), unit(rng.standard_normal((N_BACKGROUND, 3))))
    frequencies = fft.rfftfreq(n_times, 1 / sfreq)
    slope = np.maximum(frequencies, _LOWEST_HZ) ** -0.6
    sources = np.stack([fft.irfft(fft.rfft(rng.standard_normal(n_times)) * slope, n_times) for _ in range(N_BACKGROUND)])
    return scaled(topographies @ sources, rms_uv)


def alpha(
    head: Head,
    n_times: int,
    sfreq: float,
    rms_uv: float,
    attention: dict[tuple[int, int], str],
    lateralisation: float,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Bursts of 8-12 Hz at the back of the head, (channel, time).

    ``attention`` maps (first, last sample) of a trial to the attended side. Within it the amplitude is multiplied by
    1 + lateralisation in the hemisphere of that side and by 1 - lateralisation in the other one (alpha falls contralateral
    to the attended side; Wostmann et al. 2016).
    """
    topographies = head.leadfield(ALPHA_PLACES, unit(ALPHA_PLACES + rng.normal(0.0, 0.02, ALPHA_PLACES.shape)))
    centre = rng.uniform(9.0, 11.0)
    sources = np.stack([narrow_band(n_times, sfreq, centre, 1.0, rng) for _ in ALPHA_PLACES])
    bursts = np.exp(0.7 * narrow_band(n_times, sfreq, 0.0, 0.3, rng))
    factor = np.ones((2, n_times))
    for (first, last), side in attention.items():
        same = SIDES.index(side)
        factor[same, first:last] += lateralisation
        factor[1 - same, first:last] -= lateralisation
    return scaled(topographies @ (sources * bursts * np.repeat(factor, 2, axis=0)), rms_uv)


def blinks(head: Head, n_times: int, sfreq: float, peak_uv: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Blinks of 0.3 s, one in about four seconds, (channel, time); ``peak_uv`` at the electrode nearest to an eye."""
    trace = np.zeros(n_times)
    shape = np.sin(np.pi * np.linspace(0.0, 1.0, max(round(0.3 * sfreq), 3))) ** 2
    moment = rng.uniform(0.5, 4.0)
    while (first := round(moment * sfreq)) + len(shape) < n_times:
        trace[first : first + len(shape)] += rng.lognormal(0.0, 0.25) * shape
        moment += 1.0 + rng.exponential(3.0)
    return peak_uv * head.blink_topography()[:, None] * trace


def hum(
    n_channels: int, n_times: int, sfreq: float, frequency: float, rms_uv: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Mains hum of slowly changing strength, (channel, time); none where the rate is too low to hold it."""
    if frequency >= sfreq / 2:
        return np.zeros((n_channels, n_times))
    strength = np.exp(0.3 * narrow_band(n_times, sfreq, 0.0, 0.05, rng))
    wave = np.sqrt(2) * np.sin(2 * np.pi * frequency * np.arange(n_times) / sfreq + rng.uniform(0, 2 * np.pi))
    return rms_uv * rng.lognormal(-0.1, 0.4, (n_channels, 1)) * strength * wave


def fingerprint(n_channels: int, n_times: int, sfreq: float, rms_uv: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """A signature of one trial, (channel, time): three steady rhythms, each at a random rate (4-35 Hz) and place on the cap.

    Frequencies and patterns say which trial a window comes from, whatever the amplitude: they outlive a 1-40 Hz filter
    and a z-score per window, and carry nothing over to another trial.
    """
    signature = np.zeros((n_channels, n_times))
    for _ in range(3):
        pattern = rng.standard_normal((n_channels, 1)) ** 3
        signature += pattern * narrow_band(n_times, sfreq, rng.uniform(4.0, 35.0), 0.5, rng)
    return scaled(signature, rms_uv)


def narrow_band(n_times: int, sfreq: float, centre: float, width: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Gaussian noise of unit variance whose spectrum is a Gaussian bump at ``centre`` Hz, sd ``width`` Hz, shape (n_times,)."""
    frequencies = fft.rfftfreq(n_times, 1 / sfreq)
    spectrum = fft.rfft(rng.standard_normal(n_times)) * np.exp(-0.5 * ((frequencies - centre) / width) ** 2)
    noise = fft.irfft(spectrum, n_times)
    return noise / noise.std()


def scaled(signal: NDArray[np.float64], rms: float) -> NDArray[np.float64]:
    """The signal with a mean RMS over its channels of ``rms``."""
    return signal * (rms / np.sqrt(np.mean(signal**2, axis=1)).mean())

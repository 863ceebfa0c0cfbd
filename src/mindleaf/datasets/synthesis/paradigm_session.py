"""One subject's recording of a paradigm: own head, own rhythms, trials of every class in random order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from mindleaf.datasets.synthesis import background
from mindleaf.datasets.synthesis.head import HEAD_RADIUS, SPHERE_CENTRE, Head, unit
from mindleaf.datasets.synthesis.paradigms import TRIAL_S, Paradigm, ParadigmConfig, RecordingConfig, Rhythm
from mindleaf.montage import Montage

_LEAD_S = 3.0
#: Depth of a source under its electrode, and the time in which its amplitude changes.
_DEPTH_M, _RISE_S = 0.025, 0.3
#: Amplitudes of a flicker and its harmonics.
_HARMONICS = (1.0, 0.5, 0.25)


@dataclass(frozen=True)
class ParadigmSession:
    """signal: (channel, time) microvolts; of each trial in turn: first sample, label, condition."""

    signal: NDArray[np.float64]
    starts: tuple[int, ...]
    labels: tuple[str, ...]
    conditions: tuple[str, ...]


def paradigm_session(head: Head, paradigm: Paradigm, config: ParadigmConfig, rng: np.random.Generator) -> ParadigmSession:
    """Record one subject. Trials follow each other in one recording with pauses of 1.5-2.5 s."""
    labels, conditions = _order(paradigm, config, rng)
    n_trial = round(TRIAL_S * config.sfreq)
    pauses = np.round(np.concatenate([[_LEAD_S], rng.uniform(1.5, 2.5, len(labels) - 1)]) * config.sfreq).astype(int)
    starts = tuple(int(start) for start in np.cumsum(pauses) + n_trial * np.arange(len(labels)))
    n_times = starts[-1] + n_trial + round(_LEAD_S * config.sfreq)
    signal = surroundings(head, n_times, config, rng)
    states = [f"{label} {condition}".strip() for label, condition in zip(labels, conditions, strict=True)]
    signal += _rhythms(head, paradigm, config, starts, states, n_times, rng)
    gains = rng.lognormal(0.0, 0.1, (len(signal), 1))
    return ParadigmSession(gains * signal, starts, labels, conditions)


def _rhythms(
    head: Head,
    paradigm: Paradigm,
    config: ParadigmConfig,
    starts: tuple[int, ...],
    states: list[str],
    n_times: int,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """The rhythms of the paradigm that occur in these trials, (channel, time)."""
    efforts = rng.lognormal(0.0, config.variability, len(states))
    used = [rhythm for rhythm in paradigm.rhythms if rhythm.resting or set(rhythm.changes) & set(states)]
    seen, courses = [], []
    waves: dict[str, NDArray[np.float64]] = {}
    for rhythm in used:
        wave = _wave(rhythm, starts, n_times, config.sfreq, rng)
        wave = waves.setdefault(rhythm.wave, wave) if rhythm.wave else wave
        changes = config.effect * efforts * [rhythm.changes.get(state, 0.0) for state in states]
        uv = rhythm.uv * rng.lognormal(0.0, config.variability)
        seen.append(uv * topography(head, rhythm.places, rng))
        courses.append(_amplitude(rhythm, starts, changes, n_times, config) * wave)
    return np.stack(seen, axis=1) @ np.stack(courses)


def topography(head: Head, places: tuple[str, ...], rng: np.random.Generator) -> NDArray[np.float64]:
    """What the electrodes see of sources under ``places`` that wax together, (channel,); 1 at the electrode that sees most."""
    outward = unit(Montage.from_names(places)[0].positions - np.array(SPHERE_CENTRE))
    positions = np.array(SPHERE_CENTRE) + (HEAD_RADIUS - _DEPTH_M) * unit(outward + rng.normal(0.0, 0.05, outward.shape))
    seen = head.leadfield(positions, unit(outward + rng.normal(0.0, 0.2, outward.shape))).sum(axis=1)
    return seen / np.abs(seen).max()


def _order(paradigm: Paradigm, config: ParadigmConfig, rng: np.random.Generator) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Label and condition of every trial: each class as often as the others, each class through the conditions in turn."""
    kinds = [
        (label, paradigm.conditions[number % len(paradigm.conditions)])
        for number in range(config.n_trials)
        for label in paradigm.classes(config)
    ]
    labels, conditions = zip(*(kinds[place] for place in rng.permutation(len(kinds))), strict=True)
    return labels, conditions


def surroundings(head: Head, n_times: int, config: RecordingConfig, rng: np.random.Generator) -> NDArray[np.float64]:
    """Everything but the paradigm's rhythms, (channel, time): 1/f activity, alpha, blinks, hum, amplifier noise of this head."""
    sfreq, n_channels = config.sfreq, len(head.montage.names)
    loudness = rng.lognormal(0.0, config.variability, 2)
    signal = background.ongoing(head, n_times, sfreq, loudness[0] * config.background_uv, rng)
    signal += background.alpha(head, n_times, sfreq, loudness[1] * config.alpha_uv, {}, 0.0, rng)
    signal += background.blinks(head, n_times, sfreq, config.blink_uv, rng)
    signal += background.hum(n_channels, n_times, sfreq, config.line_frequency, config.line_uv, rng)
    noise = config.sensor_uv * rng.lognormal(0.0, 0.4, (n_channels, 1))
    return signal + noise * rng.standard_normal((n_channels, n_times))


def _wave(rhythm: Rhythm, starts: tuple[int, ...], n_times: int, sfreq: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """The rhythm of this subject with unit variance, (n_times,); the subject's own frequency, unless a light gives it."""
    if rhythm.width_hz > 0:
        return background.narrow_band(n_times, sfreq, rhythm.hz * rng.lognormal(0.0, 0.05), rhythm.width_hz, rng)
    seconds = np.arange(round(TRIAL_S * sfreq)) / sfreq
    phases = rng.uniform(0.0, 2 * np.pi, len(_HARMONICS))
    answer = sum(
        strength * np.sin(2 * np.pi * (k + 1) * rhythm.hz * seconds + phase)
        for k, (strength, phase) in enumerate(zip(_HARMONICS, phases, strict=True))
    )
    wave = np.zeros(n_times)
    for start in starts:
        wave[start : start + len(seconds)] = answer / np.std(answer)
    return wave


def _amplitude(
    rhythm: Rhythm, starts: tuple[int, ...], changes: NDArray[np.float64], n_times: int, config: ParadigmConfig
) -> NDArray[np.float64]:
    """Amplitude over time, (n_times,): what rests, and each trial's change, which comes and goes within 0.3 s."""
    amplitude = np.full(n_times, rhythm.resting)
    for start, change in zip(starts, changes, strict=True):
        amplitude[start : start + round(TRIAL_S * config.sfreq)] += change
    if rhythm.resting:
        amplitude = np.maximum(amplitude, 0.0)
    return uniform_filter1d(amplitude, max(round(_RISE_S * config.sfreq), 1))

"""One subject's continuous recording: the timeline of trials and everything the electrodes pick up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mindleaf.datasets.synthesis import background
from mindleaf.datasets.synthesis.design import TALKERS, Presentation
from mindleaf.datasets.synthesis.head import Head
from mindleaf.datasets.synthesis.hearing import Features
from mindleaf.datasets.synthesis.listener import KERNEL_S, Listener, listener
from mindleaf.datasets.synthesis.settings import SyntheticConfig

_LEAD_S = 3.0
STREAMS = ("attended", "ignored")


@dataclass(frozen=True)
class Session:
    """signal: (channel, time) microvolts; starts: first sample of each presentation."""

    signal: NDArray[np.float64]
    starts: tuple[int, ...]


def session(
    head: Head,
    presentations: list[Presentation],
    heard: Mapping[str, Features],
    config: SyntheticConfig,
    rng: np.random.Generator,
) -> Session:
    """Record one subject. ``heard`` maps stimulus ids to features with unit standard deviation.

    Trials follow each other in one recording with pauses of 2-4 s; nothing plays in the pauses.
    """
    starts, signal = quiet_session(head, presentations, config, rng)
    n_trial = round(config.trial_s * config.sfreq)
    n_times = signal.shape[1]
    if config.relation:
        signal += _answers(head, n_times, starts, presentations, heard, config, rng)
    if config.trial_fingerprint_uv > 0:
        for start in starts:
            signal[:, start : start + n_trial] += background.fingerprint(
                len(signal), n_trial, config.sfreq, config.trial_fingerprint_uv, rng
            )
    return Session(signal, starts)


def quiet_session(
    head: Head, presentations: list[Presentation], config: SyntheticConfig, rng: np.random.Generator
) -> tuple[tuple[int, ...], NDArray[np.float64]]:
    """First sample of each presentation, and everything in the recording but the answers to the sounds."""
    sfreq, n_trial = config.sfreq, round(config.trial_s * config.sfreq)
    pauses = np.round(np.concatenate([[_LEAD_S], rng.uniform(2.0, 4.0, len(presentations) - 1)]) * sfreq).astype(int)
    starts = tuple(int(start) for start in np.cumsum(pauses) + n_trial * np.arange(len(presentations)))
    n_times = starts[-1] + n_trial + round(_LEAD_S * sfreq)
    return starts, _ongoing(head, n_times, config, starts, presentations, rng)


def _ongoing(
    head: Head,
    n_times: int,
    config: SyntheticConfig,
    starts: tuple[int, ...],
    presentations: list[Presentation],
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    sfreq, n_channels = config.sfreq, len(head.montage.names)
    n_trial = round(config.trial_s * sfreq)
    sides = {(start, start + n_trial): trial.attended_side for start, trial in zip(starts, presentations, strict=True)}
    lateralisation = config.alpha_lateralisation if config.relation else 0.0
    signal = background.ongoing(head, n_times, sfreq, config.background_uv, rng)
    signal += background.alpha(head, n_times, sfreq, config.alpha_uv, sides, lateralisation, rng)
    signal += background.blinks(head, n_times, sfreq, config.blink_uv, rng)
    signal += background.hum(n_channels, n_times, sfreq, config.line_frequency, config.line_uv, rng)
    return signal + config.sensor_uv * rng.standard_normal((n_channels, n_times))


def _answers(
    head: Head,
    n_times: int,
    starts: tuple[int, ...],
    presentations: list[Presentation],
    heard: Mapping[str, Features],
    config: SyntheticConfig,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Answers to both talkers of every trial, (channel, time)."""
    subject = tuned_listener(head, presentations, heard, config, rng)
    total = np.zeros((len(head.montage.names), n_times))
    for stream in STREAMS:
        for start, trial in zip(starts, presentations, strict=True):
            answer = subject.response(heard[_stimulus(trial, stream)], stream)
            stop = min(start + answer.shape[1], n_times)
            total[:, start:stop] += answer[:, : stop - start]
    return total


def tuned_listener(
    head: Head,
    presentations: list[Presentation],
    heard: Mapping[str, Features],
    config: SyntheticConfig,
    rng: np.random.Generator,
) -> Listener:
    """A listener whose kernels give answers of the strength that ``config`` asks for (mean RMS over channels) in this session."""
    drawn = listener(head, config.sfreq, config.nonlinear, rng)
    own, tail = rng.lognormal(0.0, 0.15), round(KERNEL_S * config.sfreq)
    kernels = {}
    for stream, rms_uv in zip(STREAMS, (config.attended_uv, config.ignored_uv), strict=True):
        answers = [drawn.response(heard[_stimulus(trial, stream)], stream) for trial in presentations]
        spread = np.sqrt(np.mean([answer[:, tail:-tail].var(axis=1) for answer in answers], axis=0)).mean()
        kernels[stream] = own * rms_uv / spread * drawn.kernels[stream]
    return Listener(drawn.topographies, kernels)


def _stimulus(trial: Presentation, stream: str) -> str:
    """Id of what the stream named "attended" or "ignored" plays in this trial."""
    ignored = TALKERS[1 - TALKERS.index(trial.attended_talker)]
    return trial.pair.stimulus(trial.attended_talker if stream == "attended" else ignored)

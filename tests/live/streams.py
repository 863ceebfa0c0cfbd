"""Streams for the tests of the decoder: noise, a scorer that can be computed by hand, and clocks that tests turn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from mindleaf.live.decoder import Decoder
from mindleaf.live.events import Decision, Event
from mindleaf.live.scorer import Heard
from mindleaf.live.settings import LiveConfig
from mindleaf.live.stream import Block, StreamInfo
from mindleaf.preprocessing.pipeline import Pipeline

CHANNELS = ("Fz", "Cz", "Pz", "Oz")
EEG = StreamInfo("eeg", CHANNELS, 128.0)
SOUND = StreamInfo("envelope", ("A", "B"), 64.0)
BAND = Pipeline(name="band", band=(1.0, 9.0), order=3, sfreq=64.0)


class MeanMatch:
    """Correlates the mean over usable channels with each envelope: what any scorer does, small enough to redo in a test."""

    name, window_s, eeg, sound, power = "mean match", 4.0, BAND, BAND, 0.3

    def __init__(self, n_channels: int = len(CHANNELS)) -> None:
        self.used = np.ones(n_channels, bool)

    def __call__(self, heard: Heard) -> np.ndarray:
        mean = heard.eeg[heard.usable].mean(axis=0)
        return np.array([np.corrcoef(mean, wave)[0, 1] for wave in heard.sound])


def follows(seconds: float, attended: int = 0, seed: int = 0, sfreq: float = EEG.sfreq) -> tuple[np.ndarray, np.ndarray]:
    """EEG (time, 4) in which every channel follows the attended of two envelopes (time, 2) at 64 Hz, in noise."""
    rng = np.random.default_rng(seed)
    sound = np.abs(np.cumsum(rng.standard_normal((round(seconds * 64), 2)), axis=0) % 40 - 20)
    at = np.arange(round(seconds * sfreq)) / sfreq * 64
    wave = np.interp(at, np.arange(len(sound)), sound[:, attended])
    return wave[:, None] + 10 * rng.standard_normal((len(wave), len(CHANNELS))) + 300.0, sound


def decoder(config: LiveConfig | None = None, eeg: StreamInfo = EEG, sound: StreamInfo = SOUND) -> Decoder:
    return Decoder(MeanMatch(len(eeg.channels)), eeg, sound, config)


def cut(info: StreamInfo, samples: np.ndarray, edges: Sequence[int], start: float = 0.0) -> Iterator[Block]:
    """Blocks between consecutive edges."""
    for a, b in pairwise(edges):
        yield Block(info, a, start + a / info.sfreq, samples[a:b])


def chunks(
    eeg: np.ndarray, sound: np.ndarray, step_s: float = 0.1, info: StreamInfo = EEG, heard: StreamInfo = SOUND
) -> list[Block]:
    """Both streams in blocks of equal length, in the order in which they end."""
    blocks = []
    for stream, samples in ((info, eeg), (heard, sound)):
        n = max(1, round(step_s * stream.sfreq))
        blocks += cut(stream, samples, [*range(0, len(samples), n), len(samples)])
    return sorted(blocks, key=ends)


def ends(block: Block) -> float:
    return block.stamp + len(block.samples) / block.info.sfreq


def play(machine: Decoder, blocks: Sequence[Block], late_s: float = 0.0) -> list[Event]:
    """Every block when its last sample is there, and the clock looked at ten times a second in between."""
    said: list[Event] = []
    tick = ends(blocks[0])
    for block in blocks:
        while tick < ends(block):
            said += machine.step(None, tick + late_s)
            tick += 0.1
        said += machine.step(block, ends(block) + late_s)
    return said


def decisions(said: Sequence[Event]) -> list[Decision]:
    return [event for event in said if isinstance(event, Decision)]

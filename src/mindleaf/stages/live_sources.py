"""Sources that open files or generators: what live decoding may not know, handed to it as an iterator of blocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mindleaf.datasets.synthesis.design import SIDES, TALKERS
from mindleaf.datasets.synthesis.settings import SyntheticConfig
from mindleaf.datasets.synthesis.speech import SAMPLE_RATE
from mindleaf.datasets.synthesis.stream import EndlessListener
from mindleaf.live.events import Mark
from mindleaf.live.source import Item, Paced
from mindleaf.live.stream import Block, StreamInfo

#: Seconds of a block, as an amplifier would send it.
BLOCK_S = 0.05


def synthetic_source(config: SyntheticConfig, seed: int, speed: float = 1.0, turn_every_s: float = 0.0) -> Paced:
    """A generated listener. Attention turns when told to, and every ``turn_every_s`` seconds where that is above 0."""
    listener = EndlessListener(config, seed)
    sides = [f"{side} ({talker})" for side, talker in zip(SIDES, TALKERS, strict=True)]
    eeg = StreamInfo("eeg", listener.channel_names, float(config.sfreq))
    sound = StreamInfo("audio", tuple(sides), float(SAMPLE_RATE))
    items = _heard(listener, eeg, sound, turn_every_s)
    return Paced("synthetic listener", eeg, sound, items, speed, listener.attend)


def _heard(listener: EndlessListener, eeg: StreamInfo, sound: StreamInfo, turn_every_s: float) -> Iterator[Item]:
    n, n_sound, attended = round(BLOCK_S * eeg.sfreq), 0, -1
    while True:
        first, stamp = listener.n_samples, listener.n_samples / eeg.sfreq
        if turn_every_s > 0 and int(stamp / turn_every_s) > int((first - n) / eeg.sfreq / turn_every_s) and first:
            listener.attend(1 - max(listener.attended, 0))
        if listener.attended != attended:
            attended = listener.attended
            yield Mark(stamp, f"attend:{attended}")
        brain, waves = listener.block(n)
        yield Block(eeg, first, stamp, brain)
        yield Block(sound, n_sound, n_sound / sound.sfreq, waves)
        n_sound += len(waves)


@dataclass(frozen=True, eq=False)
class Take:
    """A stretch of a recording with its sounds: arrays as ``Block`` has them, ``start`` in seconds on the common clock.

    ``attended``: number of the candidate, -1 where nobody knows.
    """

    start: float
    eeg: NDArray[np.floating]
    sound: NDArray[np.floating]
    attended: int = -1


def taken(takes: Iterator[Take], eeg: StreamInfo, sound: StreamInfo) -> Iterator[Item]:
    """Stretches one after another, both streams in blocks. Between them lies a gap: samples are numbered by the clock."""
    for take in takes:
        if take.attended >= 0:
            yield Mark(take.start, f"attend:{take.attended}")
        n_blocks = int(np.ceil(max(len(take.eeg) / eeg.sfreq, len(take.sound) / sound.sfreq) / BLOCK_S))
        for k in range(n_blocks):
            for info, samples in ((eeg, take.eeg), (sound, take.sound)):
                a, b = (round((k + more) * BLOCK_S * info.sfreq) for more in (0, 1))
                if len(part := samples[a:b]):
                    yield Block(info, round(take.start * info.sfreq) + a, take.start + a / info.sfreq, part)

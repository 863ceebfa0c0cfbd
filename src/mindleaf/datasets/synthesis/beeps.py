"""Sounds that can be told in words: beeps of a pitch in a rhythm."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from mindleaf.datasets.synthesis.paradigms import RecordingConfig
from mindleaf.datasets.synthesis.speech import SAMPLE_RATE

#: Hz of the tone, by its word; each lies in a band of its own (``hearing.BAND_EDGES``).
PITCHES = {"low": 250.0, "middle": 700.0, "high": 1600.0}
#: Seconds from one beep to the next, in turn.
RHYTHMS: dict[str, tuple[float, ...]] = {
    "slow": (0.75,),
    "fast": (0.2,),
    "bursting": (0.1, 0.1, 0.1, 0.9),
    "limping": (0.25, 0.65),
}
#: Every rhythm at every pitch: "slow_low_beeps".
DESCRIPTIONS: dict[str, tuple[str, str]] = {f"{rhythm}_{pitch}_beeps": (rhythm, pitch) for rhythm in RHYTHMS for pitch in PITCHES}
_BEEP_S, _RISE_S, _FALL_S, _PEAK = 0.08, 0.005, 0.025, 0.3


class BeepsConfig(RecordingConfig):
    """The experiment of sounds that are told in words.

    n_sounds    different sounds of each description; every subject hears each of them once
    answer_uv   mean RMS over channels of the average subject's answer while a sound plays; 0: the EEG knows nothing of the sounds
    tonotopy    0..1: how far apart in the auditory cortex high and low sounds are answered; 0: the EEG knows nothing of the pitch
    """

    n_sounds: int = Field(default=8, ge=1, le=99)
    answer_uv: float = Field(default=3.0, ge=0.0)
    tonotopy: float = Field(default=1.0, ge=0.0, le=1.0)


def beeps(rhythm: str, pitch: str, seconds: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Mono audio of shape (seconds x 16000,): the pitch and the tempo of this sound differ from others of its words by some 6 %,
    its first beep comes anywhere in the first turn, and intervals and levels waver."""
    hz, tempo = PITCHES[pitch] * rng.lognormal(0.0, 0.06), rng.lognormal(0.0, 0.06)
    intervals = tempo * np.array(RHYTHMS[rhythm])
    place, turn = rng.uniform(0.0, intervals.sum()), 0
    audio = np.zeros(round(seconds * SAMPLE_RATE))
    while place < seconds:
        first = round(place * SAMPLE_RATE)
        beep = 10 ** (rng.normal(0.0, 1.5) / 20) * _beep(hz)
        audio[first : first + len(beep)] += beep[: len(audio) - first]
        place += intervals[turn % len(intervals)] * rng.lognormal(0.0, 0.05)
        turn += 1
    return (_PEAK * audio).astype(np.float32)


def _beep(hz: float) -> NDArray[np.float64]:
    """A tone with a weak octave above it, up in 5 ms and fading."""
    seconds = np.arange(round(_BEEP_S * SAMPLE_RATE)) / SAMPLE_RATE
    tone = np.sin(2 * np.pi * hz * seconds) + 0.2 * np.sin(4 * np.pi * hz * seconds)
    return tone * np.minimum(seconds / _RISE_S, 1.0) * np.exp(-seconds / _FALL_S)

"""Attributes: what can be known of a window without decoding its EEG, from the design, the sounds and the sheer strength of the signal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mindleaf.store.examples import Examples
from mindleaf.store.store import Store

#: What could carry the attribute to a system: the sound it hears, the time at which or the person from whom the EEG was
#: recorded, the EEG's strength, or the time in the trial together with the sound ("clock").
Carrier = Literal["sound", "time", "person", "level", "clock"]
#: What names a person and a visit, and the attributes they are looked at by.
UNITS = {"subject": ["dataset", "subject"], "session": ["dataset", "subject", "session"]}
UNIT_ATTRIBUTES = {"subject": "which subject it is", "session": "which session it is"}
_ENERGY_HZ = 50.0


@dataclass(frozen=True)
class Attribute:
    """``read(examples)`` gives (n,) values of windows, or (n, candidate) where ``per_candidate``; numbers or names."""

    name: str
    carrier: Carrier
    per_candidate: bool
    read: Callable[[Examples], NDArray]


def window_level(examples: Examples) -> NDArray[np.float64]:
    """Log of the EEG's standard deviation, mean over channels, as recorded."""
    spans = examples.rows[["recording", "start", "stop"]].itertuples(index=False)
    store = examples.store
    return np.array([_level(store, store.recordings[r].sha256, r, start, stop) for r, start, stop in spans], dtype=float)


@lru_cache(maxsize=100_000)
def _level(store: Store, sha256: str, recording: str, start: float, stop: float) -> float:
    sfreq = store.recordings[recording].sfreq
    part = np.asarray(store.signal(recording)[round(start * sfreq) : round(stop * sfreq)])
    return float(np.log(np.nanmean(part.std(axis=0)) + 1e-12)) if len(part) else 0.0


def position_in_trial(examples: Examples) -> NDArray[np.float64]:
    """Seconds from the start of its trial to each window, (n,)."""
    return _since_trial(examples, "start")


def _trial_length(examples: Examples) -> NDArray:
    rows = examples.rows
    stop = rows["trial_stop"] if "trial_stop" in rows else rows["stop"]
    return (stop.to_numpy(float) - rows["start"].to_numpy(float) + _since_trial(examples, "start")).round(3)


def _since_trial(examples: Examples, column: str) -> NDArray:
    keys = ["recording", "trial"]
    begins = examples.store.index.drop_duplicates(keys).set_index(keys)["start"]
    begin = begins.reindex(pd.MultiIndex.from_frame(examples.rows[keys])).to_numpy(float)
    return np.nan_to_num(examples.rows[column].to_numpy(float) - begin).round(3)


def _session_time(examples: Examples) -> NDArray:
    length = {name: r.n_times / r.sfreq for name, r in examples.store.recordings.items()}
    return examples.rows["start"].to_numpy(float) / examples.rows["recording"].map(length).to_numpy(float)


def _n_candidates(examples: Examples) -> NDArray:
    return examples.rows["n_candidates"].to_numpy(float) if "n_candidates" in examples.rows else np.zeros(len(examples))


def unit_names(rows: pd.DataFrame, unit: str) -> NDArray:
    """The name of each row's subject or session, with all that it lies in."""
    first, *others = UNITS[unit]
    names = rows[first].astype(str)
    for column in others:
        names = names + "/" + rows[column].astype(str)
    return names.to_numpy(dtype=str)


def _unit(name: str) -> Callable[[Examples], NDArray]:
    def read(examples: Examples) -> NDArray:
        # A data set without sessions has one unnamed session per subject.
        return np.where(examples.rows[UNITS[name][-1]] == "", "", unit_names(examples.rows, name)).astype(str)

    return read


def of_candidates(column: str) -> Callable[[Examples], NDArray]:
    """Reads a column of each candidate, (n, candidate)."""

    def read(examples: Examples) -> NDArray:
        return examples.rows[[f"{column}_{k}" for k in range(1, examples.n_candidates + 1)]].to_numpy()

    return read


def _place_in_list(examples: Examples) -> NDArray:
    return np.tile(np.arange(examples.n_candidates).astype(str), (len(examples), 1))


def _sound_length(examples: Examples) -> NDArray:
    names = of_candidates("stimulus")(examples)
    length = {name: s.n_samples / s.sample_rate for name, s in examples.store.stimuli.items()}
    return np.vectorize(lambda name: length.get(name, 0.0), otypes=[float])(names)


def loudness(examples: Examples) -> NDArray[np.float64]:
    """Log mean square of each candidate's sound during the window, (n, candidate)."""
    names, starts = of_candidates("stimulus")(examples), of_candidates("audio_start")(examples).astype(float)
    lengths = (examples.rows["stop"] - examples.rows["start"]).to_numpy(float)[:, None] + 0.0 * starts
    out = np.zeros(names.shape)
    for name in np.unique(names.astype(str)):
        if name:
            energy = _cumulative_energy(examples.store, name)
            first = np.clip(np.round(starts[names == name] * _ENERGY_HZ).astype(int), 0, len(energy) - 2)
            frames = np.round(lengths[names == name] * _ENERGY_HZ).astype(int)
            last = np.clip(first + frames, first + 1, len(energy) - 1)
            out[names == name] = np.log((energy[last] - energy[first]) / (last - first) + 1e-12)
    return out


@lru_cache(maxsize=4096)
def _cumulative_energy(store: Store, stimulus: str) -> NDArray[np.float64]:
    """Energy up to each frame of 20 ms, from 0."""
    samples = np.asarray(store.samples(stimulus), dtype=float)
    size = max(1, round(store.stimuli[stimulus].sample_rate / _ENERGY_HZ))
    whole = samples[: len(samples) // size * size]
    frames = (whole.reshape(-1, size) ** 2).mean(axis=1) if len(whole) else np.array([(samples**2).mean()])
    return np.concatenate([[0.0], np.cumsum(frames)])


#: The signal-blind model looks at each of these by itself.
ATTRIBUTES: tuple[Attribute, ...] = (
    Attribute("length of the trial", "time", False, _trial_length),
    Attribute("position in the trial", "time", False, position_in_trial),
    Attribute("time in the session", "time", False, _session_time),
    Attribute(UNIT_ATTRIBUTES["subject"], "person", False, _unit("subject")),
    Attribute(UNIT_ATTRIBUTES["session"], "person", False, _unit("session")),
    Attribute("number of candidates", "sound", False, _n_candidates),
    Attribute("strength of the EEG", "level", False, window_level),
    Attribute("place in the list", "sound", True, _place_in_list),
    Attribute("loudness of the sound", "sound", True, loudness),
    Attribute("length of the sound", "sound", True, _sound_length),
    Attribute("position in the sound", "sound", True, of_candidates("audio_start")),
    Attribute("which sound it is", "sound", True, of_candidates("stimulus")),
    Attribute("side of the sound", "sound", True, of_candidates("side")),
    Attribute("talker", "sound", True, of_candidates("talker")),
)

"""A generated data set for the tests of preparing: its sources open in any process, and come slowly or damaged where wanted."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from mindleaf.errors import ReadError
from mindleaf.montage import Montage
from mindleaf.recording import Candidate, Recording, Stimulus, Trial
from mindleaf.store.store import Store
from mindleaf.store.writer import StoreConfig, write_store

CHANNELS = ("Fp1", "Cz", "Pz", "O1")
SFREQ = 128.0


@dataclass(frozen=True)
class Made:
    """A source as a data set lists it."""

    name: str
    open: Callable[[], list[Recording]]


def sources(n: int = 5, seconds: float = 6.0, seed: int = 0, wait_s: float = 0.0, sfreq: float = SFREQ) -> list[Made]:
    """``n`` sources; the second holds two recordings, and all of them share two stimuli."""
    return [Made(f"source{k}.edf", partial(_open, k, 2 if k == 1 else 1, seconds, seed, wait_s, sfreq)) for k in range(n)]


def damaged(name: str = "broken.edf") -> Made:
    return Made(name, partial(_refuse, name))


def unreadable(name: str = "bad-sector.edf") -> Made:
    return Made(name, _input_error)


def prepared(out: Path, made: list[Made] | None = None, settings: tuple[str, ...] = (), **how) -> Store:
    """The store of these sources."""
    return write_store(made or sources(), out, "made", {"interval": None}, StoreConfig().with_settings(settings), **how)


def _open(number: int, n_recordings: int, seconds: float, seed: int, wait_s: float, sfreq: float) -> list[Recording]:
    time.sleep(wait_s)
    return [recording(f"rec{number}{'ab'[part]}", 10 * number + part + seed, seconds, sfreq) for part in range(n_recordings)]


def recording(id: str, seed: int, seconds: float, sfreq: float = SFREQ) -> Recording:
    n_times = int(seconds * sfreq)
    names = ("first", "second")
    stimuli = tuple(Stimulus(name, 16_000.0, partial(_sound, k, 4000), "audio", "speech") for k, name in enumerate(names))
    heard = tuple(Candidate(name, side, "") for name, side in zip(names, ("left", "right"), strict=True))
    halves = [Trial(f"t{k}", k * seconds / 2, seconds / 2, {"label": "ab"[k]}, heard, 1 + (seed + k) % 2) for k in range(2)]
    return Recording(
        dataset="made", subject=id[:4], id=id, sfreq=sfreq, montage=Montage.from_names(CHANNELS)[0], n_times=n_times,
        load=partial(_span, seed, n_times), stimuli=stimuli, trials=tuple(halves),
    )  # fmt: skip


def _span(seed: int, n_times: int, start: int = 0, stop: int | None = None) -> np.ndarray:
    """Any span of one endless pattern, made where it is asked for."""
    times = np.arange(start, n_times if stop is None else stop, dtype=np.float64)
    return np.stack([30 * np.sin(times * (0.01 + 0.003 * c) + seed) + (times * 7919 + seed) % 13 for c in range(len(CHANNELS))])


def _sound(seed: int, n: int) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).standard_normal(n)).astype(np.float32)


def _refuse(name: str) -> list[Recording]:
    raise ReadError(f"/somewhere/{name}: record 3 is cut short; get the file again.")


def _input_error() -> list[Recording]:
    raise OSError(errno.EIO, "Input/output error")

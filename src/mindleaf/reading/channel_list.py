"""What the readers of amplifier makers' files share: channel kinds, names used twice, rates nobody sells, values from a file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mindleaf.errors import ReadError
from mindleaf.reading.notes import note

_KIND_WORDS = {
    "eog": "eog", "veog": "eog", "heog": "eog", "veo": "eog", "heo": "eog", "ecg": "ecg", "ekg": "ecg", "emg": "emg",
    "resp": "misc", "sao": "misc", "spo": "misc", "pulse": "misc", "temp": "misc", "gsr": "misc", "dc": "misc",
}  # fmt: skip
_TRIGGER_WORDS = frozenset({"trigger", "trig", "triggers", "status", "stim", "sti", "din", "marker", "markers"})
#: Sampling rates that amplifiers offer, Hz.
_RATES = frozenset(
    {
        50, 100, 125, 128, 160, 200, 240, 250, 256, 300, 400, 500, 512, 600, 800, 1000, 1024, 1200, 1250, 1600, 2000, 2048,
        2400, 2500, 4000, 4096, 4800, 5000, 8000, 8192, 9600, 10_000, 16_000, 16_384, 19_200, 20_000, 25_000, 32_000, 50_000,
        100_000,
    }
)  # fmt: skip


def channel_kind(name: str) -> str:
    """ "eeg", "eog", "ecg", "emg", "misc", or "stim" for a trigger channel, by the first word of the name."""
    word = re.split(r"[\s\d_.-]+", name.strip().lower(), maxsplit=1)[0]
    return "stim" if word in _TRIGGER_WORDS else _KIND_WORDS.get(word, "eeg")


def unique_names(path: Path, names: list[str]) -> tuple[list[str], list[dict[str, Any]]]:
    """Names with "-0", "-1" ... behind those used twice, and the issue that says so. Raises ReadError for a nameless channel."""
    for number, name in enumerate(names, 1):
        if not name.strip() or not name.isprintable():
            raise ReadError(f"{path}: channel {number} has no readable name; the header is damaged; get the file again.")
    seen: dict[str, int] = {}
    unique, renamed = [], []
    for name in names:
        if names.count(name) == 1:
            unique.append(name)
            continue
        unique.append(f"{name}-{seen.setdefault(name, 0)}")
        seen[name] += 1
        renamed.append(unique[-1])
    if len(set(unique)) < len(unique):
        raise ReadError(f"{path}: the channel names cannot be told apart ({', '.join(renamed[:4])}); name them in the file.")
    if not renamed:
        return unique, []
    return unique, [
        note("channel_renamed", f"channel_renamed: the file uses a name twice; called {', '.join(renamed)} here", renamed)
    ]


def rate_notes(path: Path, sfreq: float) -> list[dict[str, Any]]:
    """A rate no amplifier offers is named: in these formats nothing else in the file confirms it. ReadError where it is no rate."""
    if not np.isfinite(sfreq) or sfreq <= 0:
        raise ReadError(
            f"{path}: wanted a sampling rate, the header says {sfreq:g} Hz; the header is damaged; get the file again."
        )
    if sfreq in _RATES:
        return []
    return [
        note("rate_unusual", f"rate_unusual: {sfreq:g} Hz is no rate amplifiers offer; check it against the experiment's notes")
    ]


def odd_factors(names: list[str], factors: NDArray[np.float64]) -> list[dict[str, Any]]:
    """Channels whose calibration differs from that of most channels; nothing where every channel has its own."""
    values, counts = np.unique(factors, return_counts=True)
    usual = values[counts.argmax()]
    odd = [name for name, factor in zip(names, factors, strict=True) if factor != usual]
    if not odd or 2 * counts.max() <= len(names):
        return []
    return [note("scale_differs", f"scale_differs: the calibration of {', '.join(odd)} is not that of most channels", odd)]


def read_rows(path: Path, offset: int, dtype: DTypeLike, n_columns: int, start: int, stop: int) -> NDArray[Any]:
    """Rows start to stop, (stop - start, n_columns), of a table of numbers that begins at byte ``offset``. ReadError where they end."""
    kind = np.dtype(dtype)
    count = (stop - start) * n_columns
    values = np.fromfile(path, kind, count, offset=offset + start * n_columns * kind.itemsize)
    if len(values) != count:
        raise ReadError(f"{path}: ends after {len(values)} of {count} values that were there on opening; it changed meanwhile.")
    return values.reshape(stop - start, n_columns)

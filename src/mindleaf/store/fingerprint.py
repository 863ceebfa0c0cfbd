"""Fingerprint: what a recording is known by when its name, scale, sampling rate, beginning or encoding has changed.

A recording is reduced to anchors, places that the signal itself defines (local extrema of its change), so that cutting the
start moves nothing. Around each anchor the signs of the change form a word of bits, which no scale or offset alters. Both are
found between the samples of one common rate, so that the recorded rate and the place of the cut do not matter.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.ndimage import maximum_filter1d
from scipy.signal import butter, resample_poly, sosfiltfilt

from mindleaf.config import Config
from mindleaf.store.store import Store

#: Rate at which signals are compared (Hz), and the band that all recordings have, away from line noise and drift.
RATE = 200.0
BAND_HZ = (2.0, 20.0)
_CHANNELS = 3
_WORD_BITS = 48
_ANCHOR_SPACING_S = 0.5
_BIT_SPACING_S = 0.02
_SKETCH_WORDS = 64
_SKETCH_S = 300.0
#: Different words that must agree on one shift: single ones coincide, in rhythms above all.
_MIN_WORDS = 5
_SHIFT_S = 0.01


class Fingerprint(Config):
    """Some of a recording's words and the second each stands at, those with the smallest hashes, so that copies keep the same."""

    recording_sha256: str
    words: tuple[int, ...]
    seconds: tuple[float, ...]

    def shift_to(self, other: Fingerprint) -> float | None:
        """Seconds to add to a time in this recording to find it in ``other``; None where they are no copies."""
        places = dict(zip(other.words, other.seconds, strict=True))
        shifts = [places[w] - s for w, s in zip(self.words, self.seconds, strict=True) if w in places]
        return agreed_shift(shifts, _MIN_WORDS)


def fingerprint(store: Store, recording: str) -> Fingerprint:
    """The fingerprint of a stored recording, from its first five minutes; made once per process."""
    return _fingerprint(store.path, recording, store.recordings[recording].sha256)


@lru_cache(maxsize=4096)
def _fingerprint(path: Path, recording: str, sha256: str) -> Fingerprint:
    found: dict[int, float] = {}
    for place, (words, seconds) in enumerate(recording_words(Store(path), recording, _SKETCH_S)):
        # A word says on which channel it was seen; words that come twice say no time.
        marked = [int(word) << 2 | place for word in words]
        once = {word for word, count in Counter(marked).items() if count == 1}
        found |= {word: round(float(s), 4) for word, s in zip(marked, seconds, strict=True) if word in once}
    kept = sorted(found, key=_hash)[:_SKETCH_WORDS]
    return Fingerprint(recording_sha256=sha256, words=tuple(kept), seconds=tuple(found[word] for word in kept))


def recording_words(store: Store, recording: str, max_seconds: float) -> list[tuple[NDArray[np.uint64], NDArray[np.float64]]]:
    """Words and seconds of each chosen channel, over the first ``max_seconds``."""
    stored = store.recordings[recording]
    columns = list(chosen_channels(stored.montage.names))
    signal = np.asarray(store.signal(recording)[: round(max_seconds * stored.sfreq)])[:, columns]
    band = brain_band(signal, stored.sfreq)
    return [anchor_words(band[:, k]) for k in range(len(columns))]


def chosen_channels(names: Sequence[str]) -> tuple[int, ...]:
    """The channels with the smallest hashes of their names: the same ones in both copies, wherever they stand."""
    order = sorted(range(len(names)), key=lambda k: hashlib.sha256(names[k].encode()).digest())
    return tuple(order[:_CHANNELS])


def brain_band(signal: NDArray, sfreq: float) -> NDArray[np.float64]:
    """2-20 Hz of (time, channel) at ``RATE``, zero-phase; up to 0.45 of the recorded rate where that is lower."""
    values = np.nan_to_num(np.asarray(signal, dtype=float))
    values = values - np.median(values, axis=0)
    ratio = Fraction(RATE / sfreq).limit_denominator(1000)
    values = resample_poly(values, ratio.numerator, ratio.denominator, axis=0)
    high = min(BAND_HZ[1], 0.45 * sfreq)
    sos = butter(4, (min(BAND_HZ[0], high / 4), high), "bandpass", fs=RATE, output="sos")
    return sosfiltfilt(sos, values, axis=0, padlen=min(len(values) - 1, round(2 * RATE)))


def anchor_words(band: NDArray[np.float64]) -> tuple[NDArray[np.uint64], NDArray[np.float64]]:
    """Words of sign bits and the seconds they stand at, of one channel of ``brain_band``; polarity is that of the anchor."""
    change = np.diff(band)
    size = np.abs(change)
    half = max(1, round(_ANCHOR_SPACING_S * RATE))
    reach = (_WORD_BITS // 2) * _BIT_SPACING_S * RATE + 2
    peak = np.flatnonzero((size == maximum_filter1d(size, 2 * half + 1)) & (size > 0))
    peak = peak[(peak >= reach) & (peak + reach < len(change))]
    if not len(peak):
        return np.zeros(0, np.uint64), np.zeros(0)
    left, middle, right = size[peak - 1], size[peak], size[peak + 1]
    curvature = left - 2 * middle + right
    exact = peak + np.divide(0.5 * (left - right), curvature, out=np.zeros(len(peak)), where=curvature < 0)
    steps = (np.arange(_WORD_BITS) - _WORD_BITS // 2) * _BIT_SPACING_S * RATE
    values = CubicSpline(np.arange(len(change)), change)(exact[:, None] + steps)
    bits = values * np.sign(change[peak])[:, None] > 0
    words = (bits.astype(np.uint64) << np.arange(_WORD_BITS, dtype=np.uint64)).sum(axis=1, dtype=np.uint64)
    return words, (exact + 0.5) / RATE


def agreed_shift(shifts: Iterable[float], at_least: int) -> float | None:
    """The median of the largest group of shifts that lie within 10 ms of each other; None below ``at_least`` of them."""
    ordered = np.sort(np.fromiter(shifts, dtype=float))
    if len(ordered) < at_least:
        return None
    last = np.searchsorted(ordered, ordered + _SHIFT_S, side="right")
    counts = last - np.arange(len(ordered))
    first = int(counts.argmax())
    return float(np.median(ordered[first : last[first]])) if counts[first] >= at_least else None


def _hash(word: int) -> int:
    return int.from_bytes(hashlib.blake2b(word.to_bytes(8, "big"), digest_size=8).digest(), "big")

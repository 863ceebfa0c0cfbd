"""Duplicates: the same signal under two names, found by content: renamed, rescaled or cut signals match, files need not.

Each recording is reduced to anchors, places that the signal itself defines (local extrema of its change), so that cutting
the start moves nothing. Around each anchor the signs of the change form a word of bits, which no scale or offset alters.
Recordings with equal words at a constant time difference are compared sample by sample before anything is said.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d
from scipy.signal import butter, sosfiltfilt

from mindleaf.evaluation.verdict import AuditRow
from mindleaf.fold import Fold
from mindleaf.metrics.scores import pearson
from mindleaf.store.store import Store

_CHANNELS = 3
_WORD_BITS = 48
_ANCHOR_SPACING_S = 0.5
_BIT_SPACING_S = 0.02
_BAND_HZ = (2.0, 30.0)
_MIN_VOTES = 3
_MIN_OVERLAP_S = 5.0
_SAME = 0.99


@dataclass(frozen=True)
class Duplicate:
    """Two recordings that hold the same signal for ``overlap_s`` seconds; ``shift_s`` = time in first minus time in second."""

    first: str
    second: str
    first_subject: str
    second_subject: str
    shift_s: float
    overlap_s: float
    correlation: float


@dataclass(frozen=True)
class _Entry:
    store: Store
    recording: str
    channels: tuple[int, ...]


def duplicate_recordings(stores: Sequence[Store], max_seconds: float = 900.0) -> list[Duplicate]:
    """All pairs of recordings that share signal; only the first ``max_seconds`` of each recording are fingerprinted."""
    entries = [_Entry(s, r.id, _chosen_channels(r.montage.names)) for s in stores for r in s.recordings.values()]
    words: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for number, entry in enumerate(entries):
        stored = entry.store.recordings[entry.recording]
        signal = entry.store.signal(entry.recording)[: round(max_seconds * stored.sfreq)]
        for place, channel in enumerate(entry.channels):
            for word, sample in zip(*anchor_words(np.asarray(signal[:, channel], dtype=float), stored.sfreq), strict=True):
                words[place, int(word)].append((number, int(sample)))
    found = []
    for (a, b), votes in _votes(words).items():
        shift, count = votes.most_common(1)[0]
        if count >= _MIN_VOTES and (duplicate := _verified(entries[a], entries[b], shift)):
            found.append(duplicate)
    return found


def anchor_words(signal: NDArray[np.float64], sfreq: float) -> tuple[NDArray[np.uint64], NDArray[np.intp]]:
    """Words of sign bits and the samples they stand at, of ``signal`` (time,); polarity is that of the anchor.

    Bits come from the change of the 2-30 Hz signal, 20 ms apart: line noise and drift, which all recordings of a room
    share, take no part.
    """
    change = np.diff(_brain_band(signal[:, None], sfreq)[:, 0])
    size = np.abs(change)
    half = max(1, round(_ANCHOR_SPACING_S * sfreq))
    peak = np.flatnonzero((size == maximum_filter1d(size, 2 * half + 1)) & (size > 0))
    steps = (np.arange(_WORD_BITS) - _WORD_BITS // 2) * max(1, round(_BIT_SPACING_S * sfreq))
    peak = peak[(peak + steps[0] >= 0) & (peak + steps[-1] < len(change))]
    bits = (change[peak[:, None] + steps] * np.sign(change[peak])[:, None]) > 0
    words = (bits.astype(np.uint64) << np.arange(_WORD_BITS, dtype=np.uint64)).sum(axis=1, dtype=np.uint64)
    return words, peak


def duplicate_signals(stores: Sequence[Store], folds: Sequence[Fold], found: Sequence[Duplicate]) -> AuditRow:
    """Fails where one copy is in training and the other in test; a copy elsewhere is named as a warning."""
    n = sum(len(store.recordings) for store in stores)
    expected = "no signal twice"
    if not found:
        return AuditRow(
            "duplicate_signals", expected, f"none among {n} recordings", "pass", "no recording repeats another's signal"
        )
    listed = "; ".join(_sentence(d) for d in found[:10])
    crossing = [d for d in found if _straddles(d, folds)]
    if crossing:
        named = "; ".join(f"{d.first} = {d.second}" for d in crossing[:10])
        why = f"the same signal stands in training and in test ({named}): leave one copy out"
        return AuditRow("duplicate_signals", expected, listed, "fail", why)
    why = "warning: the same signal occurs twice, but no fold of this protocol has it in training and test; leave one copy out"
    return AuditRow("duplicate_signals", expected, listed, "pass", why)


def _sentence(d: Duplicate) -> str:
    shift = "" if abs(d.shift_s) < 0.01 else f", shifted by {d.shift_s:+.2f} s"
    both = f"{d.first} (subject {d.first_subject}) = {d.second} (subject {d.second_subject})"
    return f"{both}, {d.overlap_s:.0f} s{shift}, r {d.correlation:.3f}"


def _chosen_channels(names: Sequence[str]) -> tuple[int, ...]:
    """The channels with the smallest hashes of their names: the same ones in both copies, wherever they stand."""
    order = sorted(range(len(names)), key=lambda k: hashlib.sha256(names[k].encode()).digest())
    return tuple(order[:_CHANNELS])


def _votes(words: dict[tuple[int, int], list[tuple[int, int]]]) -> dict[tuple[int, int], Counter]:
    votes: dict[tuple[int, int], Counter] = defaultdict(Counter)
    for places in words.values():
        # A word that many recordings share (line noise, silence) tells nothing and would cost a quadratic loop.
        if 2 <= len(places) <= 40:
            for (a, s), (b, t) in combinations(places, 2):
                if a != b:
                    votes[a, b][s - t] += 1
    return votes


def _verified(a: _Entry, b: _Entry, shift: int) -> Duplicate | None:
    first, second = a.store.recordings[a.recording], b.store.recordings[b.recording]
    if abs(first.sfreq - second.sfreq) > 1e-3 * first.sfreq:
        return None
    begin, end = max(0, shift), min(first.n_times, second.n_times + shift)
    if end - begin < min(_MIN_OVERLAP_S * first.sfreq, 0.5 * min(first.n_times, second.n_times)):
        return None
    # Filters ring at cut edges, where the two copies had different neighbours.
    edge = min(round(first.sfreq), (end - begin) // 8)
    x, y = (
        _brain_band(
            np.asarray(entry.store.signal(entry.recording)[start : start + end - begin, list(entry.channels)]), first.sfreq
        )[edge : end - begin - edge]
        for entry, start in ((a, begin), (b, begin - shift))
    )
    width = min(x.shape[1], y.shape[1])
    r = float(np.median(np.abs(pearson(x[:, :width], y[:, :width], axis=0))))
    if r < _SAME:
        return None
    return Duplicate(a.recording, b.recording, first.subject, second.subject, shift / first.sfreq, (end - begin) / first.sfreq, r)


def _brain_band(signal: NDArray, sfreq: float) -> NDArray[np.float64]:
    """2-30 Hz of (time, channel), zero-phase; up to 0.45 of the rate where that is lower."""
    values = np.nan_to_num(np.asarray(signal, dtype=float))
    high = min(_BAND_HZ[1], 0.45 * sfreq)
    sos = butter(4, (min(_BAND_HZ[0], high / 4), high), "bandpass", fs=sfreq, output="sos")
    return sosfiltfilt(sos, values, axis=0, padlen=min(len(values) - 1, round(2 * sfreq)))


def _straddles(d: Duplicate, folds: Sequence[Fold]) -> bool:
    for fold in folds:
        known = {*fold.train["recording"], *fold.validation["recording"]}
        test = set(fold.test["recording"])
        if (d.first in known and d.second in test) or (d.second in known and d.first in test):
            return True
    return False

"""Duplicates: the same signal under two names, found by content: renamed, rescaled, resampled or cut signals match, files need not.

Recordings whose fingerprints (``store.fingerprint``) have equal words at one time difference are compared sample by sample
before anything is said.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from mindleaf.evaluation.verdict import AuditRow
from mindleaf.fold import Fold
from mindleaf.metrics.scores import pearson
from mindleaf.store.fingerprint import RATE, agreed_shift, brain_band, chosen_channels, recording_words
from mindleaf.store.store import Store

_MIN_VOTES = 3
_MIN_OVERLAP_S = 5.0
_COMPARED_S = 300.0
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


def duplicate_recordings(stores: Sequence[Store], max_seconds: float = 900.0) -> list[Duplicate]:
    """All pairs of recordings that share signal; only the first ``max_seconds`` of each recording are fingerprinted."""
    entries = [_Entry(s, r.id) for s in stores for r in s.recordings.values()]
    words: dict[tuple[int, int], list[tuple[int, float]]] = defaultdict(list)
    for number, entry in enumerate(entries):
        for place, (found, seconds) in enumerate(recording_words(entry.store, entry.recording, max_seconds)):
            for word, second in zip(found, seconds, strict=True):
                words[place, int(word)].append((number, float(second)))
    found_pairs = []
    for (a, b), shifts in _shifts(words).items():
        shift = agreed_shift(shifts, _MIN_VOTES)
        if shift is not None and (duplicate := _verified(entries[a], entries[b], shift)):
            found_pairs.append(duplicate)
    return found_pairs


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


def _shifts(words: dict[tuple[int, int], list[tuple[int, float]]]) -> dict[tuple[int, int], list[float]]:
    """Differences of time, in seconds, at which two recordings have the same word."""
    shifts: dict[tuple[int, int], list[float]] = defaultdict(list)
    for places in words.values():
        # A word that many recordings share (line noise, silence) tells nothing and would cost a quadratic loop.
        if 2 <= len(places) <= 40:
            for (a, s), (b, t) in combinations(places, 2):
                if a != b:
                    shifts[a, b].append(s - t)
    return shifts


def _verified(a: _Entry, b: _Entry, shift: float) -> Duplicate | None:
    """``shift``: time in ``a`` minus time in ``b``, seconds. The first five minutes that both hold are compared."""
    first, second = a.store.recordings[a.recording], b.store.recordings[b.recording]
    lengths = first.n_times / first.sfreq, second.n_times / second.sfreq
    begin, end = max(0.0, shift), min(lengths[0], lengths[1] + shift)
    if end - begin < min(_MIN_OVERLAP_S, 0.5 * min(lengths)):
        return None
    # Filters ring at cut edges, where the two copies had different neighbours.
    edge = min(1.0, (end - begin) / 8)
    seconds = np.arange(begin + edge, min(end - edge, begin + _COMPARED_S), 1 / RATE)
    x, y = _excerpt(a, seconds), _excerpt(b, seconds - shift)
    width = min(x.shape[1], y.shape[1])
    r = float(np.median(np.abs(pearson(x[:, :width], y[:, :width], axis=0))))
    if r < _SAME:
        return None
    return Duplicate(a.recording, b.recording, first.subject, second.subject, shift, end - begin, r)


def _excerpt(entry: _Entry, seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """The chosen channels at these (evenly spaced) seconds of the recording, 2-20 Hz, (time, channel)."""
    stored = entry.store.recordings[entry.recording]
    first = max(0, int((seconds[0] - 1) * stored.sfreq))
    last = min(stored.n_times, int((seconds[-1] + 1) * stored.sfreq) + 1)
    columns = list(chosen_channels(stored.montage.names))
    band = brain_band(np.asarray(entry.store.signal(entry.recording)[first:last])[:, columns], stored.sfreq)
    at = seconds - first / stored.sfreq
    return CubicSpline(np.arange(len(band)) / RATE, band)(at)


def _straddles(d: Duplicate, folds: Sequence[Fold]) -> bool:
    for fold in folds:
        known = {*fold.train["recording"], *fold.validation["recording"]}
        test = set(fold.test["recording"])
        if (d.first in known and d.second in test) or (d.second in known and d.first in test):
            return True
    return False

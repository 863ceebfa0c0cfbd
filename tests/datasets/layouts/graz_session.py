"""A session of the Graz sets: blocks of eye movements and runs of trials, parted by 100 missing samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .expected import eeg

SFREQ, GAP, IMPULSE_S = 250, 100, 2.7


@dataclass(frozen=True)
class Session:
    """``signal`` (channel, time) with NaN in the gaps; ``starts``: of each run, the trials' samples within the run."""

    signal: NDArray
    events: list[tuple[int, int, int]]
    starts: list[list[int]]
    runs: list[NDArray]


def session(
    n_channels: int, n_eye_blocks: int, classes: list[list[int]], codes: list[int], cue_s: float, spacing_s: float, seed: int,
    rejected: tuple[int, int] = (-1, -1),
) -> Session:  # fmt: skip
    """``classes``: of each run the trials' classes from 1; ``codes[class - 1]`` marks the cue. One trial may be ``rejected``."""
    pieces, events, starts, runs, at = [], [], [], [], 0
    gap = np.full((n_channels, GAP), np.nan)
    for block in range(n_eye_blocks):
        length = 2 * SFREQ
        events += [(at, 32766, 0), (at, 276 + block, length)]
        pieces += [eeg(n_channels, length, SFREQ, [], seed + block), gap]
        at += length + GAP
    for number, run in enumerate(classes):
        # A little of everything before the first trial, so that trials do not start on round seconds.
        own = [61 + number + round(k * spacing_s * SFREQ) for k in range(len(run))]
        length = own[-1] + round((spacing_s + 0.9) * SFREQ)
        signal = eeg(n_channels, length, SFREQ, [start / SFREQ + IMPULSE_S for start in own], seed + 50 + number)
        events.append((at, 32766, 0))
        for k, (start, kind) in enumerate(zip(own, run, strict=True)):
            events += [(at + start, 768, round(spacing_s * SFREQ)), (at + start + round(cue_s * SFREQ), codes[kind - 1], 312)]
            if (number, k) == rejected:
                events.append((at + start, 1023, 10))
        pieces += [signal, gap]
        starts.append(own)
        runs.append(signal)
        at += length + GAP
    return Session(np.concatenate(pieces[:-1], axis=1), events, starts, runs)

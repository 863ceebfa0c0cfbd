"""What an accuracy is worth in time: bits a minute, and how long a decoder needs to follow a switch of attention."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

#: The decoder must stay at or above this share of the way between its two ends ...
_WORKING = 0.65
#: ... with this probability while attention stays.
_CONFIDENCE = 0.8
_FEWEST_STATES, _MOST_STATES = 5, 400
_GRID = 200


def information_transfer_rate(accuracy: float, n_options: int, window_s: float) -> float:
    """Bits a minute of decisions among ``n_options``, one each ``window_s`` seconds (Wolpaw et al. 1998); 0 at chance or below."""
    if n_options < 2 or accuracy <= 1 / n_options:
        return 0.0
    wrong = 1.0 - accuracy
    bits = math.log2(n_options) + accuracy * math.log2(accuracy)
    if wrong > 0:
        bits += wrong * math.log2(wrong / (n_options - 1))
    return bits * 60.0 / window_s


def minimum_expected_switch_duration(windows_s: Sequence[float], accuracies: Sequence[float]) -> float:
    """Seconds that a gain control needs to follow a switch between two talkers, at the best length of the window.

    S. Geirnaert, T. Francart and A. Bertrand, "An interpretable performance metric for auditory attention decoding
    algorithms in a context of neuro-steered gain control", IEEE TNSRE 28 (2020). Accuracies between the measured lengths
    are interpolated linearly. Infinite where no accuracy is above .5.
    """
    order = np.argsort(windows_s)
    lengths, shares = np.asarray(windows_s, float)[order], np.asarray(accuracies, float)[order]
    grid = np.unique(np.concatenate([lengths, np.linspace(lengths[0], lengths[-1], _GRID)]))
    found = [length * _expected_steps(share) for length, share in zip(grid, np.interp(grid, lengths, shares), strict=True)]
    return float(min(found))


def _expected_steps(accuracy: float) -> float:
    """Decisions until a walk that goes right with ``accuracy`` reaches its working region after a switch, with the fewest states that keep it there."""
    if accuracy <= 0.5:
        return math.inf
    # A decoder that is never wrong is told apart from one that nearly never is by nothing measured.
    accuracy = min(accuracy, 1 - 1e-9)
    for n_states in range(_FEWEST_STATES, _MOST_STATES + 1):
        stationary = _stationary(accuracy, n_states)
        # The largest state above which the walk is with the wanted confidence.
        bound = int(np.flatnonzero(np.cumsum(stationary[::-1])[::-1] >= _CONFIDENCE).max())
        if bound / (n_states - 1) >= _WORKING:
            target = math.ceil(_WORKING * (n_states - 1) - 1e-9)
            after = stationary[::-1][:target]
            return float((after / after.sum()) @ _hitting_times(accuracy, target))
    return math.inf


def _stationary(accuracy: float, n_states: int) -> NDArray[np.float64]:
    """How often the walk is in each state while attention stays."""
    powers = (accuracy / (1 - accuracy)) ** (np.arange(n_states) - (n_states - 1.0))
    return powers / powers.sum()


def _hitting_times(accuracy: float, target: int) -> NDArray[np.float64]:
    """Expected decisions from each state below ``target`` until it is reached; the first state can only stay or go right."""
    stay = np.eye(target)
    for state in range(target):
        stay[state, max(0, state - 1)] -= 1 - accuracy
        if state + 1 < target:
            stay[state, state + 1] -= accuracy
    return np.asarray(np.linalg.solve(stay, np.ones(target)), np.float64)

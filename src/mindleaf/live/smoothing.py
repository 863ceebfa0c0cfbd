"""From the probabilities of single windows to a belief that moves as attention does: a hidden Markov filter.

S. Miran et al., "Real-time tracking of selective auditory attention from M/EEG: a Bayesian filtering approach",
Front. Neurosci. 12 (2018), 262, smooths in the same spirit. Here the hidden state is the attended candidate, which stays for
``turn_s`` seconds on average. Windows that overlap repeat each other, so each counts for the share that is new in it.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from mindleaf.live.settings import LiveConfig


def probabilities(scores: Float[np.ndarray, " candidate"], slope: float) -> Float[np.ndarray, " candidate"]:
    """Softmax of the scores times ``slope``: finite whatever finite scores come."""
    odds = slope * (scores - scores.max())
    mass = np.exp(np.maximum(odds, -700.0))
    return mass / mass.sum()


class Smoother:
    """Belief over candidates, and the choice that changes only after another candidate has led for a while."""

    def __init__(self, n_candidates: int, window_s: float, config: LiveConfig) -> None:
        self._n = n_candidates
        self._new = min(1.0, config.hop_s / window_s)
        self._stay = math.exp(-config.hop_s / config.turn_s)
        self._dwell = max(1, math.ceil(config.dwell_s / config.hop_s - 1e-9))
        self.reset()

    def reset(self) -> None:
        """Nothing is known: a gap may have been any length."""
        self.belief = np.full(self._n, 1 / self._n)
        self.choice, self._leader, self._led = -1, -1, 0

    def skip(self) -> None:
        """A hop without an answer: attention may have turned meanwhile."""
        self.belief = self._stay * self.belief + (1 - self._stay) / self._n

    def take(self, probability: Float[np.ndarray, " candidate"]) -> None:
        """One window's answer."""
        self.skip()
        mass = self.belief * np.maximum(probability, 1e-300) ** self._new
        self.belief = mass / mass.sum()
        leader = int(np.argmax(self.belief))
        self._led = self._led + 1 if leader == self._leader else 1
        self._leader = leader
        if self.choice < 0 or self._led >= self._dwell:
            self.choice = leader

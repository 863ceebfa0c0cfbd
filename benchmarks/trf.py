"""Backward TRF, 64 channels x 32 lags: Toeplitz Gram against mTRFpy, same data, same threads, same weights.

Run: python benchmarks/trf.py [--minutes 10] [--repeats 5]   (threads: OMP_NUM_THREADS)
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
from mtrf.model import TRF
from numpy.typing import NDArray

from mindleaf.systems.lagged_ridge import lagged_gram

N_CHANNELS, N_LAGS, SFREQ, PENALTY, LIMIT = 64, 32, 64, 1e3, 5.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    eeg, envelope = signals(round(arguments.minutes * 60 * SFREQ))
    # Runs alternate, so that a busy moment of the machine hits both.
    pairs = [(timed(lambda: peer(eeg, envelope)), timed(lambda: ours(eeg, envelope))) for _ in range(arguments.repeats)]
    peer_s, ours_s = (statistics.median(column) for column in zip(*pairs, strict=True))
    reference = direct(eeg, envelope)
    errors = [np.abs(f(eeg, envelope) - reference).max() / np.abs(reference).max() for f in (peer, ours)]
    ratio = peer_s / ours_s
    print(f"backward TRF, {N_CHANNELS} channels x {N_LAGS} lags x {arguments.minutes:g} min at {SFREQ} Hz")
    print(f"{'':8}{'median s':>10}{'max relative error':>22}")
    print(f"{'mtrf':8}{peer_s:10.2f}{errors[0]:22.1e}")
    print(f"{'ours':8}{ours_s:10.2f}{errors[1]:22.1e}")
    print(f"ratio {ratio:.1f} x, limit {LIMIT:g} x: {'pass' if ratio >= LIMIT and errors[1] < 1e-6 else 'FAIL'}")
    return 0 if ratio >= LIMIT and errors[1] < 1e-6 else 1


def signals(n: int, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Smooth correlated channels that carry a delayed copy of a smooth envelope."""
    rng = np.random.default_rng(seed)
    kernel = np.hanning(9)
    envelope = np.convolve(rng.standard_normal(n), kernel, mode="same")
    noise = rng.standard_normal((n, N_CHANNELS)) @ rng.standard_normal((N_CHANNELS, N_CHANNELS)) / 8
    noise = np.apply_along_axis(np.convolve, 0, noise, kernel, mode="same")
    return noise + np.roll(envelope, 8)[:, None] * rng.standard_normal(N_CHANNELS) + 0.5, envelope


def ours(eeg: NDArray, envelope: NDArray) -> NDArray:
    return lagged_gram([(eeg, envelope)], -(N_LAGS - 1), 0).solve(PENALTY)[:, 0]


def peer(eeg: NDArray, envelope: NDArray) -> NDArray:
    """mTRFpy's weights on our scale: it divides its penalty and its weights by the sampling interval."""
    trf = TRF(direction=-1)
    trf.train(envelope, eeg, SFREQ, 0.0, (N_LAGS - 1) / SFREQ, PENALTY / SFREQ)
    return np.concatenate([trf.bias.ravel(), trf.weights[:, :, 0].T.ravel()]) / SFREQ


def direct(eeg: NDArray, envelope: NDArray) -> NDArray:
    """The lagged matrix written out, normal equations in float64."""
    lagged = np.ones((len(eeg), 1 + N_LAGS * N_CHANNELS))
    for column, ahead in enumerate(range(N_LAGS - 1, -1, -1)):
        block = slice(1 + column * N_CHANNELS, 1 + (column + 1) * N_CHANNELS)
        lagged[:, block] = 0.0
        lagged[: len(eeg) - ahead, block] = eeg[ahead:]
    penalty = np.diag(np.r_[0.0, np.full(lagged.shape[1] - 1, PENALTY)])
    return np.linalg.solve(lagged.T @ lagged + penalty, lagged.T @ envelope)


def timed(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())

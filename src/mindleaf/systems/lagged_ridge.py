"""Ridge regression on time-lagged signals without building the lagged matrix.

With lags l = first..last the lagged matrix holds x(t - l), zero outside the signal, beside a column of ones. Its Gram
matrix is block Toeplitz up to the edges, so one row of channel x channel blocks needs products over time and every other
block is its upper-left neighbour plus an edge term of rank one a span. Equal to the direct solution to rounding.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from mindleaf.errors import BadInput

#: Samples per product over time: keeps the lagged slices of 64 float64 channels in cache.
_CHUNK = 4096
Span = tuple[NDArray, NDArray]


@dataclass(frozen=True)
class Gram:
    """Sums over time of products of the lagged inputs x' (a one, then lag-major and channel-minor) and the outputs y.

    xx: (size, size) and xy: (size, output) with size = 1 + n_lags * n_channels; yy: (output, output); y: (output,) sums.
    """

    xx: NDArray[np.float64]
    xy: NDArray[np.float64]
    yy: NDArray[np.float64]
    y: NDArray[np.float64]

    @property
    def n_samples(self) -> float:
        return float(self.xx[0, 0])

    def __add__(self, other: Gram) -> Gram:
        return Gram(self.xx + other.xx, self.xy + other.xy, self.yy + other.yy, self.y + other.y)

    def __sub__(self, other: Gram) -> Gram:
        return Gram(self.xx - other.xx, self.xy - other.xy, self.yy - other.yy, self.y - other.y)

    def solve(self, penalty: float) -> NDArray[np.floating]:
        """Weights (size, output) of min |y - x'w|^2 + penalty |w|^2; the weight of the one, the bias, is not penalised."""
        system = self.xx.copy()
        system[np.diag_indices(len(system))] += np.r_[0.0, np.full(len(system) - 1, penalty)]
        try:
            return scipy.linalg.solve(system, self.xy, assume_a="pos", overwrite_a=True, check_finite=False)
        except np.linalg.LinAlgError:
            # Rank-deficient input with a penalty below rounding error: the least-norm solution is the limit of ridge.
            return np.linalg.lstsq(self.xx + penalty * np.diag(np.r_[0.0, np.ones(len(system) - 1)]), self.xy, rcond=None)[0]

    def covariances(self, weights: NDArray) -> tuple[NDArray, NDArray, NDArray]:
        """Centred, per sample: of the reconstruction x'w (output, output), with y (output, output), of y (output, output)."""
        n = self.n_samples
        mean = self.xx[0] @ weights / n
        fitted = weights.T @ self.xx @ weights / n - np.outer(mean, mean)
        return fitted, weights.T @ self.xy / n - np.outer(mean, self.y / n), self.yy / n - np.outer(self.y, self.y) / n**2

    def correlation(self, weights: NDArray) -> float:
        """Pearson r of x'w with y over these samples, mean over outputs; 0 where either is constant."""
        fitted, cross, true = (np.diag(matrix) for matrix in self.covariances(weights))
        scale = np.sqrt(np.maximum(fitted * true, 0.0))
        return float(np.mean(np.divide(cross, scale, out=np.zeros_like(scale), where=scale > 1e-12)))


def total(grams: Iterable[Gram]) -> Gram:
    return reduce(Gram.__add__, grams)


def lagged_gram(spans: Sequence[Span], first_lag: int, last_lag: int) -> Gram:
    """Gram summed over continuous spans.

    spans: pairs of x (time, channel) and y (time, output) or (time,); lags in samples, ``first_lag <= last_lag``, where a
    negative lag reads x later than y. x counts as zero outside its span. Costs n_lags products of
    (channel x time)(time x channel). Raises BadInput when a span is not longer than the furthest lag.
    """
    lags = range(first_lag, last_lag + 1)
    checked = [_checked(x, y, max(-first_lag, last_lag)) for x, y in spans]
    n_channels, n_outputs = checked[0][0].shape[1], checked[0][1].shape[1]
    size = 1 + len(lags) * n_channels
    xx, xy = np.zeros((size, size)), np.zeros((size, n_outputs))
    yy, sums = np.zeros((n_outputs, n_outputs)), np.zeros(n_outputs)
    # Splitting axes keeps this a view: filling the blocks fills xx.
    blocks = xx[1:, 1:].reshape(len(lags), n_channels, len(lags), n_channels)
    for x, y in checked:
        _add_first_block_row(x, lags, blocks)
        for row, lag in enumerate(lags):
            source, target = _overlap(len(x), lag)
            here = slice(1 + row * n_channels, 1 + (row + 1) * n_channels)
            xx[0, here] += x[source].sum(axis=0)
            xy[here] += x[source].T @ y[target]
        yy += y.T @ y
        sums += y.sum(axis=0)
    _fill_along_diagonals([x for x, _ in checked], lags, blocks)
    xy[0] = sums
    xx[0, 0], xx[1:, 0] = sum(len(x) for x, _ in checked), xx[0, 1:]
    return Gram(xx, xy, yy, sums)


def _checked(x: NDArray, y: NDArray, furthest: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if furthest >= len(x):
        raise BadInput(
            f"lagged regression wanted spans longer than its furthest lag ({furthest} samples), got {len(x)} samples; "
            "use longer windows."
        )
    return np.ascontiguousarray(x, np.float64), np.asarray(y, np.float64).reshape(len(x), -1)


def _overlap(n: int, lag: int) -> tuple[slice, slice]:
    """Where x(t - lag) exists: the samples of x read, and the times t that read them."""
    return (slice(0, n - lag), slice(lag, n)) if lag >= 0 else (slice(-lag, n), slice(0, n + lag))


def _add_first_block_row(x: NDArray, lags: range, blocks: NDArray) -> None:
    """blocks[0, :, b] += sum over t of x(t - lags[0]) x(t - lags[b])', with t inside the span and x zero outside."""
    n, first = len(x), lags[0]
    for column, lag in enumerate(lags):
        start, stop = max(0, first, lag), min(n, n + first, n + lag)
        for t in range(start, stop, _CHUNK):
            end = min(t + _CHUNK, stop)
            blocks[0, :, column] += x[t - first : end - first].T @ x[t - lag : end - lag]


def _fill_along_diagonals(signals: Sequence[NDArray], lags: range, blocks: NDArray) -> None:
    """Block (a+1, b+1) is block (a, b) one sample on: in each span one sample enters at the start, one leaves at the end."""
    entering = np.stack([_samples(x, -1 - np.asarray(lags)) for x in signals], axis=1)
    leaving = np.stack([_samples(x, len(x) - 1 - np.asarray(lags)) for x in signals], axis=1)
    # Both as one signed product, (lag, 2 * span, channel).
    edges = np.concatenate([entering, leaving], axis=1)
    signed = np.concatenate([entering, -leaving], axis=1)
    for column in range(1, len(lags)):
        blocks[column, :, 0] = blocks[0, :, column].T
    for a in range(len(lags) - 1):
        for b in range(a, len(lags) - 1):
            blocks[a + 1, :, b + 1] = blocks[a, :, b] + signed[a].T @ edges[b]
            if b > a:
                blocks[b + 1, :, a + 1] = blocks[a + 1, :, b + 1].T


def _samples(x: NDArray, times: NDArray) -> NDArray:
    """x at these times, (len(times), channel); zeros outside the span."""
    inside = (times >= 0) & (times < len(x))
    return np.where(inside[:, None], x[np.where(inside, times, 0)], 0.0)


def apply_lagged(x: NDArray, weights: NDArray, first_lag: int, last_lag: int) -> NDArray[np.float64]:
    """bias + sum over lags and channels of x(t - lag) w, with x zero outside its span.

    x: (..., time, channel), weights: (1 + n_lags * n_channels, output) as ``Gram.solve`` gives them -> (..., time, output).
    """
    n, n_channels = x.shape[-2:]
    n_outputs = weights.shape[1]
    by_lag = weights[1:].reshape(-1, n_channels, n_outputs)
    # One product for all lags, shifted and summed afterwards: the lagged matrix is never built here either.
    parts = (x @ by_lag.transpose(1, 0, 2).reshape(n_channels, -1)).reshape(*x.shape[:-1], len(by_lag), n_outputs)
    y = np.broadcast_to(weights[0], (*x.shape[:-1], n_outputs)).astype(np.float64)
    for column, lag in enumerate(range(first_lag, last_lag + 1)):
        if abs(lag) < n:
            source, target = _overlap(n, lag)
            y[..., target, :] += parts[..., source, column, :]
    return y


def choose_penalty(groups: Sequence[Gram], penalties: Sequence[float]) -> tuple[float, list[float]]:
    """Leave one group out: the penalty with the highest mean correlation, and that mean for each penalty.

    Raises BadInput for a single group: there is nothing to leave out.
    """
    if len(groups) < 2:
        raise BadInput("choosing a ridge penalty wanted two groups of spans or more, got one; give more training data.")
    everything = total(groups)
    means = np.zeros(len(penalties))
    for group in groups:
        rest = everything - group
        means += [group.correlation(rest.solve(penalty)) for penalty in penalties]
    means /= len(groups)
    return float(penalties[int(np.argmax(means))]), means.tolist()

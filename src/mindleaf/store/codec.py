"""The compiled loops behind int16 signals and behind windows: they are apart so that numba is loaded when first needed."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from mindleaf.store.encoding import HIGHEST, MISSING


@numba.njit(cache=True, nogil=True)
def encode(rows: NDArray, codes: NDArray, affine: NDArray) -> None:
    """rows: (channel, time) microvolts of one stretch -> codes (channel, time) int16, affine (channel, 2) offset and scale."""
    for c in range(rows.shape[0]):
        row = rows[c]
        low, high = np.inf, -np.inf
        for t in range(len(row)):
            x = np.float64(row[t])
            if np.isfinite(x):
                low, high = min(low, x), max(high, x)
        if low > high:
            low = high = 0.0
        # Both are rounded before they are used, so that decoding undoes exactly what encoding did.
        offset = np.float32((low + high) / 2)
        reach = max(high - np.float64(offset), np.float64(offset) - low)
        # A little wider than needed: rounding the scale must not push the extremes over the last code.
        scale = np.float32(reach * (1 + 1e-6) / HIGHEST)
        affine[c, 0], affine[c, 1] = offset, scale
        steps = 1.0 / np.float64(scale) if scale > 0 else 0.0
        for t in range(len(row)):
            x = np.float64(row[t])
            code = np.rint((x - offset) * steps) if np.isfinite(x) else float(MISSING)
            codes[c, t] = np.int16(code)


@numba.njit(cache=True, nogil=True)
def windows(values: NDArray, firsts: NDArray, lasts: NDArray, places: NDArray, columns: NDArray, out: NDArray) -> None:
    """Samples ``firsts`` to ``lasts`` of a signal in stretches, into ``out[places]``; zeros behind a window's last sample.

    values: (stretch, channel, length of a stretch) float32; out: (window, channel, time) float32; both lie in one piece.
    """
    n_channels, length = values.shape[1:]
    width, rows, into = out.shape[2], values.reshape(-1), out.reshape(-1)
    for w in range(len(firsts)):
        n, done = max(0, min(width, lasts[w] - firsts[w])), 0
        while done < n:
            stretch, begin = divmod(firsts[w] + done, length)
            take = min(length - begin, n - done)
            for c in range(len(columns)):
                # Unsigned places need no look at whether they count from the end: the loop becomes one copy.
                source = numba.uint64((stretch * n_channels + columns[c]) * length + begin)
                target = numba.uint64((places[w] * len(columns) + c) * width + done)
                for t in range(numba.uint64(take)):
                    into[target + t] = rows[source + t]
            done += take
        out[places[w], :, n:] = 0.0


@numba.njit(cache=True, nogil=True)
def decoded_windows(
    codes: NDArray,
    scales: NDArray,
    firsts: NDArray,
    lasts: NDArray,
    places: NDArray,
    columns: NDArray,
    out: NDArray,
) -> None:
    """``windows`` of an int16 signal. scales: (stretch, channel, 2), offset and scale.

    A function of its own: with both kinds in one loop the compiler makes vectors of neither.
    """
    n_channels, length = codes.shape[1:]
    width, rows, into = out.shape[2], codes.reshape(-1), out.reshape(-1)
    for w in range(len(firsts)):
        n, done = max(0, min(width, lasts[w] - firsts[w])), 0
        while done < n:
            stretch, begin = divmod(firsts[w] + done, length)
            take = min(length - begin, n - done)
            for c in range(len(columns)):
                offset, scale = scales[stretch, columns[c], 0], scales[stretch, columns[c], 1]
                source = numba.uint64((stretch * n_channels + columns[c]) * length + begin)
                target = numba.uint64((places[w] * len(columns) + c) * width + done)
                for t in range(numba.uint64(take)):
                    value = offset + scale * np.float32(rows[source + t])
                    into[target + t] = np.float32(np.nan) if rows[source + t] == MISSING else value
            done += take
        out[places[w], :, n:] = 0.0

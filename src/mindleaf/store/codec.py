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

    values: (stretch, channel, length of a stretch) float32; out: (window, channel, time) float32.
    """
    length = values.shape[2]
    for w in range(len(firsts)):
        first, window = firsts[w], out[places[w]]
        n = max(0, min(window.shape[1], lasts[w] - first))
        done = 0
        while done < n:
            stretch, begin = divmod(first + done, length)
            take = min(length - begin, n - done)
            for c in range(len(columns)):
                row = values[stretch, columns[c], begin : begin + take]
                into = window[c, done : done + take]
                for t in range(take):
                    into[t] = row[t]
            done += take
        window[:, n:] = 0.0


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
    length = codes.shape[2]
    for w in range(len(firsts)):
        first, window = firsts[w], out[places[w]]
        n = max(0, min(window.shape[1], lasts[w] - first))
        done = 0
        while done < n:
            stretch, begin = divmod(first + done, length)
            take = min(length - begin, n - done)
            for c in range(len(columns)):
                offset, scale = scales[stretch, columns[c], 0], scales[stretch, columns[c], 1]
                row = codes[stretch, columns[c], begin : begin + take]
                into = window[c, done : done + take]
                for t in range(take):
                    value = offset + scale * np.float32(row[t])
                    into[t] = np.float32(np.nan) if row[t] == MISSING else value
            done += take
        window[:, n:] = 0.0

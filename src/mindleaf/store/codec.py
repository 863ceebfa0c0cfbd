"""The compiled loops behind int16 signals and behind windows: they are apart so that numba is loaded when first needed."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numba.core import types
from numba.extending import intrinsic
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


@intrinsic
def _floats_at(typing: Any, address: Any) -> Any:
    """The float32 numbers in memory at an address."""
    return types.CPointer(types.float32)(types.int64), _as_pointer


@intrinsic
def _codes_at(typing: Any, address: Any) -> Any:
    """The int16 codes in memory at an address."""
    return types.CPointer(types.int16)(types.int64), _as_pointer


def _as_pointer(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))


@numba.njit(cache=True, nogil=True)
def windows(sources: NDArray, columns: NDArray, firsts: NDArray, lasts: NDArray, length: int, out: NDArray) -> None:
    """Samples ``firsts`` to ``lasts`` of signals in stretches of ``length``; zeros behind a window's last sample.

    A batch comes from many recordings, each in a file of its own: they are told by where they lie in memory.
    sources: (window, 5), the address of values (stretch, channel, length) float32, that of their scales, how many samples
    and how many channels they have, and the row of ``columns`` that holds the channels to read; columns: (kind, channel);
    out: (window, channel, time) float32 in one piece.
    """
    width, n_wanted, into = out.shape[2], columns.shape[1], out.reshape(-1)
    for w in range(len(firsts)):
        n_times, n_channels, wanted = sources[w, 2], sources[w, 3], columns[sources[w, 4]]
        rows = numba.carray(_floats_at(sources[w, 0]), (n_times + length) * n_channels)  # type: ignore[call-arg]
        n, done = max(0, min(width, min(lasts[w], n_times) - firsts[w])), 0
        while done < n:
            stretch, begin = divmod(firsts[w] + done, length)
            take = min(length - begin, n - done)
            for c in range(n_wanted):
                # Unsigned places need no look at whether they count from the end: the loop becomes one copy.
                source = numba.uint64((stretch * n_channels + wanted[c]) * length + begin)
                target = numba.uint64((w * n_wanted + c) * width + done)
                for t in range(numba.uint64(take)):
                    into[target + t] = rows[source + t]
            done += take
        out[w, :, n:] = 0.0


@numba.njit(cache=True, nogil=True)
def decoded_windows(
    sources: NDArray, columns: NDArray, firsts: NDArray, lasts: NDArray, length: int, shared: int, out: NDArray
) -> None:
    """``windows`` of int16 signals; their scales: (one per ``shared`` stretches, channel, 2), offset and scale.

    A function of its own: with both kinds in one loop the compiler makes vectors of neither.
    """
    width, n_wanted, into = out.shape[2], columns.shape[1], out.reshape(-1)
    for w in range(len(firsts)):
        n_times, n_channels, wanted = sources[w, 2], sources[w, 3], columns[sources[w, 4]]
        rows = numba.carray(_codes_at(sources[w, 0]), (n_times + length) * n_channels)  # type: ignore[call-arg]
        scales = numba.carray(_floats_at(sources[w, 1]), (n_times // (shared * length) + 1) * n_channels * 2)  # type: ignore[call-arg]
        n, done = max(0, min(width, min(lasts[w], n_times) - firsts[w])), 0
        while done < n:
            stretch, begin = divmod(firsts[w] + done, length)
            take = min(length - begin, n - done)
            for c in range(n_wanted):
                affine = ((stretch // shared) * n_channels + wanted[c]) * 2
                offset, scale = scales[affine], scales[affine + 1]
                source = numba.uint64((stretch * n_channels + wanted[c]) * length + begin)
                target = numba.uint64((w * n_wanted + c) * width + done)
                for t in range(numba.uint64(take)):
                    value = offset + scale * np.float32(rows[source + t])
                    into[target + t] = np.float32(np.nan) if rows[source + t] == MISSING else value
            done += take
        out[w, :, n:] = 0.0

"""The compiled inner loops of filtering and resampling: rows are samples, the innermost loop runs over channels.

Channels are independent and lie side by side in memory, so the compiler turns the inner loop into vector instructions
without any cleverness here. The state of a filter is float64, whatever the rows are. Every loop lets go of the interpreter's lock.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

#: Multiply and add may become one instruction; sums keep their order.
_FUSED = {"contract"}
#: Sums may be taken in lanes.
_LANES = {"contract", "reassoc"}


@numba.njit(cache=True, nogil=True, fastmath=_FUSED)
def cascade(rows: NDArray, sections: NDArray, state: NDArray, backward: bool, out: NDArray) -> None:
    """Run four second-order sections over ``rows``, forward or backward in time; ``state`` goes in and comes out.

    rows, out: (time, channel), two arrays that share no memory; sections: (4, 6); state: (8, channel) float64.
    An order-4 band pass takes one walk through the rows.
    """
    n = rows.shape[0]
    p0, p1, p2, p4, p5 = sections[0, 0], sections[0, 1], sections[0, 2], sections[0, 4], sections[0, 5]
    q0, q1, q2, q4, q5 = sections[1, 0], sections[1, 1], sections[1, 2], sections[1, 4], sections[1, 5]
    r0, r1, r2, r4, r5 = sections[2, 0], sections[2, 1], sections[2, 2], sections[2, 4], sections[2, 5]
    u0, u1, u2, u4, u5 = sections[3, 0], sections[3, 1], sections[3, 2], sections[3, 4], sections[3, 5]
    for k in range(n):
        t = n - 1 - k if backward else k
        for c in range(rows.shape[1]):
            x = np.float64(rows[t, c])
            y = p0 * x + state[0, c]
            state[0, c] = p1 * x - p4 * y + state[1, c]
            state[1, c] = p2 * x - p5 * y
            x = q0 * y + state[2, c]
            state[2, c] = q1 * y - q4 * x + state[3, c]
            state[3, c] = q2 * y - q5 * x
            y = r0 * x + state[4, c]
            state[4, c] = r1 * x - r4 * y + state[5, c]
            state[5, c] = r2 * x - r5 * y
            x = u0 * y + state[6, c]
            state[6, c] = u1 * y - u4 * x + state[7, c]
            state[7, c] = u2 * y - u5 * x
            out[t, c] = x


@numba.njit(cache=True, nogil=True, fastmath=_FUSED)
def polyphase(rows: NDArray, origin: int, taps: NDArray, starts: NDArray, down: int, out: NDArray, number: int) -> None:
    """Output samples ``number``, ``number + 1``, ... of a rational resampling, each as the dot product of its own phase's taps.

    rows: (time, channel), the first of them sample ``origin`` of the input; taps: (phase, tap), of the rows' type, which is
    the type of the sums, a multiple of eight; starts: (phase,), input sample under the first tap of the phase's first output; out: (time, channel), filled.
    """
    up, n_taps = taps.shape
    total = np.empty(rows.shape[1], rows.dtype)
    for m in range(out.shape[0]):
        period, phase = divmod(number + m, up)
        begin = period * down + starts[phase] - origin
        total[:] = 0.0
        for k in range(0, n_taps, 8):
            h0, h1, h2, h3 = taps[phase, k], taps[phase, k + 1], taps[phase, k + 2], taps[phase, k + 3]
            h4, h5, h6, h7 = taps[phase, k + 4], taps[phase, k + 5], taps[phase, k + 6], taps[phase, k + 7]
            x = rows[begin + k : begin + k + 8]
            for c in range(rows.shape[1]):
                low = h0 * x[0, c] + h1 * x[1, c] + h2 * x[2, c] + h3 * x[3, c]
                high = h4 * x[4, c] + h5 * x[5, c] + h6 * x[6, c] + h7 * x[7, c]
                total[c] += low + high
        for c in range(rows.shape[1]):
            out[m, c] = total[c]


@numba.njit(cache=True, nogil=True, fastmath=_LANES)
def z_score_rows(rows: NDArray, floor: float) -> None:
    """Zero mean and unit deviation for every row, in place; a row whose deviation is at most ``floor`` becomes zeros."""
    n = rows.shape[1]
    for r in range(rows.shape[0]):
        row = rows[r]
        # Differences from the first sample: one walk gives mean and deviation, and an offset takes no digits from them.
        origin = np.float64(row[0])
        total, power = 0.0, 0.0
        for t in range(n):
            difference = np.float64(row[t]) - origin
            total += difference
            power += difference * difference
        mean = total / n
        deviation = np.sqrt(max(power / n - mean * mean, 0.0))
        # A comparison with a number that is not one is false: a row with a gap becomes zeros too.
        if deviation > floor:
            centre, scale = np.float32(origin + mean), np.float32(1.0 / deviation)
            for t in range(n):
                row[t] = (row[t] - centre) * scale
        else:
            row[:] = 0.0

"""The head as a flat square picture: where electrodes land on it, and how values between them are filled in."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CloughTocher2DInterpolator

#: The edge of the picture lies this far from the vertex at least, radians: the equator of the head.
_EQUATOR = np.pi / 2


def azimuthal(positions: NDArray[np.floating]) -> NDArray[np.float64]:
    """Azimuthal equidistant projection seen from above: (channel, 3) in metres -> (channel, 2) in radians from the vertex."""
    x, y, z = np.asarray(positions, np.float64).T
    along = np.hypot(x, y)
    return np.stack([x, y], axis=1) * (np.arctan2(along, z) / np.maximum(along, 1e-12))[:, None]


def map_weights(positions: NDArray[np.floating], size: int) -> NDArray[np.float32]:
    """What each channel adds to each pixel of a ``size`` x ``size`` picture, front at the top: (size, size, channel).

    Cubic (Clough-Tocher) between the electrodes. The four corners of the picture count as zero, so that the values fade
    towards the edge and electrodes on one line make a picture, too. A channel without a position (NaN) adds nothing.
    """
    positions = np.asarray(positions, np.float64)
    known = np.flatnonzero(np.isfinite(positions).all(axis=1))
    weights = np.zeros((size, size, len(positions)), np.float32)
    if not len(known):
        return weights
    places = azimuthal(positions[known])
    edge = max(_EQUATOR, 1.05 * float(np.abs(places).max()))
    corners = edge * np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]])
    # A value of one at one electrode and zeros elsewhere, for each electrode in turn: interpolation is linear in the values.
    units = np.concatenate([np.eye(len(known)), np.zeros((4, len(known)))])
    across = np.linspace(-edge, edge, size)
    right, front = np.meshgrid(across, across[::-1])
    weights[:, :, known] = CloughTocher2DInterpolator(np.concatenate([places, corners]), units)(right, front)
    return np.nan_to_num(weights)

"""How classes lie in an embedding space: spread within a class, distance between classes, and their densities.

Vectors are (window, width), labels (window,).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import gaussian_kde


def intra_class_variance(vectors: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Mean squared distance of a window to the centre of its class, every class counting the same."""
    spreads = []
    for label in np.unique(labels):
        own = vectors[labels == label]
        spreads.append(float(((own - own.mean(axis=0)) ** 2).sum(axis=1).mean()))
    return float(np.mean(spreads))


def inter_class_distance(vectors: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Mean distance between the centres of two classes; NaN where there is one class."""
    centres = np.stack([vectors[labels == label].mean(axis=0) for label in np.unique(labels)])
    pairs = np.triu_indices(len(centres), 1)
    distances = np.linalg.norm(centres[pairs[0]] - centres[pairs[1]], axis=1)
    return float(distances.mean()) if len(distances) else float("nan")


def pair_densities(
    spaces: Sequence[tuple[NDArray[np.float64], NDArray[np.int64]]], most: int = 400
) -> tuple[NDArray[np.float64], dict[str, NDArray[np.float64]]]:
    """Distances, and there the kernel densities (Scott's width, reflected at zero) of two windows of one class and of two classes.

    spaces: (vectors, labels) as each model places its windows; only windows of one space are paired. Of more than ``most``
    windows an even choice is taken; a density of fewer than three pairs, or of pairs all alike, is zero.
    """
    pairs = [_pairs(vectors, labels, max(2, most // len(spaces))) for vectors, labels in spaces]
    distances, same = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
    at = np.linspace(0, max(1e-3, float(distances.max(initial=0.0))), 200)
    return at, {"one class": _density(distances[same], at), "two classes": _density(distances[~same], at)}


def _pairs(vectors: NDArray[np.float64], labels: NDArray[np.int64], most: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Distance of every two windows, and whether they are of one class."""
    chosen = np.unique(np.linspace(0, len(vectors) - 1, min(most, len(vectors))).astype(int))
    vectors, labels = vectors[chosen], labels[chosen]
    first, second = np.triu_indices(len(vectors), 1)
    return np.linalg.norm(vectors[first] - vectors[second], axis=1), labels[first] == labels[second]


def _density(values: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.float64]:
    if len(values) < 3 or np.ptp(values) < 1e-9:
        return np.zeros_like(at)
    kernel = gaussian_kde(values)
    # No distance lies below zero: what the kernel puts there is reflected, or the curve would hold less than one.
    return np.asarray(kernel(at) + kernel(-at))


def principal_plane(vectors: NDArray[np.float64]) -> tuple[NDArray[np.float64], Float[np.ndarray, 2]]:
    """Coordinates on the two principal axes, (item, 2), and the share of variance on each, (2,)."""
    centred = vectors - vectors.mean(axis=0)
    left, strength, _ = np.linalg.svd(centred, full_matrices=False)
    share = strength**2 / max(float((strength**2).sum()), 1e-12)
    return left[:, :2] * strength[:2], share[:2]

from __future__ import annotations

import numpy as np
import torch

from mindleaf.layers.similarity import StructuralSimilarity


def by_hand(a: np.ndarray, b: np.ndarray, extent: int, spread: float, span: float) -> float:
    """Window by window, from the definition."""
    places = np.arange(extent) - (extent - 1) / 2
    window = np.exp(-(places[:, None] ** 2 + places**2) / (2 * spread**2))
    window /= window.sum()
    values = []
    for row in range(a.shape[0] - extent + 1):
        for column in range(a.shape[1] - extent + 1):
            x, y = (m[row : row + extent, column : column + extent] for m in (a, b))
            mx, my = (window * x).sum(), (window * y).sum()
            vx, vy, cxy = ((window * p).sum() for p in ((x - mx) ** 2, (y - my) ** 2, (x - mx) * (y - my)))
            c1, c2 = (0.01 * span) ** 2, (0.03 * span) ** 2
            values.append((2 * mx * my + c1) * (2 * cxy + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2)))
    return float(np.mean(values))


def test_similarity_is_that_of_the_definition():
    a, b = np.random.default_rng(0).uniform(-1, 1, (2, 3, 11, 9))
    found = StructuralSimilarity(6, 0.7, 2.0)(*(torch.tensor(m, dtype=torch.float32) for m in (a, b)))
    np.testing.assert_allclose(found, [by_hand(x, y, 6, 0.7, 2.0) for x, y in zip(a, b, strict=True)], atol=1e-5)


def test_equal_maps_are_alike_and_unrelated_ones_are_not():
    maps, others = torch.rand(2, 2, 20, 48, generator=torch.Generator().manual_seed(0)) * 2 - 1
    similarity = StructuralSimilarity(16, 0.7, 2.0)
    torch.testing.assert_close(similarity(maps, maps), torch.ones(2))
    assert similarity(maps, others).abs().max() < 0.2

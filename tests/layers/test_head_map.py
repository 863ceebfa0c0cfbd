from __future__ import annotations

import numpy as np

from mindleaf.layers.head_map import azimuthal, map_weights
from mindleaf.montage import Montage

NAMES = ("Fz", "Cz", "Pz", "Oz", "T7", "T8", "F3", "F4", "P3", "P4")
POSITIONS = Montage.from_names(NAMES)[0].positions


def middle(picture: np.ndarray) -> tuple[float, float]:
    """Row and column of the picture's largest value."""
    row, column = np.unravel_index(picture.argmax(), picture.shape)
    return float(row), float(column)


def test_the_projection_keeps_the_angle_from_the_vertex_and_the_direction():
    points = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 2.0, 2.0], [-1.0, 0.0, 1e-9]])
    np.testing.assert_allclose(azimuthal(points), np.pi / 4 * np.array([[0, 0], [2, 0], [0, 1], [-2, 0]]), atol=1e-6)


def test_a_picture_shows_an_electrode_where_it_sits_with_the_front_on_top():
    weights = map_weights(POSITIONS, 32)
    assert weights.shape == (32, 32, len(NAMES))
    top, bottom = (middle(weights[:, :, NAMES.index(name)])[0] for name in ("Fz", "Oz"))
    left, right = (middle(weights[:, :, NAMES.index(name)])[1] for name in ("T7", "T8"))
    assert top < 12 and bottom > 24 and left < 8 and right > 23


def test_equal_values_make_a_plateau_that_fades_towards_the_corners():
    whole = map_weights(POSITIONS, 32).sum(axis=-1)
    np.testing.assert_allclose(whole[10:20, 10:22], 1.0, atol=0.05)
    np.testing.assert_allclose(whole[[0, 0, -1, -1], [0, -1, 0, -1]], 0.0, atol=1e-6)


def test_a_line_of_electrodes_one_electrode_and_unknown_places_make_a_picture():
    for known in (POSITIONS[:4], POSITIONS[:1]):
        weights = map_weights(known, 16)
        assert np.isfinite(weights).all() and weights.max() > 0.5
    unknown = POSITIONS.copy()
    unknown[3] = np.nan
    assert not map_weights(unknown, 16)[:, :, 3].any()
    assert not map_weights(np.full((2, 3), np.nan), 16).any()

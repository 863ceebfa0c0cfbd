"""Spread within classes, distance between them, densities and the principal plane, against what is known by hand."""

import numpy as np

from mindleaf.metrics.clusters import inter_class_distance, intra_class_variance, pair_densities, principal_plane

LABELS = np.array([0, 0, 1, 1])
POINTS = np.array([[0.0, 1.0], [0.0, -1.0], [3.0, 1.0], [3.0, -1.0]])


def test_spread_and_distance_of_two_classes():
    assert intra_class_variance(POINTS, LABELS) == 1.0
    assert inter_class_distance(POINTS, LABELS) == 3.0
    assert np.isnan(inter_class_distance(POINTS[:2], LABELS[:2]))


def test_rare_classes_count_as_much_as_common_ones():
    points, labels = np.concatenate([POINTS, np.tile(POINTS[:2], (50, 1))]), np.concatenate([LABELS, np.zeros(100, int)])
    assert intra_class_variance(points, labels) == 1.0


def test_densities_are_densities_and_part_where_classes_do():
    draw = np.random.default_rng(0)
    points = np.concatenate([draw.normal(0, 0.2, (60, 3)), draw.normal(3, 0.2, (60, 3))])
    at, curves = pair_densities([(points, np.repeat([0, 1], 60))])
    step = at[1] - at[0]
    assert all(abs(curve.sum() * step - 1) < 0.1 for curve in curves.values())
    assert at[curves["one class"].argmax()] < 1 < 4 < at[curves["two classes"].argmax()]
    assert not pair_densities([(POINTS[:1], LABELS[:1])])[1]["one class"].any()


def test_no_density_is_lost_below_zero():
    points = np.random.default_rng(0).normal(0, 1, (200, 1))
    at, curves = pair_densities([(points, np.zeros(200, int))])
    # Of pairs on a line the shortest distances are the most frequent.
    assert curves["one class"][0] > 0.9 * curves["one class"].max()
    assert abs(np.trapezoid(curves["one class"], at) - 1) < 0.02


def test_windows_of_two_models_are_no_pair():
    """Each fold's model has a space of its own; the same windows far away in another one change nothing but how many there are."""
    draw = np.random.default_rng(1)
    points, labels = draw.normal(0, 1, (60, 3)), np.repeat([0, 1], 30)
    at, one = pair_densities([(points, labels)])
    there, both = pair_densities([(points, labels), (points + 100.0, labels)])
    np.testing.assert_allclose(there, at)
    assert abs(both["one class"] - one["one class"]).max() < 0.05


def test_the_plane_keeps_what_lies_on_it():
    draw = np.random.default_rng(0)
    plane, share = principal_plane(np.column_stack([10 * draw.standard_normal(200), draw.standard_normal(200), np.zeros(200)]))
    assert plane.shape == (200, 2) and share[0] > 0.9 and abs(share.sum() - 1) < 1e-9

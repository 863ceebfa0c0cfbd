"""LEAF's figures stay readable with all data sets of the paper, and every condition is in the legend."""

from __future__ import annotations

import re

import numpy as np
from numpy.random import default_rng

from mindleaf.interpret.language import density_figure, grouped_scores
from mindleaf.metrics.clusters import pair_densities

NAN = float("nan")
CONDITIONS = ("nothing", "task", "labels", "wrong", "shuffled", "constant")


def size(text: str) -> tuple[float, float]:
    """Width and height in points."""
    return tuple(map(float, re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', text).groups()))  # type: ignore[return-value,union-attr]


def test_a_condition_that_the_first_group_lacks_is_in_the_legend():
    groups = {
        "a": {"task": (0.6, 0.5, 0.7)},
        "b": {"task": (0.6, NAN, NAN), "labels": (0.7, 0.6, 0.8)},
        "c": {"labels": (NAN,) * 3},
    }
    text = grouped_scores(groups, dict.fromkeys(groups, 0.5), "legend", "accuracy")
    assert [len(re.findall(rf">{word}<", text)) for word in ("task", "labels", "a", "b", "c")] == [1, 1, 1, 1, 1]


def test_many_data_sets_go_on_in_further_rows_of_one_width():
    value = {condition: (0.6, 0.5, 0.7) for condition in CONDITIONS}
    few, many = (
        grouped_scores({f"set{k}": value for k in range(n)}, {f"set{k}": 0.5 for k in range(n)}, f"n{n}", "accuracy")
        for n in (4, 16)
    )
    (width_few, height_few), (width, height) = size(few), size(many)
    assert width == width_few and height > 3 * height_few
    assert all(f">set{k}<" in many for k in range(16))


def test_densities_say_once_of_which_pairs_they_are():
    vectors = default_rng(0).standard_normal((40, 8))
    pairs = pair_densities([(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.arange(40) % 2)])
    text = density_figure({"nothing": pairs, "task": pairs}, "densities")
    assert [len(re.findall(rf">of {what}<", text)) for what in pairs[1]] == [1, 1]

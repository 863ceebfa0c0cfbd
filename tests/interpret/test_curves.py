"""Curves of several runs: shortened without losing what they were, one well-formed drawing."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np

from mindleaf.interpret.curves import Curve, Panel, curves_figure, shortened


def test_a_short_curve_stays_as_it_is_and_a_long_one_keeps_its_range():
    few = [(0.0, 2.0), (1.0, np.nan), (2.0, 1.0)]
    assert shortened(few).step.tolist() == [0.0, 2.0] and shortened(few).mean.tolist() == [2.0, 1.0]
    values = np.random.default_rng(0).standard_normal(1000)
    many = shortened(list(enumerate(values)), most=50)
    assert len(many.step) == 50 and np.all(many.low <= many.mean) and np.all(many.mean <= many.high)
    assert (many.low.min(), many.high.max()) == (values.min(), values.max())
    np.testing.assert_allclose(many.mean.mean(), values.mean())
    assert len(shortened([]).step) == 0


def test_every_run_and_every_panel_is_drawn():
    long = [(step, 1 / (step + 1)) for step in range(400)]
    curves = [Curve(k, long, [(100, 0.5), (200, 0.2)], [(0, 0.7), (399, 0.7)], kept=True) for k in range(8)]
    panels = [
        Panel("loss", curves, {1: [3, 4]}),
        Panel("norm <&>", curves[:2], log=True),
        Panel("empty range", [Curve(0, [(0, 1.0)])]),
    ]
    text = curves_figure([f"run {k}" for k in range(8)], panels, "two words", columns=2)
    root = ElementTree.fromstring(text)
    assert root.tag.endswith("svg") and "norm &lt;&amp;&gt;" in text and all(f"run {k}" in text for k in range(8))
    assert text == curves_figure([f"run {k}" for k in range(8)], panels, "two words", columns=2)
    assert "mathdefault" not in text

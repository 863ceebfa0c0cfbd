from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from mindleaf.interpret import figures
from mindleaf.interpret.topography import topography_figure
from mindleaf.montage import Montage


def drawings():
    rng = np.random.default_rng(0)
    nan = float("nan")
    return {
        "scores": figures.score_figure(
            [figures.Bar("net $x^2$ <b>", 0.6, 0.55, 0.65, folds=(0.5, 0.7)), figures.Bar("trf", 0.58, nan, nan, floor=True)],
            0.5,
            "accuracy",
        ),
        "windows": figures.window_figure({"a": [(2, 0.5, 0.4, 0.6), (60, 0.8, nan, nan)]}, 0.5, "accuracy"),
        "curves": figures.curve_figure({"a": [{"step": k, "loss": 1.0 / (k + 1), "chance_loss": 0.7} for k in range(5)]}),
        "confusion": figures.confusion_figure([[3, 1], [0, 4]], ["left", "right"]),
        "trf": figures.trf_figure(np.arange(-2, 8) / 32, rng.standard_normal((6, 10)), list("abcdef")),
        "topography": topography_figure(Montage.from_names(["Fz", "Cz", "Pz", "C3", "C4", "Oz"])[0], rng.standard_normal(6)),
    }


@pytest.fixture(scope="module")
def made():
    return drawings()


def test_every_figure_is_one_well_formed_svg_without_fixed_ink(made):
    for name, text in made.items():
        root = ElementTree.fromstring(text)
        assert root.tag.endswith("svg"), name
        assert "currentColor" in text, name
        assert "width" not in root.attrib, name


def test_names_are_text_not_markup_nor_formulas(made):
    assert "net $x^2$ &lt;b&gt;" in made["scores"]


def test_ids_of_two_figures_never_meet_and_references_resolve(made):
    ids = {name: set(re.findall(r'\bid="([^"]+)"', text)) for name, text in made.items()}
    for name, text in made.items():
        used = set(re.findall(r"url\(#([^)]+)\)", text)) | set(re.findall(r'href="#([^"]+)"', text))
        assert used <= ids[name], name
        assert not any(ids[name] & other for key, other in ids.items() if key != name)


def test_same_numbers_same_drawing(made):
    assert drawings()["trf"] == made["trf"]


def test_a_head_without_positions_is_not_drawn():
    assert topography_figure(Montage.from_names(["ch1", "ch2", "ch3", "ch4", "ch5", "ch6"])[0], np.ones(6)) == ""

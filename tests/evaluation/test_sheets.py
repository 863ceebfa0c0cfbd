"""Sheets: a drawing stands in the section of its table, and what fails is marked."""

from __future__ import annotations

import base64
import hashlib
import json
import re

import numpy as np

from mindleaf.evaluation.sheets import Drawing, Page, Sheet
from mindleaf.interpret.reconstruction import spectrogram_figure


def test_a_drawing_stands_beside_its_table(tmp_path):
    sheets = [Sheet("A", ("system", "audit"), (("trf", "FAILS group_overlap"),), "LEAKY"), Sheet("B", ("system",), (("cca",),))]
    page = Page(
        "Two tables", sheets, ("a note",), [Drawing("B", "<svg id='of-b'></svg>"), Drawing("C", "<svg id='apart'></svg>")]
    )
    text = page.write(tmp_path).read_text()
    assert text.count("of-b") == 1 and text.count("apart") == 1
    apart, first, second = (part for part in text.split("<section>")[1:])
    assert "id='apart'" in apart and "svg" not in first and "id='of-b'" in second
    assert 'tag bad">LEAKY' in first and 'bad">FAILS group_overlap' in first and "tag" not in second
    assert [sheet["mark"] for sheet in json.loads((tmp_path / "table.json").read_text())["sheets"]] == ["LEAKY", ""]
    assert "## A **LEAKY**" in (tmp_path / "table.md").read_text()


def test_numbers_stand_right_and_words_left():
    sheet = Sheet("A", ("system", "score", "audit"), (("trf", "0.9", "–"), ("cca", "–", "FAILS x")))
    assert [sheet.is_words(column) for column in range(3)] == [True, False, True]


def test_the_page_runs_its_own_script_and_no_other():
    text = Page("<script>alert(1)</script>", [Sheet("A", ("system",), (("<b onclick='x'>",),))]).html()
    policy = re.search(r"script-src 'sha256-([^']+)'", text)
    scripts = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    assert policy and len(scripts) == 1 and "&lt;script&gt;" in text and "onclick='x'" not in text
    assert base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode() == policy[1]


def test_figures_of_two_data_sets_share_no_id():
    """Ids of clip paths that repeat in one page would cut one picture by the other's frame."""
    pictures = {"heard": np.arange(12.0).reshape(3, 4)}
    ids = [set(re.findall(r'id="([^"]+)"', spectrogram_figure(pictures, 1.0, name=f"spectrograms-{name}"))) for name in "ab"]
    assert ids[0] and not ids[0] & ids[1]

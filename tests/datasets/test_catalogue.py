"""docs/datasets.md says what the recipes say."""

from __future__ import annotations

import runpy
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_of_data_sets_is_up_to_date():
    written = runpy.run_path(str(DOCS / "datasets.py"))["page"]()
    assert (DOCS / "datasets.md").read_text(encoding="utf-8") == written, "run python docs/datasets.py"

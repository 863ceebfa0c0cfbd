"""Writes the table of this folder's README.md from the table.json files beside this script: numbers are copied, never typed."""

from __future__ import annotations

import json
from pathlib import Path

HEADING = (
    "| page | data, question, split | system | ours | 95 % interval | over | chance | audit |",
    "|---|---|---|---|---|---|---|---|",
)
#: Rows that a short table needs: the system itself, its printed form, what is linear.
SHOWN = ("MindMix, ", "MindMix as printed", "linear floor")


def rows(folder: Path) -> list[str]:
    """The rows of one page that hold a score of ours: the first metric of each question, or where each floor stands."""
    page = json.loads((folder / "table.json").read_text())
    return [row for sheet in page["sheets"] for row in _rows(folder.name, sheet)]


def _rows(name: str, sheet: dict) -> list[str]:
    columns = sheet["columns"]
    if "ours" not in columns:
        return []
    told = [dict(zip(columns, row, strict=True)) for row in sheet["rows"]]
    metric = next((row["metric"] for row in told if row["ours"] != "–"), "")
    mark = f" **{sheet['mark']}**" if sheet["mark"] else ""
    return [
        _line(f"[{name}]({name}/report.html)", sheet["title"] + mark, *(row[c] for c in ("system", "ours", "95 % interval", "over", "chance", "audit")))
        for row in told
        if row["ours"] != "–" and row["metric"] == metric and row["system"].startswith(SHOWN)
    ]  # fmt: skip


def _order(path: Path) -> tuple[bool, str]:
    return path.parent.name.startswith("figure"), path.parent.name


def _line(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    here = Path(__file__).parent
    page = here / "README.md"
    start, end = "<!-- table: made by table.py -->", "<!-- end of table -->"
    before, _, rest = page.read_text().partition(start)
    _, _, after = rest.partition(end)
    listed = [row for path in sorted(here.glob("*/table.json"), key=_order) for row in rows(path.parent)]
    # One answer stands on several pages: it is told once.
    told = {row.partition("|")[2].partition("|")[2]: row for row in reversed(listed)}
    body = "\n".join([*HEADING, *reversed(told.values())])
    page.write_text(f"{before}{start}\n\n{body}\n\n{end}{after}")

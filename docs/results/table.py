"""Writes the table of docs/results/README.md from the results.json files beside this script: numbers are copied, never typed."""

from __future__ import annotations

import json
from pathlib import Path


def rows(folder: Path) -> list[str]:
    """One Markdown row per system and window length of one result."""
    content = json.loads((folder / "results.json").read_text())
    primary = "balanced_accuracy" if content["task"].startswith("classify") else "accuracy"
    return [_row(folder.name, content, system, primary) for system in content["systems"]]


def _row(name: str, content: dict, system: dict, primary: str) -> str:
    metric = system["metrics"].get(primary)
    low, high = (metric or {}).get("ci95", (None, None))
    failed = [row["control"] for row in system["audit"] if row["status"] == "fail"]
    mark = f" **{content['mark']}**" if content.get("mark") else ""
    cells = (
        f"[{name}]({name}/report.html)",
        f"{content['dataset']}, {content['protocol']}{mark}",
        system["name"] + (" (floor)" if system.get("floor") else ""),
        f"{system['window_s']:g} s" if system["window_s"] else "",
        _number(metric and metric["mean"]),
        f"{_number(low)} … {_number(high)}",
        _number(metric and metric["chance"]),
        system["status"],
        "fails " + ", ".join(failed) if failed else "no fail",
    )
    return "| " + " | ".join(cells) + " |"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


HEADING = (
    "| result | data, protocol | system | window | score | 95 % interval | chance | status | audit |",
    "|---|---|---|---|---|---|---|---|---|",
)


def table(folder: Path) -> str:
    """All results below a folder."""
    return "\n".join([*HEADING, *(row for path in sorted(folder.glob("*/results.json")) for row in rows(path.parent))])


if __name__ == "__main__":
    here = Path(__file__).parent
    page = here / "README.md"
    start, end = "<!-- table: made by table.py -->", "<!-- end of table -->"
    before, _, rest = page.read_text().partition(start)
    _, _, after = rest.partition(end)
    page.write_text(f"{before}{start}\n\n{table(here)}\n\n{end}{after}")
    print(table(here))

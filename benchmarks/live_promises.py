"""The counts behind what live decoding promises: runs the tests that count, and makes the table of docs/results/live/promises.md.

Lines of JSON go to docs/results/live/promises.jsonl, one per promise and case; a case that was not run again keeps its line.
Run: python benchmarks/live_promises.py [--slow] [--only-table] [--log LINES] [-- PYTEST WORDS]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from live_lsl import table as latency_table

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.live.promises import PROMISES  # noqa: E402

RESULTS = ROOT / "docs" / "results" / "live"
_HEAD = """# What live decoding promises, counted

Made by `benchmarks/live_promises.py` from `promises.jsonl`; numbers are copied, never typed. Tests append a line for each count
(`MINDLEAF_LIVE_LOG`); a case that breaks its promise fails its test and stays in the table. "State machine": the decoder with a
clock that the test turns. "LSL": real streams on one machine; where a process is killed, or a rate changes, the outlet runs in a
process of its own. A single run on a machine that did other things meanwhile; times through LSL depend on it.

"""
_LATENCY = """
## Latency through LSL

Made by `benchmarks/live_lsl.py` from `latency.json`: {minutes:g} minutes, {channels} channels at {sfreq:g} Hz, {cores} cores, load {load:g}.

"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slow", action="store_true", help="the large counts, too (hours: the soak is among them)")
    parser.add_argument("--only-table", action="store_true", help="make the table from the lines that are there")
    parser.add_argument("--log", type=Path, help="lines that tests wrote (MINDLEAF_LIVE_LOG), in place of running them")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("words", nargs="*", help="words for pytest in place of tests/live, after --")
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    lines, code = chosen.out / "promises.jsonl", 0
    if not chosen.only_table:
        with tempfile.TemporaryDirectory() as folder:
            log = chosen.log or Path(folder) / "log.jsonl"
            code = 0 if chosen.log else counted(log, ["-m", "slow or not slow"] if chosen.slow else [], chosen.words)
            kept = {(row["promise"], row["case"]): row for row in [*_rows(lines), *summed(_rows(log))]}
        order = list(PROMISES)
        rows = sorted(kept.values(), key=lambda row: (order.index(row["promise"]), row["case"]))
        lines.write_text("".join(json.dumps(row) + "\n" for row in rows))
    page, latency = _HEAD + table(_rows(lines)), chosen.out / "latency.json"
    if latency.exists():
        found = json.loads(latency.read_text())
        page += _LATENCY.format(**found) + latency_table(found)
    (chosen.out / "promises.md").write_text(page)
    print(table(_rows(lines)))
    return code


def counted(log: Path, marks: list[str], words: list[str]) -> int:
    """Run the tests; pytest's exit code."""
    command = [sys.executable, "-m", "pytest", "-q", *marks, *(words or ["tests/live"])]
    return subprocess.run(command, cwd=ROOT, env=os.environ | {"MINDLEAF_LIVE_LOG": str(log)}, check=False).returncode


def summed(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row for each promise and case."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        key = row["promise"], row["case"]
        if key not in found:
            found[key] = dict(row)
            continue
        all_of = found[key]
        all_of["worst"] = max(all_of["worst"], row["worst"])
        for what in ("tried", "kept", "broken"):
            all_of[what] = all_of[what] + row[what]
    return list(found.values())


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def table(rows: list[dict[str, Any]]) -> str:
    """One line per promise and case."""
    lines = ["| promise | case | kept | worst | limit |", "|---|---|---:|---:|---:|"]
    for row in rows:
        promise = PROMISES[row["promise"]]
        kept = f"{row['kept']}/{row['tried']}"
        cells = [
            promise.sentence, row["case"], kept if row["kept"] == row["tried"] else f"**{kept}**",
            *(f"{value:.3g} {promise.unit}" if promise.unit else "" for value in (row["worst"], promise.limit)),
        ]  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())

"""Damaged files of every format, read by mindleaf and by the libraries people read them with: who crashes, who stays silent?

The same mutations of the same files, each reader in a child process; tests/reading/fuzz_mutations.py defines what counts as
silent. Lines of JSON go to docs/results/readers.jsonl, and the table made from them to docs/results/readers.md.
Run: python benchmarks/reader_fuzz.py [--count 500] [--formats edf fif] [--only-table] [--log LINES]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.reading.fuzz_formats import FORMATS  # noqa: E402
from tests.reading.fuzz_peers import PEERS  # noqa: E402
from tests.reading.fuzzing import fuzz  # noqa: E402

RESULTS = ROOT / "docs" / "results"
_PACKAGES = {"MNE-Python": "mne"}
_COLUMNS = ("crash", "hang", "untyped", "silent", "erased", "refused", "named", "payload", "identical", "stopped")
_HEAD = """# Damaged files: what each reader makes of them

Made by `benchmarks/reader_fuzz.py` from `readers.jsonl`; numbers are copied, never typed. Each format is one small file with
every witness that files of this format usually carry, damaged {count} times: cut, bits flipped, bytes zeroed, fields overwritten
with other digits or text, junk appended, bytes lost or gained. Seven of ten hits go to header bytes. All readers get the same
files, each in a child process.

- **crash**, **hang**: the user's process is gone, or busy for more than ten seconds.
- **untyped**: an exception that does not name the file; in a batch nobody knows which one it was.
- **silent**: rate, names, types, length, events or values changed and nothing was said: the one that spoils results.
- **erased**: events vanished with their own bytes in a format that holds no count of them; nothing in the file can tell.
- **refused**: an error that names the file. **named**: read, with an issue (mindleaf) or a warning (others).
- **payload**: only the very samples or events whose bytes were hit differ. **identical**: nothing differs.
- **stopped**: of mindleaf's refused files, those whose child process the guard had to end (a crash or a hang in a library).

What cannot be told, because the format says it once, is not in these files: the rate of a BrainVision file without the
amplifier's comment, of EDF without time stamps, of NPY without `n_times` and `duration_s` beside it (a rate that no amplifier
offers is named even there); one electrode's name changed into another's of the same side and row; the begin of a FIF recording
(`first_samp`); a CSV cut between two lines without `n_times` beside it. A WAV or BrainVision data file that gained bytes in its
middle holds other samples from there on; that is counted as payload. Pandas and numpy leave the JSON files of our
tables alone, so that the hits on those do not count against them.

"""
_SOAK = """
## {count} mutations each

`make soak`, mindleaf alone. The first such run found six silent changes in five formats, which were mended, each with its test, before the rows below:
a GDF header whose digital minima were all zeroed (now named `range_exceeded`); a MATLAB 7.3 file whose index no longer found a piece
of an array, which HDF5 then gives as zeros (now refused); one bit of a FIF channel's range (now `scale_differs`); an XDF stream of
markers whose type became another word (now `streams_left_out`); twice a letter in the name of an EGI reference (now `channel_unknown`).

"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=500, help="mutations per format")
    parser.add_argument("--formats", nargs="*", default=list(FORMATS), choices=list(FORMATS))
    parser.add_argument("--only-table", action="store_true", help="make the table from the lines that are there")
    parser.add_argument("--log", type=Path, help="lines the tests wrote (MINDLEAF_FUZZ_LOG), to take the place of mindleaf's")
    parser.add_argument("--soak", type=Path, help="lines of make soak (MINDLEAF_FUZZ_LOG), for the second table")
    parser.add_argument("--out", type=Path, default=RESULTS)
    chosen = parser.parse_args()
    lines, soak = chosen.out / "readers.jsonl", chosen.out / "readers_soak.jsonl"
    if chosen.soak:
        rows_by_format = {row["format"]: row for row in [*_rows(soak), *_rows(chosen.soak)]}
        soak.write_text("".join(json.dumps(rows_by_format[name]) + "\n" for name in FORMATS if name in rows_by_format))
    elif chosen.log:
        fresh = {row["format"]: row for row in _rows(chosen.log)}
        kept = [row for row in _rows(lines) if row["reader"] != "mindleaf" or row["format"] not in fresh]
        lines.write_text("".join(json.dumps(row) + "\n" for row in [*kept, *fresh.values()]))
    elif not chosen.only_table:
        rows = [row for row in _rows(lines) if row["format"] not in chosen.formats]
        for name in chosen.formats:
            rows += measured(name, chosen.count)
        chosen.out.mkdir(parents=True, exist_ok=True)
        lines.write_text("".join(json.dumps(row) + "\n" for row in rows))
    page = _HEAD.format(count=_counts(_rows(lines))) + table(_rows(lines))
    if soak.exists():
        page += _SOAK.format(count=_counts(_rows(soak))) + table(_rows(soak))
    (chosen.out / "readers.md").write_text(page)


def measured(name: str, count: int) -> list[dict[str, Any]]:
    """One row for mindleaf and one for each library that reads the format and is installed."""
    rows = []
    for label, reader in (("mindleaf", None), *PEERS.get(name, ())):
        if label != "mindleaf" and not _version(label):
            continue
        with tempfile.TemporaryDirectory() as folder:
            result = fuzz(name, count, Path(folder), reader)
        rows.append({"reader": label, "version": _version(label), **result.row()})
        print({key: rows[-1][key] for key in ("format", "reader", "silent", "untyped", "crash", "seconds")}, flush=True)
        for line in result.worst[:3] if label == "mindleaf" else []:
            print("   ", line)
    return rows


def _version(label: str) -> str:
    try:
        return version(_PACKAGES.get(label, label))
    except PackageNotFoundError:
        return ""


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def table(rows: list[dict[str, Any]]) -> str:
    """One line per format and reader, and the sum of mindleaf's."""
    order = list(FORMATS)
    rows = sorted(rows, key=lambda row: (order.index(row["format"]), row["reader"] != "mindleaf"))
    heading = ["format", "reader", *_COLUMNS, "s"]
    lines = ["| " + " | ".join(heading) + " |", "|---|---|" + "---:|" * (len(heading) - 2)]
    for row in rows:
        who = "**mindleaf**" if row["reader"] == "mindleaf" else f"{row['reader']} {row['version']}"
        cells = [row["format"], who, *(_bold(column, row) for column in _COLUMNS), f"{row['seconds']:.0f}"]
        lines.append("| " + " | ".join(cells) + " |")
    ours = [row for row in rows if row["reader"] == "mindleaf"]
    total = ["**all**", "**mindleaf**", *(str(sum(row[column] for row in ours)) for column in _COLUMNS)]
    lines.append("| " + " | ".join([*total, f"{sum(row['seconds'] for row in ours):.0f}"]) + " |")
    return "\n".join(lines) + "\n"


def _counts(rows: list[dict[str, Any]]) -> str:
    return " or ".join(map(str, sorted({row["mutations"] for row in rows})))


def _bold(column: str, row: dict[str, Any]) -> str:
    bad = column in ("crash", "hang", "untyped", "silent") and row[column]
    if column == "stopped" and row["reader"] != "mindleaf":
        return ""
    return f"**{row[column]}**" if bad else str(row[column])


if __name__ == "__main__":
    main()

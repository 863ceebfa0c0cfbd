"""Tables that people write (labels.csv, recordings.tsv, trials.tsv): read as text, with mistakes named by line."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mindleaf.errors import BadInput


@dataclass(frozen=True)
class WrittenTable:
    """Rows as dicts of stripped text, and the line of the file that each stands in (line 1 is the header)."""

    path: Path
    columns: tuple[str, ...]
    rows: list[dict[str, str]]
    lines: tuple[int, ...]

    def only(self, rows: Sequence[int]) -> WrittenTable:
        """The same table with these rows; their mistakes still name the right line."""
        return replace(self, rows=[self.rows[row] for row in rows], lines=tuple(self.lines[row] for row in rows))

    def mistake(self, row: int, column: str, what: str) -> BadInput:
        """One sentence that points at the cell."""
        return BadInput(f"{self.path.name}, line {self.lines[row]}, column {column}: {what}.")

    def number(self, row: int, column: str, smallest: float = 0.0) -> float:
        """The cell as a number of at least ``smallest``."""
        text = self.rows[row].get(column, "")
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or value < smallest:
            raise self.mistake(row, column, f"wanted a number of at least {smallest:g}, got {text!r}; correct the cell")
        return value

    def existing_file(self, row: int, column: str) -> Path:
        """The file the cell names, relative to the table's folder. Links that dangle are left to the reader, which names them."""
        text = self.rows[row].get(column, "")
        path = self.path.parent / text
        if not text:
            raise self.mistake(row, column, "wanted a file, the cell is empty; name one relative to the table")
        if not path.exists() and not path.is_symlink():
            raise self.mistake(
                row, column, f"wanted the file {text!r} in {self.path.parent}, it is not there; correct the name or add the file"
            )
        return path


def read_table(path: Path, required: Sequence[str], dataset: str) -> WrittenTable:
    """Read a comma- (.csv) or tab-separated (.tsv) table. Raises BadInput for a missing file, column, or cell too many."""
    if not path.exists():
        raise BadInput(
            f"{dataset}: wanted {path.name} in {path.parent}, it is not there; write it with the columns {', '.join(required)}."
        )
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = list(csv.reader(file, delimiter="\t" if path.suffix == ".tsv" else ","))
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInput(
            f"{path.name}: wanted a text table in UTF-8, it cannot be read ({type(error).__name__}); save it again as text."
        ) from error
    lines = [[cell.strip() for cell in line] for line in lines if any(cell.strip() for cell in line)]
    columns = tuple(lines[0]) if lines else ()
    missing = [name for name in required if name not in columns]
    if missing:
        separator = "tabs" if path.suffix == ".tsv" else "commas"
        raise BadInput(
            f"{path.name}: wanted the column {missing[0]!r}, found {', '.join(columns) or 'nothing'} (separated "
            f"by {separator}); add it."
        )
    twice = [name for name in columns if columns.count(name) > 1]
    if twice:
        raise BadInput(f"{path.name}: the column {twice[0]!r} comes twice; rename one.")
    if len(lines) < 2:
        raise BadInput(f"{path.name}: wanted at least one line below the column names, found none.")
    for number, line in enumerate(lines[1:], start=2):
        if len(line) > len(columns):
            raise BadInput(f"{path.name}, line {number}: {len(line)} cells for {len(columns)} columns; check the separators.")
    rows = [dict(zip(columns, line + [""] * (len(columns) - len(line)), strict=True)) for line in lines[1:]]
    # BIDS writes n/a for a cell without a value.
    rows = [{name: "" if cell == "n/a" else cell for name, cell in row.items()} for row in rows]
    return WrittenTable(path, columns, rows, tuple(range(2, len(rows) + 2)))

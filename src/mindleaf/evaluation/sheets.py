"""Sheets: plain tables with marks and drawings on one page, as Markdown, JSON and one offline HTML file."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from mindleaf.store.files import replacing

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Sheet:
    """One table, or a note and drawings alone where there are no columns. ``mark`` ("LEAKY", "WITHIN-TRIAL" or empty) stands beside its title; ``note`` is a sentence below it."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    mark: str = ""
    note: str = ""

    def is_words(self, column: int) -> bool:
        """Whether a column holds words, which stand to the left; numbers stand to the right."""
        return any(cell[:1].isalpha() for row in self.rows for cell in row[column : column + 1])


@dataclass(frozen=True)
class Drawing:
    """Inline SVG with the sentence that stands below it; it belongs to the sheet of the same title where there is one.

    broad   drawn to fill the page from side to side
    """

    title: str
    svg: str
    caption: str = ""
    broad: bool = False


@dataclass
class Page:
    """What one reproduction filled in."""

    title: str
    sheets: Sequence[Sheet]
    notes: Sequence[str] = ()
    drawings: Sequence[Drawing] = field(default_factory=list)

    def write(self, folder: Path) -> Path:
        """Write table.json, table.md and report.html into ``folder``; returns the path of the report."""
        folder.mkdir(parents=True, exist_ok=True)
        content = {"version": 1, "title": self.title, "notes": list(self.notes), "sheets": [asdict(s) for s in self.sheets]}
        texts = {
            "table.json": json.dumps(content, indent=1) + "\n",
            "table.md": self.markdown(),
            "report.html": self.html(),
        }
        for name, text in texts.items():
            with replacing(folder / name) as temporary:
                temporary.write_text(text, encoding="utf-8")
        return folder / "report.html"

    def markdown(self) -> str:
        parts = [f"# {self.title}", *(f"- {note}" for note in self.notes)]
        for sheet in self.sheets:
            parts += ["", f"## {sheet.title}{f' **{sheet.mark}**' if sheet.mark else ''}", ""]
            if sheet.columns:
                parts += [_line(sheet.columns), _line(["---"] * len(sheet.columns)), *map(_line, sheet.rows)]
            parts += ["", sheet.note] if sheet.note else []
        return "\n".join(parts) + "\n"

    def html(self) -> str:
        environment = Environment(loader=FileSystemLoader(_FOLDER), autoescape=True, trim_blocks=True, lstrip_blocks=True)
        css, script = (Markup((_FOLDER / name).read_text()) for name in ("report.css", "sheets.js"))
        # The page runs this script and no other: its hash stands in the page's policy.
        allowed = base64.b64encode(hashlib.sha256(f"\n{script}\n".encode()).digest()).decode()
        drawings = [(drawing, Markup(drawing.svg)) for drawing in self.drawings]
        sheets = [(sheet, [d for d in drawings if d[0].title == sheet.title]) for sheet in self.sheets]
        apart = [d for d in drawings if d[0].title not in {sheet.title for sheet in self.sheets}]
        return environment.get_template("sheets.html.j2").render(
            page=self, css=css, script=script, allowed=allowed, sheets=sheets, apart=apart
        )


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "/").replace("\n", " ") for cell in cells) + " |"

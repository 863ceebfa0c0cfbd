"""Docstrings of mindleaf as Markdown: lists that are aligned with spaces become lists.

An extension of griffe, named in ``mkdocs.yml``. ``name   what it is`` in lines of one column is a list for people; Markdown would
run its lines together.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

_ROW = re.compile(r"^(\S[^:]{0,60}?) {2,}(\S.*)$")
#: A name that fills its column leaves one space.
_LAST_LETTER = re.compile(r"^(\S+) (\S.*)$")


def as_markdown(text: str) -> str:
    """The docstring with every aligned row as a bullet; rows that go on, indented, stay with theirs."""
    out: list[str] = []
    in_list, column = False, 0
    for line in text.splitlines():
        row = _ROW.match(line)
        if row is None and in_list and not line.startswith(" ") and line[column - 1 : column] == " " and line[column:].strip():
            row = _LAST_LETTER.match(line, 0) if line[:column].strip().isidentifier() else None
        if row and "|" not in line and not line.startswith("mindleaf "):
            out += [] if in_list or not out or not out[-1].strip() else [""]
            names = ", ".join(f"`{name}`" for name in row[1].replace("`", "").split(", "))
            out.append(f"- {names}: {row[2]}")
            in_list, column = True, row.start(2)
        elif in_list and line.startswith("  "):
            out.append(f"  {line.strip()}")
        else:
            out += [""] if in_list and line.strip() else []
            out.append(line)
            in_list = False
    return "\n".join(out)


class AlignedLists(griffe.Extension):
    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = as_markdown(obj.docstring.value)

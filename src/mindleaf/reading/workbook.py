"""Excel workbooks (.xlsx): the first sheet as text, read in the guarded child process.

A workbook is a zip of XML; only cell values are read, no formulas, styles or macros (ECMA-376 part 1, SpreadsheetML).
"""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from mindleaf.errors import ReadError
from mindleaf.reading.child import GIGABYTE, guarded
from mindleaf.reading.presence import present_file

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_CELL = re.compile(r"([A-Z]{1,3})(\d{1,7})")
_LARGEST_COLUMNS = 16_384


def read_sheet(path: Path | str) -> list[list[str]]:
    """Rows of the first sheet, each as long as its last filled cell; empty cells are "". Numbers as the file writes them.

    Raises ReadError for a missing file or one that is no workbook.
    """
    path = present_file(Path(path), "an Excel workbook")
    return guarded(load_sheet, path, timeout_s=60.0, memory_bytes=100 * path.stat().st_size + GIGABYTE)


def load_sheet(path: str) -> list[list[str]]:
    """In the child."""
    try:
        with zipfile.ZipFile(path) as archive:
            texts = _shared_texts(archive)
            sheet = ElementTree.fromstring(archive.read(_first_sheet(archive)))
    except (zipfile.BadZipFile, KeyError, StopIteration, ElementTree.ParseError) as error:
        raise ReadError(
            f"{path}: wanted an Excel workbook (.xlsx), cannot be read ({error}); get it again or save it anew."
        ) from error
    rows: list[list[str]] = []
    for row in sheet.iter(f"{_MAIN}row"):
        cells: list[str] = []
        for cell in row.iter(f"{_MAIN}c"):
            place = _CELL.fullmatch(cell.get("r", ""))
            column = _column(place.group(1)) if place else len(cells)
            if column >= _LARGEST_COLUMNS:
                raise ReadError(
                    f"{path}: a cell stands in column {column + 1}, Excel has {_LARGEST_COLUMNS}; save the workbook anew."
                )
            cells += [""] * (column - len(cells))
            cells.append(_value(cell, texts))
        rows.append(cells)
    return rows


def _first_sheet(archive: zipfile.ZipFile) -> str:
    book = ElementTree.fromstring(archive.read("xl/workbook.xml"))
    sheet = next(book.iter(f"{_MAIN}sheet"))
    relations = ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))
    target = next(item.get("Target", "") for item in relations if item.get("Id") == sheet.get(_RELATION))
    return target.lstrip("/") if target.startswith("/") else f"xl/{target}"


def _shared_texts(archive: zipfile.ZipFile) -> list[str]:
    if "xl/sharedStrings.xml" not in archive.namelist():
        return []
    table = ElementTree.fromstring(archive.read("xl/sharedStrings.xml"))
    return [_joined(item) for item in table.iter(f"{_MAIN}si")]


def _joined(item: Any) -> str:
    """A text may come in runs of different looks; what is said aloud beside it (rPh) is no part of it."""
    parts = [item.findtext(f"{_MAIN}t", "")] + [run.findtext(f"{_MAIN}t", "") for run in item.findall(f"{_MAIN}r")]
    return "".join(parts)


def _value(cell: Any, texts: list[str]) -> str:
    kind = cell.get("t", "n")
    if kind == "inlineStr":
        inside = cell.find(f"{_MAIN}is")
        return "" if inside is None else _joined(inside)
    value = cell.findtext(f"{_MAIN}v", "")
    return texts[int(value)] if kind == "s" and value else value


def _column(letters: str) -> int:
    """Column from 0: "A" -> 0, "AA" -> 26."""
    number = 0
    for letter in letters:
        number = 26 * number + ord(letter) - ord("A") + 1
    return number - 1

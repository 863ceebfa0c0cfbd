"""The Excel sheet of true labels of the 2020 BCI competition: a pair of columns a subject, trial number and class."""

from __future__ import annotations

import zipfile
from pathlib import Path

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"


def write_sheet(path: Path, classes: dict[str, list[int]], title: str) -> None:
    """``classes``: subject ("01") -> classes of its test trials."""
    rows: list[dict[int, str]] = [{0: _text("Answer")}, {}, {}]
    for place, (subject, values) in enumerate(classes.items()):
        column = 1 + 2 * place
        rows[1][column] = _text(f"Data_Sample{subject}")
        rows[2] |= {column: _text("Trial #"), column + 1: _text("True Label")}
        for number, value in enumerate(values):
            if len(rows) <= 3 + number:
                rows.append({})
            rows[3 + number] |= {column: f"<v>{number + 1}</v>", column + 1: f"<v>{value}</v>"}
    body = "".join(
        f'<row r="{r}">' + "".join(_cell(r, column, inside) for column, inside in sorted(row.items())) + "</row>"
        for r, row in enumerate(rows, start=1)
    )
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    parts = {
        "[Content_Types].xml": f'{_HEAD}<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" '
        f'ContentType="{kind}.sheet.main+xml"/></Types>',
        "xl/workbook.xml": f'{_HEAD}<workbook xmlns="{_MAIN}" xmlns:r="{_RELS}"><sheets><sheet name="{title}" sheetId="1" '
        'r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" '
        f'Type="{_RELS}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetData>{body}</sheetData></worksheet>',
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, text)


def _text(text: str) -> str:
    return f"<is><t>{text}</t></is>"


def _cell(row: int, column: int, inside: str) -> str:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    name = letters[column] if column < 26 else letters[column // 26 - 1] + letters[column % 26]
    kind = ' t="inlineStr"' if inside.startswith("<is>") else ""
    return f'<c r="{name}{row}"{kind}>{inside}</c>'

"""Excel workbooks, written here as the zip of XML that they are."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from mindleaf.errors import ReadError
from mindleaf.reading.workbook import read_sheet

_BOOK = (
    '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">'
    '<sheets><sheet name="Sheet1" sheetId="7" r:id="rId3"/></sheets></workbook>'
)
_RELATIONS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="rId1" Target="styles.xml"/><Relationship Id="rId3" Target="worksheets/sheet9.xml"/></Relationships>'
)
_MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


def _write(path: Path, sheet: str, texts: str = "") -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/workbook.xml", _BOOK)
        archive.writestr("xl/_rels/workbook.xml.rels", _RELATIONS)
        archive.writestr("xl/worksheets/sheet9.xml", f"<worksheet {_MAIN}><sheetData>{sheet}</sheetData></worksheet>")
        if texts:
            archive.writestr("xl/sharedStrings.xml", f"<sst {_MAIN}>{texts}</sst>")
    return path


def test_texts_numbers_runs_and_gaps(tmp_path):
    texts = "<si><t>word</t></si><si><r><t>六</t></r><r><t>歲</t></r><rPh><t>luk6</t></rPh></si>"
    sheet = (
        '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="C1" t="s"><v>1</v></c></row>'
        '<row r="2"><c r="B2"><v>1.0030000000000001</v></c><c r="AA2" t="inlineStr"><is><t>last</t></is></c></row>'
    )
    rows = read_sheet(_write(tmp_path / "a.xlsx", sheet, texts))
    assert rows[0] == ["word", "", "六歲"]
    assert rows[1][:2] == ["", "1.0030000000000001"]
    assert (len(rows[1]), rows[1][26]) == (27, "last")


def test_files_that_are_no_workbook(tmp_path):
    (tmp_path / "a.xlsx").write_bytes(b"PK\x03\x04 not really")
    with pytest.raises(ReadError, match="wanted an Excel workbook"):
        read_sheet(tmp_path / "a.xlsx")
    with zipfile.ZipFile(tmp_path / "b.xlsx", "w") as archive:
        archive.writestr("hello.txt", "x")
    with pytest.raises(ReadError, match="wanted an Excel workbook"):
        read_sheet(tmp_path / "b.xlsx")

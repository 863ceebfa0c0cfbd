"""SEED-VII: EEG_raw/1_20221001_1.cnt (subject, date, session) with a mark at each clip's start and end, a workbook of labels."""

from __future__ import annotations

import zipfile
from pathlib import Path

from .expected import Expected, ExpectedTrial
from .seed_files import CNT_RATE, write_session

IMPULSE_S, CLIP_S, STEP_S = 0.6, 1.2, 1.5
#: Made up, but with the published counts: 20 clips a session.
EMOTIONS = [
    ["Happy", "Neutral", "Disgust", "Sad", "Anger"] * 4,
    ["Anger", "Sad", "Fear", "Neutral", "Surprise"] * 4,
    ["Happy", "Surprise", "Disgust", "Fear", "Anger"] * 4,
    ["Disgust", "Sad", "Fear", "Surprise", "Happy"] * 4,
]
#: File -> (subject, session, the file's marks are right). The last begins at 14:01:27 by the authors' code.
FILES = {"1_20221001_1": ("01", 1, True), "9_20221111_3": ("09", 3, False)}
_NS = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


def write(root: Path) -> Expected:
    """Two people, one of whose marks stand in save_info only."""
    starts = [0.7 + STEP_S * k + 0.003 * k for k in range(20)]
    seconds = starts[-1] + 3.0
    trials = []
    for seed, (stem, (subject, session, right)) in enumerate(FILES.items()):
        shift = 0 if right else 177
        marks = [(round(t * CNT_RATE) + shift, code) for s in starts for t, code in ((s, 1), (s + CLIP_S, 2))]
        bumps = [start + IMPULSE_S for start in starts]
        write_session(root / "EEG_raw" / f"{stem}.cnt", seconds, bumps, marks, ["M1", "M2", "VEO", "HEO", "ECG"], seed)
        if not right:
            _save_info(root / "save_info" / f"{stem}_trigger_info.csv", starts)
        trials += [
            ExpectedTrial(
                f"sub-{subject}_ses-{session}", f"{k + 1:02d}", start, CLIP_S,
                {"label": EMOTIONS[session - 1][k].lower(), "clip": f"{20 * (session - 1) + k + 1:02d}"}, impulse_s=IMPULSE_S,
            )
            for k, start in enumerate(starts)
        ]  # fmt: skip
    rows = [row for k, emotions in enumerate(EMOTIONS, start=1)
            for row in ([f"Session {k}", *(str(n) for n in range(1, 21))], ["", *emotions])]  # fmt: skip
    write_workbook(root / "emotion_label_and_stimuli_order.xlsx", rows)
    return Expected(("01", "09"), 2, 62, float(CNT_RATE), tuple(trials))


def _save_info(path: Path, starts: list[float]) -> None:
    path.parent.mkdir()
    lines = []
    for start in starts:
        for code, second in ((1, 27 + start), (2, 27 + start + CLIP_S)):
            lines.append(f"{code},2022-11-11 14:{1 + int(second // 60):02d}:{second % 60:09.6f}\n")
    path.write_text("".join(lines))


def write_workbook(path: Path, rows: list[list[str]]) -> None:
    """A sheet with its texts in the cells."""
    lines = []
    for r, row in enumerate(rows, start=1):
        cells = "".join(f'<c r="{chr(65 + c)}{r}" t="inlineStr"><is><t>{text}</t></is></c>' for c, text in enumerate(row))
        lines.append(f'<row r="{r}">{cells}</row>')
    with zipfile.ZipFile(path, "w") as book:
        book.writestr(
            "xl/workbook.xml",
            f'<workbook {_NS} xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets>'
            '<sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets></workbook>',
        )
        book.writestr(
            "xl/_rels/workbook.xml.rels",
            '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            '<Relationship Id="rId1" Type="x" Target="worksheets/sheet1.xml"/></Relationships>',
        )
        book.writestr("xl/worksheets/sheet1.xml", f"<worksheet {_NS}><sheetData>{''.join(lines)}</sheetData></worksheet>")

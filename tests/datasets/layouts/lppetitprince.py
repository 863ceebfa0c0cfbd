"""OpenNeuro ds004718: EEGLAB .set with .fdt, triggers in it, two workbooks, and a sound for each sentence."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import scipy.io
import soundfile

from .expected import Expected, ExpectedTrial, audio, eeg

RATE, SOUND_RATE, BUMP_S = 1000, 44_100, 0.6
SCALP = [
    "FP1", "FPZ", "FP2", "AF3", "AF4", "F7", "F5", "F3", "F1", "FZ", "F2", "F4", "F6", "F8", "FT7", "FC5", "FC3", "FC1", "FCZ",
    "FC2", "FC4", "FC6", "FT8", "T7", "C5", "C3", "C1", "CZ", "C2", "C4", "C6", "T8", "TP7", "CP5", "CP3", "CP1", "CPZ", "CP2",
    "CP4", "CP6", "TP8", "P7", "P5", "P3", "P1", "PZ", "P2", "P4", "P6", "P8", "PO7", "PO5", "PO3", "POZ", "PO4", "PO6", "PO8",
    "CB1", "O1", "OZ", "O2", "CB2",
]  # fmt: skip
OTHER = ["M1", "M2", "HEO", "VEO", "EKG", "EMG", "TRIGGER"]
#: Sentence or question, trigger number, seconds of sound. Number 3 comes in both sections.
STORY = (("1.003", 3, 1.3), ("1.100", 100, 1.2), ("Q1", 201, 1.0), ("2.003", 3, 1.4))
ONSETS_S = {"HK001": (1.017, 2.519, 4.0, 5.503), "HK002": (0.811, 2.301, 3.6, 5.104)}
_NS = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


def write(root: Path) -> Expected:
    """Two listeners, two sections, one question."""
    trials = []
    for subject, onsets in ONSETS_S.items():
        write_listener(root, subject, [(onset, number) for onset, (_, number, _) in zip(onsets, STORY, strict=True)])
        trials += [
            ExpectedTrial(f"sub-{subject}", name, onset, seconds, {"section": name[0]}, (name,), 1, BUMP_S)
            for onset, (name, _, seconds) in zip(onsets, STORY, strict=True)
            if not name.startswith("Q")
        ]
    write_tables(root)
    for seed, (name, _, seconds) in enumerate(STORY):
        folder = root / "sourcedata" / "stimuli" / "audio_files_segmented_by_sentence" / f"Part {name[0]}"
        if not name.startswith("Q"):
            folder.mkdir(parents=True, exist_ok=True)
            sound = audio(seconds, SOUND_RATE, [BUMP_S], seed)
            soundfile.write(folder / f"{name}.wav", np.stack([sound, sound], axis=1), SOUND_RATE)
    return Expected(tuple(ONSETS_S), 2, 62, float(RATE), tuple(trials))


def write_listener(root: Path, subject: str, marks: list[tuple[float, int]]) -> None:
    """(onset, trigger number) become EEGLAB events; latency counts samples from 1."""
    folder, stem = root / f"sub-{subject}" / "eeg", f"sub-{subject}_task-lppHK_eeg"
    folder.mkdir(parents=True, exist_ok=True)
    names = [*SCALP[:32], *OTHER, *SCALP[32:]]
    n_times = int((max(onset for onset, _ in marks) + 3.0) * RATE)
    signal = eeg(len(names), n_times, RATE, [onset + BUMP_S for onset, _ in marks], seed=int(subject[2:]))
    signal.T.astype("<f4").tofile(folder / f"{stem}.fdt")
    kinds = [(field, object) for field in ("labels", "type", "X", "Y", "Z", "urchan")]
    places = np.array([(name, "", np.empty((0, 0)), np.empty((0, 0)), np.empty((0, 0)), 0.0) for name in names], dtype=kinds)
    events = np.array(
        [(float(number), 1.0 + round(onset * RATE), 0.0) for onset, number in marks],
        dtype=[("type", object), ("latency", object), ("duration", object)],
    )
    fields = {
        "setname": stem, "filename": f"{stem}.set", "filepath": "", "nbchan": len(names), "trials": 1, "pnts": n_times,
        "srate": float(RATE), "xmin": 0.0, "xmax": (n_times - 1) / RATE, "times": np.empty((0, 0)), "data": f"{stem}.fdt",
        "datfile": f"{stem}.fdt", "chanlocs": places, "event": events, "epoch": np.empty((0, 0)), "ref": "common",
        "icawinv": np.empty((0, 0)), "icaweights": np.empty((0, 0)), "icasphere": np.empty((0, 0)), "icaact": np.empty((0, 0)),
        "chaninfo": {"nosedir": "+X"}, "urevent": np.empty((0, 0)), "reject": {}, "stats": {}, "etc": {}, "comments": "",
    }  # fmt: skip
    scipy.io.savemat(folder / f"{stem}.set", {"EEG": fields}, appendmat=False)
    (folder / f"{stem}.json").write_text('{"PowerLineFrequency": 50, "EEGReference": "Average", "SamplingFrequency": 1000}')


def write_tables(root: Path, story: tuple[tuple[str, int, float], ...] = STORY) -> None:
    folder = root / "sourcedata" / "annotation"
    folder.mkdir(parents=True, exist_ok=True)
    rows = [["ID of the sentence or question", "Trigger number"]]
    rows += [[f"{name}.wav", str(number)] for name, number, _ in story]
    write_workbook(folder / "EEG_trigger_and_sentence_number.xlsx", rows)
    words = [["word", "word_id", "sentence_id", "onset_in_sentence", "offset_in_sentence", "onset_all", "offset_all", "POS"]]
    # Excel keeps 1.100 as the number 1.1 and 0.391196 with the noise of binary fractions.
    words += [
        ["六歲", str(number), str(float(name)), "0.049196", "0.39119600000000004", "0.049", "0.391", "ADV"]
        for number, (name, _, _) in enumerate(story, start=1)
        if name[0].isdigit()
    ]
    write_workbook(folder / "lppHK_timing_word_information.xlsx", words)


def write_workbook(path: Path, rows: list[list[str]]) -> None:
    """Texts as shared strings, numbers as numbers, the way Excel writes them."""
    texts: list[str] = []
    lines = []
    for number, row in enumerate(rows, start=1):
        cells = []
        for letter, value in zip("ABCDEFGH", row, strict=False):
            if value.replace(".", "", 1).isdigit():
                cells.append(f'<c r="{letter}{number}"><v>{value}</v></c>')
            else:
                cells.append(f'<c r="{letter}{number}" t="s"><v>{len(texts)}</v></c>')
                texts.append(value)
        lines.append(f'<row r="{number}">{"".join(cells)}</row>')
    relation = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        sheet = '<sheet name="Sheet1" sheetId="1" r:id="rId1"/>'
        archive.writestr("xl/workbook.xml", f'<workbook {_NS} xmlns:r="{relation}"><sheets>{sheet}</sheets></workbook>')
        link = '<Relationship Id="rId1" Target="worksheets/sheet1.xml"/>'
        package = "http://schemas.openxmlformats.org/package/2006/relationships"
        archive.writestr("xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{package}">{link}</Relationships>')
        strings = "".join(f"<si><t>{text}</t></si>" for text in texts)
        archive.writestr("xl/sharedStrings.xml", f"<sst {_NS}>{strings}</sst>")
        archive.writestr("xl/worksheets/sheet1.xml", f"<worksheet {_NS}><sheetData>{''.join(lines)}</sheetData></worksheet>")

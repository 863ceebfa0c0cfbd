"""CHB-MIT: summaries in all their spellings, a girl who is two cases, channels that come twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from mindleaf.datasets import DATASETS
from mindleaf.datasets.chbmit import CHANNELS, read_summary
from mindleaf.errors import ReadError

from .layouts import chbmit as layout
from .layouts.hospital_edf import write_edf


@pytest.fixture
def root(tmp_path: Path) -> Path:
    layout.write(tmp_path)
    return tmp_path


def summary(folder: Path, text: str) -> Path:
    path = folder / "chb09-summary.txt"
    path.write_text(text)
    return path


def test_what_the_paper_calls_cmbmit_is_about_seizures():
    facts = DATASETS["chbmit"].facts
    assert "seizure" in facts.labels and "sleep" not in facts.paradigm
    assert any("CMBMIT" in note for note in facts.notes)


def test_case_21_is_case_1_again(root: Path):
    found = {r.id: r.subject for r in DATASETS["chbmit"].recordings(root)}
    assert found == {"sub-01_ses-01_run-03": "01", "sub-01_ses-21_run-19": "01", "sub-24_ses-24_run-01": "24"}


def test_numbered_seizures_and_a_wrong_number(tmp_path: Path):
    """As in case 9: the second end is called the first; times of day go beyond 24 h."""
    path = summary(
        tmp_path,
        "File Name: chb09_08.edf\nFile Start Time: 20:22:17\nFile End Time: 24:22:17\nNumber of Seizures in File: 2\n"
        "Seizure 1 Start Time: 2951 seconds\nSeizure 1 End Time: 3030 seconds\n"
        "Seizure 2 Start Time:  9196 seconds\nSeizure 1 End Time: 9267 seconds\n\n"
        "File Name: chb09_09.edf\nNumber of Seizures in File: 0\n",
    )
    found = read_summary(path)
    assert found["chb09_08.edf"].seizures == ((2951.0, 3030.0), (9196.0, 9267.0))
    assert found["chb09_09.edf"].seizures == ()


@pytest.mark.parametrize(
    "lines",
    [
        "Number of Seizures in File: 2\nSeizure Start Time: 10 seconds\nSeizure End Time: 20 seconds\n",
        "Number of Seizures in File: 1\nSeizure Start Time: 10 seconds\n",
        "Number of Seizures in File: 1\nSeizure Start Time: 20 seconds\nSeizure End Time: 10 seconds\n",
        "Number of Seizures in File: 1\nSeizure End Time: 20 seconds\nSeizure Start Time: 10 seconds\n",
        "Number of Seizures in File: 1\n",
    ],
)
def test_a_summary_that_contradicts_itself_is_refused(tmp_path: Path, lines: str):
    with pytest.raises(ReadError, match=r"chb09_01\.edf: wanted"):
        read_summary(summary(tmp_path, f"File Name: chb09_01.edf\n{lines}"))


def test_a_seizure_behind_the_end_is_refused(root: Path):
    path = root / "chb01" / "chb01-summary.txt"
    path.write_text(path.read_text().replace("15 seconds", "150 seconds"))
    with pytest.raises(ReadError, match="150 s, the file lasts 30 s"):
        list(DATASETS["chbmit"].recordings(root))


def test_a_file_the_summary_forgot(root: Path):
    first = (root / "chb01" / "chb01_03.edf").read_bytes()
    (root / "chb01" / "chb01_46.edf").write_bytes(first)
    forgotten = next(r for r in DATASETS["chbmit"].recordings(root) if r.run == "46")
    assert [trial.labels["label"] for trial in forgotten.trials] == ["background"]
    assert [issue.code for issue in forgotten.issues] == ["not_in_summary"]
    (root / "chb01" / "chb01_46.edf.seizures").write_bytes(b"\0")
    with pytest.raises(ReadError, match=r"does not list chb01_46\.edf, which has a \.seizures file"):
        list(DATASETS["chbmit"].recordings(root))


def test_names_that_differ_by_a_plus_or_a_letter_stay_apart(root: Path):
    folder = root / "chb01"
    for name in ("chb01_16", "chb01_16+", "chb01a_16"):
        write_edf(folder / f"{name}.edf", layout.CHANNELS, 3, 256.0, [1.0])
    with (folder / "chb01-summary.txt").open("a") as file:
        for name in ("chb01_16", "chb01_16+", "chb01a_16"):
            file.write(f"File Name: {name}.edf\nNumber of Seizures in File: 0\n\n")
    runs = [r.run for r in DATASETS["chbmit"].recordings(root) if "16" in r.run]
    assert sorted(runs) == ["16", "16plus", "a16"]


def test_pairs_come_once_and_in_one_order(root: Path):
    write_edf(root / "chb24" / "chb24_01.edf", layout.WITH_DUMMIES[::-1], 30, 256.0, [1.0])
    for recording in DATASETS["chbmit"].recordings(root):
        assert recording.channel_names == CHANNELS
        assert not recording.issues


def test_the_three_files_of_another_montage_are_left_out(root: Path):
    (root / "chb12").mkdir()
    for name in ("chb12_27", "chb12_28", "chb12_29"):
        (root / "chb12" / f"{name}.edf").write_bytes(b"never opened")
    assert len(list(DATASETS["chbmit"].recordings(root))) == 3

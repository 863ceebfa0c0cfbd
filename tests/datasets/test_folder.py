from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mindleaf.datasets import open_dataset
from mindleaf.errors import BadInput

from ..reading.written_files import SECONDS, eeg, write_edf


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "eeg").mkdir()
    for number in range(3):
        write_edf(tmp_path / "eeg" / f"{number}.edf", eeg(seed=number))
    (tmp_path / "labels.csv").write_text(
        "file,label,subject,hand\neeg/0.edf,rest,a,left\neeg/1.edf,task,a,right\neeg/2.edf,rest,b,left\n"
    )
    return tmp_path


def test_each_line_is_a_recording_of_one_trial(root: Path):
    recordings = list(open_dataset("folder", root))
    assert [recording.subject for recording in recordings] == ["a", "a", "b"]
    assert len({recording.id for recording in recordings}) == 3
    assert [dict(recording.trials[0].labels) for recording in recordings][1] == {"label": "task", "hand": "right"}
    assert recordings[2].trials[0].duration == SECONDS
    assert np.abs(recordings[2].signal - eeg(seed=2)).max() < 0.01
    assert recordings[0].source_files == ("eeg/0.edf",)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("file,", "files,", "wanted the column 'file'"),
        ("eeg/1.edf", "eeg/9.edf", "line 3, column file"),
        ("rest,a", "rest,", "column subject: wanted a subject"),
        ("task,a", ",a", "column label: wanted a label"),
        ("eeg/0.edf,rest,a,left", "eeg/0.edf,rest,a,left,more", "line 2: 5 cells for 4 columns"),
    ],
)
def test_mistakes_are_named_by_line(root: Path, old: str, new: str, words: str):
    path = root / "labels.csv"
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(BadInput, match=words):
        list(open_dataset("folder", root))

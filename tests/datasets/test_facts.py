"""The table of data sets, and what each says about itself."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mindleaf.datasets import DATASETS, open_dataset
from mindleaf.datasets.dataset import identifier, slug
from mindleaf.errors import BadInput


@pytest.mark.parametrize("name", list(DATASETS))
def test_facts_are_plain_json_under_the_datasets_own_name(name: str):
    facts = DATASETS[name].facts
    assert facts.name == name
    assert json.loads(json.dumps(facts.to_dict())) == facts.to_dict()
    assert facts.interval is None or 0 <= facts.interval[0] < facts.interval[1]
    assert facts.files or facts.access == "generated"


def test_unknown_names_and_wrong_folders_are_one_sentence(tmp_path: Path):
    with pytest.raises(BadInput, match=r"'eegmatt' is not known; there are: .*eegmat"):
        open_dataset("eegmatt", tmp_path)
    with pytest.raises(BadInput, match="does not exist"):
        open_dataset("eegmat", tmp_path / "nowhere")
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match="is a file"):
        open_dataset("eegmat", tmp_path / "file")


@pytest.mark.parametrize(
    ("name", "looked_for"),
    [
        ("eegmat", "Subject"), ("cocktail", r"\.mat"), ("two_speaker_minute", "eeg_1min.mat"), ("kalunga2016", "record-"),
        ("eegmmidb", r"S\*R\*.edf"), ("manifest", "recordings.tsv"), ("folder", "labels.csv"),
    ],
)  # fmt: skip
def test_an_empty_folder_says_which_files_were_looked_for(tmp_path: Path, name: str, looked_for: str):
    with pytest.raises(BadInput, match=looked_for):
        open_dataset(name, tmp_path)


def test_the_table_imports_nothing_heavy():
    code = "import sys, mindleaf.datasets; print([name for name in ('mne', 'torch', 'scipy', 'pandas') if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": ":".join(sys.path)}
    )
    assert done.stdout.strip() == "[]"


def test_identifiers_hold_no_path():
    assert identifier(("sub", "a/b c"), ("ses", ""), ("run", "2")) == "sub-a-b-c_run-2"
    assert slug("///") == "x"

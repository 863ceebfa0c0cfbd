"""Tables beside the signals that lack a column or a number: one sentence that names the table, never a traceback."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from mindleaf.datasets import DATASETS
from mindleaf.errors import BadInput


@pytest.mark.parametrize(
    ("name", "table", "written", "instead", "told"),
    [
        ("ds004356", "sub-*/eeg/*_events.tsv", "\t12\t", "\tn/a\t", "_events.tsv: line .*wanted numbers"),
        ("madeeg", "madeeg_sequences_raw.yaml", "n_ech", "n_exh", "lacks n_ech"),
        ("madeeg", "madeeg_preprocessed.yaml", "instruments", "players", "preprocessed.yaml: .*lacks instruments"),
        ("dreyer2023", "**/*_events.tsv", "onset", "begin", "_events.tsv: wanted the columns onset"),
    ],
)
def test_a_table_that_lacks_something(tmp_path: Path, name: str, table: str, written: str, instead: str, told: str):
    import_module(f"tests.datasets.layouts.{name}").write(tmp_path)
    for path in sorted(tmp_path.glob(table)):
        path.write_text(path.read_text().replace(written, instead))
    with pytest.raises(BadInput, match=told):
        list(DATASETS[name].recordings(tmp_path))


def test_eegmats_list_of_subjects(tmp_path: Path):
    (tmp_path / "Subject00_1.edf").write_bytes(b"never opened")
    (tmp_path / "subject-info.csv").write_text("Subject,Age\nSubject00,20\n")
    with pytest.raises(BadInput, match=r"subject-info\.csv: wanted the columns"):
        list(DATASETS["eegmat"].sources(tmp_path))

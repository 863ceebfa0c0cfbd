"""A folder of signal files with one table beside them: labels.csv (file, label, subject [, session, run])."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from mindleaf.datasets.dataset import Dataset, DatasetFacts, Source, identifier, recording_of, relative_names
from mindleaf.datasets.written_tables import WrittenTable, read_table
from mindleaf.reading.signals import open_signal
from mindleaf.recording import Recording, Trial

_TABLE = "labels.csv"


def sources(root: Path) -> Iterator[Source]:
    """One recording and one trial a line; further columns are further labels."""
    table = read_table(root / _TABLE, required=("file", "label", "subject"), dataset="folder")
    known = ("file", "label", "subject", "session", "run", "unit")
    ids: set[str] = set()
    for number, row in enumerate(table.rows):
        path = table.existing_file(number, "file")
        stem = identifier(("sub", row["subject"]), ("ses", row.get("session", "")), ("run", row.get("run", "")))
        name = identifier_of(table, number, stem, path, ids)
        labels = {column: row[column] for column in row if column == "label" or (column not in known and row[column])}
        yield Source(relative_names(root, path)[0], partial(_open, root, path, row, name, labels))


def _open(root: Path, path: Path, row: dict[str, str], name: str, labels: dict[str, str]) -> list[Recording]:
    file = open_signal(path, unit=row.get("unit") or None).pick_types("eeg")
    return [
        recording_of(
            file,
            dataset="folder",
            subject=row["subject"],
            id=name,
            session=row.get("session", ""),
            run=row.get("run", ""),
            trials=(Trial("1", 0.0, file.duration, labels=labels),),
            source_files=relative_names(root, path),
        )
    ]


def identifier_of(table: WrittenTable, number: int, stem: str, path: Path, taken: set[str]) -> str:
    """A unique id: subject, session and run where they suffice, with the line number where they do not."""
    if not table.rows[number]["subject"]:
        raise table.mistake(
            number, "subject", "wanted a subject, the cell is empty; every file needs one, so that splits can keep subjects apart"
        )
    if not table.rows[number]["label"]:
        raise table.mistake(number, "label", f"wanted a label for {path.name}, the cell is empty; fill it in or drop the line")
    several = sum(row["subject"] == table.rows[number]["subject"] for row in table.rows) > 1
    name = f"{stem}_file-{number + 1:03d}" if (several and "_" not in stem) or stem in taken else stem
    taken.add(name)
    return name


DATASET = Dataset(
    facts=DatasetFacts(
        name="folder",
        title="Signal files with labels.csv",
        citation="",
        licence="the user's own",
        access="private",
        n_subjects=None,
        n_recordings=None,
        n_channels=None,
        sfreq=None,
        hours=None,
        reference="as recorded",
        line_frequency=0.0,
        paradigm="any",
        files=("labels.csv (file,label,subject)", "the files it names"),
        notes=(
            "Each file is one trial. Where a label never changes within a subject, only whole held-out subjects can test it.",
        ),
    ),
    sources=sources,
)

"""What a model is asked about, as stores: a store as it is, files prepared for as long as they are read."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from mindleaf.datasets import DATASETS
from mindleaf.datasets.dataset import Source, placed, relative_names
from mindleaf.datasets.in_unit import in_unit
from mindleaf.errors import BadInput
from mindleaf.reading.presence import present_file
from mindleaf.reading.signals import SUFFIXES, open_signal
from mindleaf.reading.units import asked_unit
from mindleaf.recording import Recording
from mindleaf.stages.data_template import signal_files
from mindleaf.store.store import Store
from mindleaf.store.writer import write_store

#: A folder with such a file is described by it, and read as this data set; one without is read file by file.
_DESCRIBED = {"recordings.tsv": "manifest", "labels.csv": "folder", "dataset_description.json": "bids"}
_FILES = "files"


def stores_at(path: Path, unit: str = "") -> Iterator[Store]:
    """The stores that hold what is at ``path``: a store, a signal file, or a folder of them, one store for each file in turn.

    A file's store lies in the machine's folder for temporary files until the next one is asked for, so memory does not depend on
    the file's length. ``unit`` replaces the unit that the files state.

    Raises BadInput for a path without any of these, a unit that is unknown (in ``unit`` or, where that is not given, in a
    file), and ReadError's sentence for a file that cannot be read.
    """
    path = Path(path)
    if unit:
        asked_unit(unit)
    if (path / "manifest.json").is_file():
        if unit:
            raise BadInput(f"--unit {unit} is for files; the store {path} is in microvolts already, leave it out.")
        return iter([Store(path)])
    return (
        _known_unit(store) for name, facts, sources in [_sources(path, unit)] for store in passing_stores(name, facts, sources)
    )


def passing_stores(name: str, facts: dict, sources: Iterable[Source | Recording]) -> Iterator[Store]:
    """A store for each source in turn, which is gone when the next one is asked for."""
    for source in sources:
        with tempfile.TemporaryDirectory(prefix="mindleaf-") as scratch:
            yield write_store([source], Path(scratch) / "store", name, facts)


def _sources(path: Path, unit: str) -> tuple[str, dict, list[Source]]:
    if path.is_dir() and path.suffix.lower() not in SUFFIXES:
        for table, name in _DESCRIBED.items():
            if (path / table).is_file():
                dataset = DATASETS[name]
                return name, dataset.facts.to_dict(), [in_unit(s, unit) if unit else s for s in dataset.sources(path)]
        files = signal_files(path)
        if not files:
            raise BadInput(
                f"{path}: wanted signal files or a store, found none (looked for {', '.join(SUFFIXES)}); check --input."
            )
    else:
        files = [present_file(path, "a signal file, a folder or a store")]
    root = path if path.is_dir() and path not in files else path.parent
    return _FILES, {}, [Source(relative_names(root, file)[0], partial(_open, root, file, unit)) for file in files]


def _open(root: Path, path: Path, unit: str) -> list[Recording]:
    file = open_signal(path, unit=unit or None).pick_types("eeg")
    name = relative_names(root, path)[0]
    return [
        Recording(
            dataset=_FILES, subject="", id=name, sfreq=file.sfreq, montage=placed(file), n_times=file.n_times, load=file.load,
            issues=file.issues, source_files=(name,),
        )
    ]  # fmt: skip


def _known_unit(store: Store) -> Store:
    for recording in store.recordings.values():
        unknown = next((issue["message"] for issue in recording.issues if issue["code"] == "unit_unknown"), "")
        if unknown:
            raise BadInput(f"{recording.id}: the unit of its numbers is not known ({unknown}); say it with --unit uV, mV or V.")
    return store

"""Names of data sets to their modules, imported only when one is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from itertools import chain
from pathlib import Path

from mindleaf.datasets.dataset import Dataset, existing_root
from mindleaf.errors import BadInput
from mindleaf.recording import Recording


class DatasetTable(Mapping[str, Dataset]):
    """A read-only dict of name -> Dataset; each named module holds its entry as ``DATASET``."""

    def __init__(self, modules: dict[str, str]) -> None:
        self._modules = modules

    def __getitem__(self, name: str) -> Dataset:
        return import_module(self._modules[name]).DATASET

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __len__(self) -> int:
        return len(self._modules)

    def __contains__(self, name: object) -> bool:
        return name in self._modules


def open_dataset(name: str, root: str | Path) -> Iterator[Recording]:
    """Recordings of data set ``name`` in the folder ``root``, opened one by one.

    Raises BadInput at once for an unknown name, a missing folder, or a folder without matching files; ReadError (a
    BadInput) for a file that cannot be read, when its turn comes.
    """
    from mindleaf.datasets import DATASETS

    if name not in DATASETS:
        raise BadInput(f"data set {name!r} is not known; there are: {', '.join(DATASETS)}.")
    recordings = DATASETS[name].recordings(existing_root(root, name))
    first = next(recordings, None)
    if first is None:
        raise BadInput(f"{name}: found no recording in {root}; check --root.")
    return chain([first], recordings)

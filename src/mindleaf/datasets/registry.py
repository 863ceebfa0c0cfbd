"""Names of data sets to their modules, imported only when one is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from itertools import chain
from pathlib import Path

from mindleaf.datasets.dataset import Dataset, existing_root
from mindleaf.errors import BadInput
from mindleaf.recording import Recording

#: Any data set class of MOABB is known under this and its name; these are not listed.
_MOABB = "moabb:"


class DatasetTable(Mapping[str, Dataset]):
    """A read-only dict of name -> Dataset; each named module holds its entry as ``DATASET``, or under the name after a colon.

    It also answers to ``moabb:CLASS``, which asks MOABB: BadInput where that is not installed or has no such class.
    """

    def __init__(self, modules: dict[str, str]) -> None:
        self._modules = modules

    def __getitem__(self, name: str) -> Dataset:
        if _is_moabb(name):
            return import_module("mindleaf.datasets.moabb_class").moabb_dataset(name)
        module, _, entry = self._modules[name].partition(":")
        return getattr(import_module(module), entry or "DATASET")

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __len__(self) -> int:
        return len(self._modules)

    def __contains__(self, name: object) -> bool:
        return name in self._modules or _is_moabb(name)


def _is_moabb(name: object) -> bool:
    return isinstance(name, str) and name.startswith(_MOABB)


def dataset_named(name: str) -> Dataset:
    """The data set of that name; raises BadInput listing those there are."""
    from mindleaf.datasets import DATASETS

    if name not in DATASETS:
        raise BadInput(
            f"data set {name!r} is not known; there are: {', '.join(DATASETS)}, and moabb:CLASS for every class of MOABB."
        )
    return DATASETS[name]


def open_dataset(name: str, root: str | Path) -> Iterator[Recording]:
    """Recordings of data set ``name`` in the folder ``root``, opened one by one.

    Raises BadInput at once for an unknown name, a missing folder, or a folder without matching files; ReadError (a
    BadInput) for a file that cannot be read, when its turn comes.
    """
    recordings = dataset_named(name).recordings(existing_root(root, name))
    first = next(recordings, None)
    if first is None:
        raise BadInput(f"{name}: found no recording in {root}; check --root.")
    return chain([first], recordings)

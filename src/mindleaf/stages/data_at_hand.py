"""Which data sets a person has: folders named like data sets, or stores that were prepared already."""

from __future__ import annotations

from pathlib import Path

from mindleaf.datasets import DATASETS
from mindleaf.errors import BadInput
from mindleaf.stages.prepare import prepare
from mindleaf.store.store import Store


class DataAtHand:
    """Data sets below ``data``, one folder each, named as in ``mindleaf list datasets`` (``eegmat``, or ``eegmat_mine``).

    A folder that holds a store is taken as it is; files are prepared into ``out``, once. "synthetic" is always at hand: it
    is generated into ``out`` with ``generator``, settings such as "synthetic.preset=easy".
    """

    def __init__(self, data: Path | None, out: Path, generator: tuple[str, ...], seed: int, quiet: bool) -> None:
        if data is not None and not data.is_dir():
            raise BadInput(f"--data wants a folder with one folder per data set, found none at {data}; check the path.")
        self._out, self._generator, self._seed, self._quiet = out, generator, seed, quiet
        self._folders = {} if data is None else _named_folders(data)
        self._stores: dict[str, Store] = {}

    @property
    def names(self) -> tuple[str, ...]:
        return (*self._folders, "synthetic")

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def store(self, name: str) -> Store:
        """The store of a data set that is at hand; raises BadInput where its files cannot be prepared."""
        if name not in self._stores:
            self._stores[name] = self._opened(name)
        return self._stores[name]

    def _opened(self, name: str) -> Store:
        folder = self._folders.get(name, self._out / "data" / name)
        if (folder / "manifest.json").is_file():
            return Store(folder)
        settings = self._generator if name == "synthetic" else ()
        return prepare(name, folder, self._out / "stores" / name, settings=settings, seed=self._seed, quiet=self._quiet)


def _named_folders(data: Path) -> dict[str, Path]:
    """Folders by data set: the exact name first, else the only one that begins with it and an underscore."""
    found = {path.name: path for path in sorted(data.iterdir()) if path.is_dir()}
    named = {name: found[name] for name in DATASETS if name in found}
    for name in DATASETS:
        longer = [path for title, path in found.items() if title.startswith(f"{name}_") and title not in DATASETS]
        if name not in named and len(longer) == 1:
            named[name] = longer[0]
    return {name: path for name, path in named.items() if name != "synthetic"}

"""Which data sets a person has: folders named like data sets, or stores that were prepared already."""

from __future__ import annotations

from pathlib import Path

from mindleaf.datasets import DATASETS
from mindleaf.errors import BadInput
from mindleaf.stages.prepare import prepare
from mindleaf.store.store import Store
from mindleaf.tasks.task import able_tasks

#: Length of the windows on which it is judged whether a store can serve a task (seconds).
_ASKED_S = 1.0


class DataAtHand:
    """Data sets below ``data``, one folder each, named as in ``mindleaf list datasets`` (``eegmat``, or ``eegmat_mine``).

    A folder that holds a store is taken as it is, under its own name where that is no data set's; files are prepared into
    ``out``, once. "synthetic" is always at hand: where ``data`` has no store of that name it is generated into ``out`` with
    ``generator``, settings such as "synthetic.preset=easy".
    """

    def __init__(self, data: Path | None, out: Path, generator: tuple[str, ...], seed: int, quiet: bool) -> None:
        if data is not None and not data.is_dir():
            raise BadInput(f"--data wants a folder with one folder per data set, found none at {data}; check the path.")
        self._out, self._generator, self._seed, self._quiet = out, generator, seed, quiet
        self._folders = {} if data is None else _named_folders(data)
        if generator and "synthetic" in self._folders:
            raise BadInput(f"--set {generator[0]}: {data} holds a synthetic store, which is taken as it is; drop one of the two.")
        self._stores: dict[str, Store] = {}

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self._folders, "synthetic")))

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def able(self, task: str) -> list[str]:
        """The prepared stores that can serve the task; files are not prepared to find out."""
        stores = [name for name, folder in self._folders.items() if _is_store(folder)]
        return [name for name in stores if task in able_tasks(self.store(name).windows(_ASKED_S))]

    def store(self, name: str) -> Store:
        """The store of a data set that is at hand; raises BadInput where its files cannot be prepared."""
        if name not in self._stores:
            self._stores[name] = self._opened(name)
        return self._stores[name]

    def _opened(self, name: str) -> Store:
        folder = self._folders.get(name, self._out / "data" / name)
        if _is_store(folder):
            return Store(folder)
        settings = self._generator if name == "synthetic" else ()
        return prepare(name, folder, self._out / "stores" / name, settings=settings, seed=self._seed, quiet=self._quiet)


def _is_store(folder: Path) -> bool:
    return (folder / "manifest.json").is_file()


def _named_folders(data: Path) -> dict[str, Path]:
    """Folders by data set: the exact name first, else the only one that begins with it and an underscore; then other stores."""
    found = {path.name: path for path in sorted(data.iterdir()) if path.is_dir()}
    named = {name: found[name] for name in DATASETS if name in found and (name != "synthetic" or _is_store(found[name]))}
    for name in DATASETS:
        longer = [path for title, path in found.items() if title.startswith(f"{name}_") and title not in DATASETS]
        if name not in found and name != "synthetic" and len(longer) == 1:
            named[name] = longer[0]
    return named | {name: path for name, path in found.items() if path not in named.values() and _is_store(path)}

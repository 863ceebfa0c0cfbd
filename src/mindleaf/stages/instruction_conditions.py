"""One model inside each fold, asked in several ways: the instruction levels and the controls, on the same test windows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from mindleaf.errors import BadInput
from mindleaf.evaluation.predict import SystemRun, run_system
from mindleaf.evaluation.prepared_rows import PreparedRows
from mindleaf.evaluation.statistics import comparisons, window_metrics
from mindleaf.fold import Fold
from mindleaf.stages.cells import Cell
from mindleaf.stages.question import EvaluateConfig, cutting
from mindleaf.store.files import read_json, write_json
from mindleaf.store.store import Store
from mindleaf.systems.leaf import LeafReader
from mindleaf.systems.registry import build_system
from mindleaf.tasks import build_task

#: Condition -> what it changes. The model is fitted once for all of them.
CONDITIONS: dict[str, dict[str, Any]] = {
    "level 0: nothing": {"level": 0},
    "level 1: task": {"level": 1},
    "level 2: task and labels": {"level": 2},
    "wrong task": {"control": "wrong_task"},
    "words shuffled": {"control": "shuffled"},
    "constant word": {"control": "constant"},
}


@dataclass(eq=False)
class Conditions:
    """runs: one for each condition; systems: the fitted model of each fold, by the fold's name."""

    runs: dict[str, SystemRun]
    systems: dict[str, LeafReader]

    def metrics(self, condition: str, seed: int) -> dict[str, dict]:
        return window_metrics(self.runs[condition].predictions(), "labels", seed)[0]

    def differences(self, reference: str, seed: int) -> dict[str, dict]:
        """``reference`` minus each other condition, paired over subjects (or trials): rows of ``comparisons`` by condition."""
        base = self.runs[reference].predictions()
        return {
            name: rows[0]
            for name, run in self.runs.items()
            if name != reference and (rows := comparisons({reference: base, name: run.predictions()}, "labels", seed))
        }

    def embeddings(self, condition: str) -> list[tuple[NDArray, NDArray]]:
        """Where the test windows of each fold lie in the space of the texts, and their classes. The folds have models of their
        own, so windows of two folds are not to be compared."""
        cells = self.runs[condition].cells
        return [(_asked(self.systems[c.fold.name], condition).embeddings(c.test), c.test.labels) for c in cells]


def ask_in_every_way(
    store: Store, folds: Sequence[Fold], config: EvaluateConfig, settings: Sequence[str] = (), keep: Path | None = None
) -> Conditions:
    """Fit LEAF once in each fold and ask it under every condition.

    With ``keep`` the fitted models are written below it, and a later call with the same settings and data reads them.
    """
    cut, windows_s = cutting(config, store)
    task = build_task(config.task)
    prepared = PreparedRows(store, None, task, config.seed, cut)
    kept = _Kept.of(store, config, settings, keep) if keep else None

    def build() -> Any:
        return build_system("leaf", settings, task.asks)

    def run(name: str, fitted: Any) -> SystemRun:
        return run_system(name, build, store, None, task, folds, windows_s[:1], config.seed, prepared=prepared, fitted=fitted)

    read = kept and kept.reading(build, folds)
    systems = {cell.fold.name: _reader(cell.system) for cell in run("as fitted", read).cells}
    if kept and not read:
        kept.write(systems, folds)
    runs = {condition: run(condition, partial(_fitted, systems, condition)) for condition in CONDITIONS}
    return Conditions(runs, systems)


@dataclass(frozen=True)
class _Kept:
    """Where the models of all folds of one data set lie; ``key``: what they depend on."""

    folder: Path
    key: dict[str, Any]

    @classmethod
    def of(cls, store: Store, config: EvaluateConfig, settings: Sequence[str], keep: Path) -> _Kept:
        whole = config.model_copy(update={"settings": (*config.settings, *(f"leaf.{setting}" for setting in settings))})
        cell = Cell("leaf", whole, store.path)
        return cls(keep / cell.name(), cell.key())

    def reading(self, build: Callable[[], Any], folds: Sequence[Fold]) -> Callable[[Fold], LeafReader] | None:
        """Gives each fold's model from its folder; None where they are not all there."""
        if read_json(self.folder / "cell.json").get("key") != self.key:
            return None
        places = {fold.name: self.folder / f"{number:03d}" for number, fold in enumerate(folds)}

        def read(fold: Fold) -> LeafReader:
            system = build()
            system.load(places[fold.name])
            return _reader(system)

        return read

    def write(self, systems: dict[str, LeafReader], folds: Sequence[Fold]) -> None:
        for number, fold in enumerate(folds):
            if fold.name not in systems:
                return  # a fold that could not be fitted: asked again the next time
            systems[fold.name].save(self.folder / f"{number:03d}", f"Fold {fold.name} of {self.folder.name}.")
        write_json(self.folder / "cell.json", {"key": self.key})


def _fitted(systems: dict[str, LeafReader], condition: str, fold: Fold) -> LeafReader:
    return _asked(systems[fold.name], condition)


def _asked(system: LeafReader, condition: str) -> LeafReader:
    return system.under(**CONDITIONS[condition])


def _reader(system: Any) -> LeafReader:
    if not isinstance(system, LeafReader):
        raise BadInput("these figures ask LEAF in words, got a head that hears none; leave leaf.head out.")
    return system

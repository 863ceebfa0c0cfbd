"""What a pretrained encoder makes of subjects it has not learned from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from mindleaf.store.batches import BatchReader
from mindleaf.store.examples import Examples

#: Windows of a set read at most, and at once: the same ones at every look, spread evenly over the recordings.
_WINDOWS, AT_ONCE = 192, 64
#: The mask of the held-out windows is drawn once and for all.
SEED = 0


class Measured(ABC):
    """Sums over held-out windows."""

    @abstractmethod
    def figures(self) -> dict[str, float]:
        """What was measured, by name: for the log."""

    def beside(self) -> dict[str, float]:
        """What stands beside it on the page and is the same at every look."""
        return {}


class HeldOut(ABC):
    """Called with the model it measures it on the held-out windows of all sets; for the training loop's log.

    Nothing is selected by these figures: they have no "loss", so training keeps its last state.

    parts   the held-out windows, a set each     objective   what is trained, a config with ``ask``
    seen    the training windows, from which an answer that must be beaten may be learned
    """

    def __init__(self, parts: Sequence[Examples], objective: Any, seen: BatchReader, model: nn.Module) -> None:
        self.objective = objective
        #: Of each data set its stores, one reader for each: a batch comes from one store.
        self.readers: dict[str, list[BatchReader]] = {}
        for part in parts:
            self.readers.setdefault(part.store.dataset, []).append(BatchReader([spread(part, _WINDOWS)], seen.pipeline))

    def __call__(self, model: nn.Module) -> dict[str, float]:
        return self.measure(model, list(self.readers)).figures()

    def measure_each(self, model: nn.Module) -> dict[str, Any]:
        """Each set by itself and, where there are several, "all" of them together."""
        each = {name: self.measure(model, [name]) for name in self.readers}
        return each if len(each) == 1 else {"all": self.measure(model, list(self.readers)), **each}

    @torch.no_grad()
    def measure(self, model: Any, datasets: Sequence[str]) -> Any:
        model.eval()
        found = self.nothing(model)
        for dataset, reader in [(name, reader) for name in datasets for reader in self.readers[name]]:
            ids = np.arange(len(reader))
            for start in range(0, len(ids), AT_ONCE):
                chosen = ids[start : start + AT_ONCE]
                said, hidden = self.objective.ask(model, reader.read(chosen).to(next(model.parameters()).device), SEED)
                self.add(found, said, hidden, reader.examples[0].rows.iloc[chosen], dataset)
        return found

    @abstractmethod
    def nothing(self, model: Any) -> Measured:
        """Before the first window."""

    @abstractmethod
    def add(self, found: Any, said: Any, hidden: Tensor, rows: pd.DataFrame, dataset: str) -> None:
        """Add what the model says of a batch: these rows of a set."""


def spread(part: Examples, n_windows: int) -> Examples:
    """At most so many of a set's windows, evenly over its table."""
    return part.take(np.unique(np.linspace(0, len(part) - 1, min(len(part), n_windows)).astype(int)))


def subjects_held_out(parts: Sequence[Examples], share: float, seed: int) -> set[tuple[str, str]]:
    """``share`` of each set's subjects, rounded down, as (dataset, subject); the same ones for the same seed."""
    chosen: set[tuple[str, str]] = set()
    for part in parts:
        names = sorted({(str(d), str(s)) for d, s in zip(part.rows["dataset"], part.rows["subject"], strict=True)})
        rng = np.random.default_rng([seed, len(names)])
        chosen |= {names[k] for k in rng.permutation(len(names))[: int(share * len(names))]}
    return chosen


def without(part: Examples, subjects: set[tuple[str, str]]) -> tuple[Examples, Examples]:
    """The windows of the other subjects, and those of these."""
    named = list(zip(part.rows["dataset"], part.rows["subject"], strict=True))
    held = np.array([name in subjects for name in named], dtype=bool)
    return part.take(np.flatnonzero(~held)), part.take(np.flatnonzero(held))

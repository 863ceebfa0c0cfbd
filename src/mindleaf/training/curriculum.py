"""A curriculum: what a training reads at which step, easier questions first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mindleaf.training.order import MixedOrder, Order, epoch_batches, steps_per_epoch


class Source(Protocol):
    """Where batches come from. ``groups``: (n,) group of each window; ``read(ids)``: the batch of these windows."""

    @property
    def groups(self) -> NDArray[np.integer]: ...

    def read(self, ids: NDArray[np.integer]) -> Any: ...


@dataclass(frozen=True)
class Lesson:
    """``steps`` optimiser steps on batches of ``batch_size`` windows of one source, of one group each or, ``mixed``, of all groups."""

    source: Source
    batch_size: int
    steps: int
    mixed: bool = False
    _orders: dict[int, Order | MixedOrder] = field(default_factory=dict, repr=False, compare=False)

    def pieces(self, seed: int, step: int) -> list[NDArray[np.int64]]:
        """Window ids of the batch at a step of this lesson, one array for each group in it."""
        return self._order(seed).at(step)

    def _order(self, seed: int) -> Order | MixedOrder:
        if seed not in self._orders:
            self._orders[seed] = (MixedOrder if self.mixed else Order)(self.source.groups, self.batch_size, seed)
        return self._orders[seed]

    def first_batches(self, seed: int, most: int) -> Iterator[list[NDArray[np.int64]]]:
        """Window ids of up to ``most`` batches of each group, group by group."""
        chosen: dict[int, list[NDArray[np.int64]]] = {}
        for ids in epoch_batches(self.source.groups, self.batch_size, seed, 0):
            chosen.setdefault(int(self.source.groups[ids[0]]), []).append(ids)
        yield from (batches[:most] for _, batches in sorted(chosen.items()))

    def epoch(self, step: int) -> int:
        return step // self._steps_per_epoch

    @cached_property
    def _steps_per_epoch(self) -> int:
        return steps_per_epoch(self.source.groups, self.batch_size, self.mixed)


class Curriculum:
    """Lessons one after the other; the last one goes on for ever."""

    def __init__(self, lessons: Sequence[Lesson]) -> None:
        self.lessons = tuple(lessons)
        self._firsts = np.cumsum([0, *(lesson.steps for lesson in lessons[:-1])])

    def at(self, step: int) -> tuple[Lesson, int]:
        """The lesson of a step of the whole training, and which step of the lesson it is."""
        number = int(np.searchsorted(self._firsts, step, side="right")) - 1
        return self.lessons[number], step - int(self._firsts[number])

    def is_last(self, step: int) -> bool:
        """Whether the question of this step is the one that training is for."""
        return step >= self._firsts[-1]

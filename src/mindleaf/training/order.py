"""Which windows make up which batch: a pure function of (seed, epoch, step), whatever happened before."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mindleaf.errors import BadInput

#: Between the seeds of the groups of a mixed batch.
_APART = 1_000_003


def epoch_batches(groups: NDArray[np.integer], batch_size: int, seed: int, epoch: int) -> list[NDArray[np.int64]]:
    """The batches of one epoch: every window exactly once, shuffled, each batch from one group.

    groups: (n,) the group of each window; windows of different groups (other channels, say) never share a batch.
    """
    rng = np.random.default_rng([seed, epoch])
    batches: list[NDArray[np.int64]] = []
    for group in np.unique(groups):
        ids = rng.permutation(np.flatnonzero(groups == group))
        batches += np.split(ids, range(batch_size, len(ids), batch_size))
    return [batches[k] for k in rng.permutation(len(batches))]


def steps_per_epoch(groups: NDArray[np.integer], batch_size: int, mixed: bool = False) -> int:
    """How many batches ``epoch_batches`` gives; of ``mixed`` ones, how many until the largest group has come round."""
    counts = np.unique(groups, return_counts=True)[1]
    if mixed:
        return int(-(-counts.max() // _of_each(len(counts), batch_size)))
    return int(sum(-(-count // batch_size) for count in counts))


class Order:
    """Window ids of the batch at any global step, epochs following one another.

    The running epoch is kept: drawing its order takes time in proportion to all windows, a step only to those of its batch.
    """

    def __init__(self, groups: NDArray[np.integer], batch_size: int, seed: int) -> None:
        self.groups, self.batch_size, self.seed = groups, batch_size, seed
        self.steps_per_epoch = steps_per_epoch(groups, batch_size)
        self._epoch, self._batches = -1, [np.zeros(0, np.int64)]

    def at(self, step: int) -> list[NDArray[np.int64]]:
        """The batch, as its only piece: all of its windows are of one group."""
        epoch, within = divmod(step, self.steps_per_epoch)
        if epoch != self._epoch:
            self._epoch, self._batches = epoch, epoch_batches(self.groups, self.batch_size, self.seed, epoch)
        return [self._batches[within]]


class MixedOrder:
    """Batches that take the same number of windows from every group, one piece for each group.

    Each group has its own epochs: the windows of a small one come round more often. With one group it is ``Order``.
    Raises BadInput where there are more groups than windows in a batch.
    """

    def __init__(self, groups: NDArray[np.integer], batch_size: int, seed: int) -> None:
        self._members = [np.flatnonzero(groups == group) for group in np.unique(groups)]
        each = _of_each(len(self._members), batch_size)
        # Groups of one size must not draw the same places: two tasks of one store would meet the same windows.
        self._orders = [
            Order(np.zeros(len(ids), np.int64), each, seed + _APART * number) for number, ids in enumerate(self._members)
        ]
        self.steps_per_epoch = max(order.steps_per_epoch for order in self._orders)

    def at(self, step: int) -> list[NDArray[np.int64]]:
        return [ids[order.at(step)[0]] for ids, order in zip(self._members, self._orders, strict=True)]


def _of_each(n_groups: int, batch_size: int) -> int:
    """Windows of each group in a mixed batch."""
    if n_groups > batch_size:
        raise BadInput(
            f"training.mixed wanted a window of each of {n_groups} data sets in a batch, got batch_size={batch_size}; make it larger."
        )
    return batch_size // n_groups

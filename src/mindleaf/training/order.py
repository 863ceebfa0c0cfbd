"""Which windows make up which batch: a pure function of (seed, epoch, step), whatever happened before."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


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


def steps_per_epoch(groups: NDArray[np.integer], batch_size: int) -> int:
    """How many batches ``epoch_batches`` gives."""
    return int(sum(-(-count // batch_size) for count in np.unique(groups, return_counts=True)[1]))


def batch_at(groups: NDArray[np.integer], batch_size: int, seed: int, step: int) -> NDArray[np.int64]:
    """Window ids of the batch at a global step, epochs following one another."""
    epoch, within = divmod(step, steps_per_epoch(groups, batch_size))
    return epoch_batches(groups, batch_size, seed, epoch)[within]


def mixed_batch_at(groups: NDArray[np.integer], batch_size: int, seed: int, step: int) -> list[NDArray[np.int64]]:
    """Window ids of the batch at a global step that takes the same number of windows from every group, group by group.

    Each group has its own epochs: the windows of a small one come round more often. With one group it is ``batch_at``.
    """
    members = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    each = max(1, batch_size // len(members))
    return [ids[batch_at(np.zeros(len(ids), np.int64), each, seed, step)] for ids in members]

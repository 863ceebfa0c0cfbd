"""All pairs worked off a few rows at a time, so that memory does not grow with the number of pairs."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils.checkpoint import checkpoint

#: Numbers in the widest intermediate of one block, when gradients are kept and when they are not.
BLOCK_TRAINING, BLOCK_INFERENCE = 4_000_000, 1_000_000


def in_blocks(scores: Callable[[slice], Float[Tensor, "some column"]], n_rows: int, per_row: int) -> Float[Tensor, "row column"]:
    """``scores`` of all rows, some rows at a time; ``per_row``: numbers in the widest intermediate of one row.

    Where gradients are kept, each block is computed again in the backward pass instead of being remembered.
    """
    training = torch.is_grad_enabled()
    size = max(1, (BLOCK_TRAINING if training else BLOCK_INFERENCE) // max(1, per_row))
    blocks = [slice(start, start + size) for start in range(0, n_rows, size)]
    if training and len(blocks) > 1:
        return torch.cat([checkpoint(scores, rows, use_reentrant=False) for rows in blocks])
    return torch.cat([scores(rows) for rows in blocks])

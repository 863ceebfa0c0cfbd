"""Losses: what an objective says about one batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float
from torch import Tensor


@dataclass(frozen=True)
class Losses(Mapping[str, Tensor]):
    """A mapping from names to scalars: "total" (the one to descend), the weighted parts it is the sum of, and the facts.

    facts  measurements that are not descended, such as top-1 accuracy or codebook perplexity; detached

    All are means over the windows of the batch, every window counting the same: the loop takes the mean of those of several
    processes and of pieces of a batch. An objective says ``adds_up`` where the loss of a window does not depend on the others.
    """

    total: Float[Tensor, ""]
    parts: Mapping[str, Float[Tensor, ""]]
    facts: Mapping[str, Float[Tensor, ""]] = field(default_factory=dict)

    def _all(self) -> dict[str, Tensor]:
        return {"total": self.total, **self.parts, **self.facts}

    def __getitem__(self, name: str) -> Tensor:
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def floats(self) -> dict[str, float]:
        """Plain numbers for a log."""
        return {name: float(value.detach()) for name, value in self._all().items()}


def mean_over_windows(values: Float[Tensor, batch * rest], counted: Bool[Tensor, batch * rest]) -> Float[Tensor, ""]:
    """Mean over what counts within each window, then over the windows; one in which nothing counts adds zero."""
    n = counted.flatten(1).sum(dim=1).clamp_min(1)
    return (torch.where(counted, values, 0.0).flatten(1).sum(dim=1) / n).mean()

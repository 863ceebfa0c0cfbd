"""Losses: what an objective says about one batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Losses(Mapping[str, Tensor]):
    """A mapping from names to scalars: "total" (the one to descend), the weighted parts it is the sum of, and the facts.

    facts  measurements that are not descended, such as top-1 accuracy or codebook perplexity; detached
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

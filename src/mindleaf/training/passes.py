"""Forward and backward of one batch: by several processes, each with its windows of it, and in pieces where it is too large."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from lightning.fabric import Fabric
from torch import Tensor, nn

from mindleaf.errors import BadInput
from mindleaf.layers.ranks import Share, sharing

#: What an objective says of a batch: the loss to descend, and all its numbers.
Said = tuple[Tensor, dict[str, float]]


class Asked(nn.Module):
    """An objective with its model as one module: whatever the objective calls happens inside the forward that Fabric wraps."""

    def __init__(self, model: nn.Module, objective: Callable[..., Any]) -> None:
        super().__init__()
        self.model, self.objective = model, objective

    def forward(self, batch: Any, seed: int, how: str = "all", embedded: dict[str, Tensor] | None = None) -> Any:
        """how: "all", or one half of it: "embed" windows by themselves, "compare" what was ``embedded``."""
        objective: Any = self.objective
        if how == "embed":
            return objective.embed(self.model, batch, seed)
        losses = objective.compare(self.model, batch, embedded, seed) if how == "compare" else objective(self.model, batch, seed)
        return losses.total, losses.floats()


class Passes:
    """Gradients of batches, whoever works on them: they add up to those of the mean over the whole batch.

    accumulate  pieces of what a process has of a batch. An objective that ``adds_up`` over windows is asked piece by piece. One with
                ``embed`` and ``compare`` embeds all pieces without a graph, compares them as one batch, and takes the gradient
                at the embeddings back through piece after piece (Gao et al. 2021, arXiv:2101.06983).
    """

    def __init__(self, fabric: Fabric, asked: Any, objective: Any, accumulate: int) -> None:
        self.fabric, self.asked, self.accumulate = fabric, asked, accumulate
        self.cached = hasattr(objective, "embed")
        if accumulate > 1 and not (self.cached or getattr(objective, "adds_up", False)):
            raise BadInput(
                f"training.accumulate={accumulate} wanted an objective whose windows do not look at each other, got "
                f"{type(objective).__name__}; set accumulate=1 and use a smaller batch or more devices."
            )
        if accumulate > 1 and self.cached and fabric._precision.precision == "16-mixed":
            raise BadInput("training.accumulate with comparisons scales no 16-bit gradients; set training.precision=bf16-mixed.")

    def learn(self, batch: Any, share: Share, seed: int, draws: int, weight: float, last: bool) -> tuple[dict[str, float], bool]:
        """Add the gradient of our windows of a batch; what all say of the batch, and whether the loss is finite.

        draws: seed of what is random in the model. weight: of the batch in the step. last: no other batch follows in it.
        """
        pieces = share.pieces(self.accumulate)
        if self.cached and len(pieces) > 1:
            return self._compared(batch, share, pieces, seed, draws, weight, last)
        told: list[dict[str, float]] = []
        for k, piece in enumerate(pieces):
            part = batch if len(pieces) == 1 else batch.rows(piece.start - share.start, piece.stop - share.start)
            with self._pass(piece, draws, last and k == len(pieces) - 1):
                loss, numbers = self.asked(part, seed)
                told.append(self._of_all(numbers, piece.weight))
                if not math.isfinite(_loss(told[-1])):
                    return _sum(told), False
                self._backward(loss, weight * piece.weight)
        return _sum(told), True

    def _compared(
        self, batch: Any, share: Share, pieces: list[Share], seed: int, draws: int, weight: float, last: bool
    ) -> tuple[dict[str, float], bool]:
        parts = [batch.rows(piece.start - share.start, piece.stop - share.start) for piece in pieces]
        embedded: list[dict[str, Tensor]] = []
        for piece, part in zip(pieces, parts, strict=True):
            with self._pass(piece, draws, False), torch.no_grad():
                embedded.append(self.asked(part, seed, "embed"))
        whole = {name: torch.cat([some[name] for some in embedded]) for name in embedded[0]}
        whole = {name: values.requires_grad_(values.is_floating_point()) for name, values in whole.items()}
        # What is random in the comparison goes on where the embedding of any piece has left the generator.
        with self._pass(share, None, False):
            loss, numbers = self.asked(batch, seed, "compare", whole)
            told = self._of_all(numbers, share.weight)
            if not math.isfinite(_loss(told)):
                return told, False
            self._backward(loss, weight * share.weight)
        for k, (piece, part) in enumerate(zip(pieces, parts, strict=True)):
            rows = slice(piece.start - share.start, piece.stop - share.start)
            with self._pass(piece, draws, last and k == len(pieces) - 1):
                again = self.asked(part, seed, "embed")
                towards = [(again[name] * values.grad[rows]).sum() for name, values in whole.items() if values.grad is not None]
                self.fabric.backward(torch.stack(towards).sum())
        return told, True

    @contextmanager
    def _pass(self, share: Share, draws: int | None, sync: bool) -> Iterator[None]:
        if draws is not None:
            torch.manual_seed(draws)
        with sharing(share), self.fabric.no_backward_sync(self.asked, enabled=not sync):
            yield

    def _backward(self, loss: Tensor, weight: float) -> None:
        # Strategies take the mean of the processes' gradients, which are parts of a sum.
        self.fabric.backward(loss * (weight * self.fabric.world_size))

    def _of_all(self, numbers: dict[str, float], weight: float) -> dict[str, float]:
        """The numbers times ``weight``, added up over the processes; all of them come to the same."""
        if self.fabric.world_size == 1:
            return {name: value * weight for name, value in numbers.items()} if weight != 1.0 else numbers
        own = torch.tensor([value * weight if weight else 0.0 for value in numbers.values()], dtype=torch.float64)
        added: Any = self.fabric.all_reduce(own.to(self.fabric.device), reduce_op="sum")
        return dict(zip(numbers, added.tolist(), strict=True))


def _loss(told: dict[str, float]) -> float:
    return told.get("total", sum(told.values()))


def _sum(told: list[dict[str, float]]) -> dict[str, float]:
    return {name: sum(part[name] for part in told) for name in told[0]}

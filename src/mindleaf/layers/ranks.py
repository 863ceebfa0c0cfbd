"""Processes that train one model together: which windows of a step's batch are ours, and what is asked of those of the others.

The loop says whose windows a pass works on (``sharing``). Outside of that, in validation say, a process stands alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Share:
    """Windows ``start`` to ``stop`` of the ``n`` of a batch, worked on by ``rank`` of ``n_ranks`` processes.

    idle   there were fewer windows than processes: this one repeats the first, and it counts for nothing
    piece  a part of what the process has: the others of it come in passes of their own
    """

    start: int
    stop: int
    n: int
    rank: int = 0
    n_ranks: int = 1
    idle: bool = False
    piece: bool = False

    @classmethod
    def of(cls, n: int, rank: int, n_ranks: int) -> Share:
        """What a process has of a batch of ``n``: stretches as equal as can be, in the order of the ranks."""
        start, stop = bounds(n, rank, n_ranks)
        return cls(start, stop, n, rank, n_ranks) if stop > start else cls(0, 1, n, rank, n_ranks, idle=True)

    @property
    def weight(self) -> float:
        """Of the mean over these windows in the mean over the batch."""
        return 0.0 if self.idle else (self.stop - self.start) / self.n

    def pieces(self, most: int) -> list[Share]:
        """The share in up to ``most`` pieces."""
        n, rank, n_ranks = self.n, self.rank, self.n_ranks
        cuts = [bounds(self.stop - self.start, k, most) for k in range(most)]
        return [Share(self.start + a, self.start + b, n, rank, n_ranks, self.idle, piece=most > 1) for a, b in cuts if b > a]


def bounds(n: int, number: int, parts: int) -> tuple[int, int]:
    """Where part ``number`` of ``parts`` begins and ends: the first ``n % parts`` are one longer."""
    size, longer = divmod(n, parts)
    start = number * size + min(number, longer)
    return start, start + size + (number < longer)


#: Whose windows are worked on now. Not a context variable: devices run the backward pass in threads of their own.
_now: list[Share] = []


@contextmanager
def sharing(share: Share) -> Iterator[None]:
    _now.append(share)
    try:
        yield
    finally:
        _now.pop()


def current() -> Share | None:
    """The share of this pass; None where a process works for itself."""
    return _now[-1] if _now else None


def first_window() -> int:
    """Where in the batch our windows begin."""
    share = current()
    return share.start if share else 0


def in_pieces() -> bool:
    share = current()
    return share is not None and share.piece


def apart() -> bool:
    """Whether other processes work on windows of the same batch."""
    share = current()
    return share is not None and share.n_ranks > 1


def own_rows(draw: Callable[[Sequence[int]], Tensor], shape: Sequence[int]) -> Tensor:
    """Random numbers of our windows, the same whatever process works on them: drawn for the whole batch, and ours are kept.

    shape: of what is drawn, our windows first (or a fixed number of rows for each); other rows are drawn as they come.
    """
    share = current()
    if share is None or share.stop - share.start == share.n:
        return draw(shape)
    each, rest = divmod(shape[0], share.stop - share.start)
    if rest:
        return draw(shape)
    return draw((share.n * each, *shape[1:]))[share.start * each : share.stop * each]


def of_all(own: Tensor) -> Tensor:
    """The rows of all windows of the batch, those of other processes too; gradients find their way back to them."""
    share = current()
    return _Gather.apply(own, share) if share is not None and share.n_ranks > 1 else own


def total(own: Tensor) -> Tensor:
    """The sum over processes; gradients come from all of them."""
    share = current()
    if share is None or share.n_ranks == 1:
        return own
    return _Sum.apply(own * 0 if share.idle else own)


@torch.no_grad()
def add_up_(own: Tensor) -> None:
    """Replace numbers by their sum over processes."""
    share = current()
    if share is not None and share.n_ranks > 1:
        if share.idle:
            own.zero_()
        dist.all_reduce(own)


@torch.no_grad()
def agreed(numbers: Tensor) -> Tensor:
    """Those of the first process."""
    if apart():
        dist.broadcast(numbers := numbers.contiguous(), 0)
    return numbers


@torch.no_grad()
def drawn_rows(own: Float[Tensor, "row width"], draw: Callable[[int], Int[Tensor, " some"]]) -> Float[Tensor, "some width"]:
    """Rows of all processes by number: ``draw(n)`` chooses some of the n there are, and the first process draws for all."""
    share = current()
    if share is None or share.n_ranks == 1:
        return own[draw(len(own))]
    counts = torch.zeros(share.n_ranks, dtype=torch.long, device=own.device)
    counts[share.rank] = 0 if share.idle else len(own)
    dist.all_reduce(counts)
    numbers = agreed(draw(int(counts.sum())).to(own.device))
    at = numbers - counts[: share.rank].sum()
    ours = (at >= 0) & (at < counts[share.rank])
    rows = own.new_zeros(len(numbers), own.shape[1])
    rows[ours] = own[at[ours]]
    dist.all_reduce(rows)
    return rows


class _Gather(torch.autograd.Function):
    """All rows in the order of the ranks; backwards, everyone's gradient for our rows."""

    @staticmethod
    def forward(ctx: Any, own: Tensor, share: Share) -> Tensor:
        sizes = [b - a for a, b in (bounds(share.n, k, share.n_ranks) for k in range(share.n_ranks))]
        ctx.share = share
        padded = own.new_zeros(max(sizes), *own.shape[1:])
        padded[: sizes[share.rank]] = own[: sizes[share.rank]]
        parts = [torch.empty_like(padded) for _ in sizes]
        dist.all_gather(parts, padded)
        return torch.cat([part[:size] for part, size in zip(parts, sizes, strict=True)])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        whole, share = gradients[0].contiguous(), ctx.share
        dist.all_reduce(whole)
        ours = whole[share.start : share.stop]
        return (torch.zeros_like(ours) if share.idle else ours), None


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, own: Tensor) -> Tensor:
        summed = own.clone()
        dist.all_reduce(summed)
        return summed

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        summed = gradients[0].clone()
        dist.all_reduce(summed)
        return summed

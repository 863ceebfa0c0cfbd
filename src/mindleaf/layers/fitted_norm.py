"""A normalisation whose statistics are fitted once on training windows and then stand still."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


class FittedNorm(_BatchNorm):
    """Batch normalisation that never looks at the batch: it answers in training as it does in evaluation.

    Where every batch comes from one data set, the statistics of a batch are those of that set, and running ones are a mixture
    that no batch of training has ever met. Here ``fit_norms`` settles one mean and one variance for each feature, once: a norm
    that comes from a trained model keeps what it has. Same parameters and names in a file as batch normalisation.
    """

    @property
    def fitted(self) -> bool:
        return bool(self.num_batches_tracked)

    def _check_input_dim(self, input: Tensor) -> None:
        assert input.ndim >= 2

    def forward(self, input: Float[Tensor, "batch feature ..."]) -> Float[Tensor, "batch feature ..."]:
        return F.batch_norm(input, self.running_mean, self.running_var, self.weight, self.bias, False, 0.0, self.eps)


class _Moments:
    """Mean and mean square of what a norm is given, every group of batches counting the same."""

    def __init__(self) -> None:
        self.groups: list[tuple[Tensor, Tensor]] = []
        self.batches: list[tuple[Tensor, Tensor]] = []

    def hear(self, norm: nn.Module, inputs: tuple[Any, ...]) -> None:
        values = inputs[0].detach().double()
        over = [axis for axis in range(values.ndim) if axis != 1]
        self.batches.append((values.mean(over), values.square().mean(over)))

    def close_group(self) -> None:
        if self.batches:
            self.groups.append(_means(self.batches))
        self.batches = []

    def settle(self, norm: FittedNorm) -> None:
        if not self.groups or norm.running_mean is None or norm.running_var is None or norm.num_batches_tracked is None:
            return
        mean, square = _means(self.groups)
        norm.running_mean.copy_(mean)
        norm.running_var.copy_((square - mean.square()).clamp_min(0.0))
        norm.num_batches_tracked += 1


def _means(pairs: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    first, second = (torch.stack(parts).mean(dim=0) for parts in zip(*pairs, strict=True))
    return first, second


def fit_norms(model: nn.Module, groups: Iterable[Iterable[Any]], show: Callable[[Any], Any]) -> None:
    """Settle every ``FittedNorm`` of the model that is not ``fitted`` yet, from batches that ``show`` puts through it.

    groups: of batches; each group (a data set, say) counts the same, however many windows it has. Norms are settled in one
    pass, so one behind another sees what the first gave before it was settled. Without any such norm no batch is read.
    """
    heard = {norm: _Moments() for norm in model.modules() if isinstance(norm, FittedNorm) and not norm.fitted}
    if not heard:
        return
    hooks = [norm.register_forward_pre_hook(moments.hear) for norm, moments in heard.items()]
    was_training = model.training
    model.eval()
    with torch.no_grad():
        for batches in groups:
            for batch in batches:
                show(batch)
            for moments in heard.values():
                moments.close_group()
    for hook in hooks:
        hook.remove()
    model.train(was_training)
    for norm, moments in heard.items():
        moments.settle(norm)

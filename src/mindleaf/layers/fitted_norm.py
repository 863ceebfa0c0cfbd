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
    that comes from a trained model keeps what it has. One that nobody settled takes the moments of the first batch it meets in
    training, of more than one value (in somebody else's loop). Same parameters and names in a file as batch normalisation.
    """

    @property
    def fitted(self) -> bool:
        return bool(self.num_batches_tracked)

    def forward(self, input: Float[Tensor, "batch feature ..."]) -> Float[Tensor, "batch feature ..."]:
        if self.training and not self.fitted and input.numel() > input.shape[1]:
            moments = _Moments()
            moments.hear(self, (input,))
            moments.close_group()
            moments.settle(self)
        return F.batch_norm(input, self.running_mean, self.running_var, self.weight, self.bias, False, 0.0, self.eps)


class _Moments:
    """Mean and mean square of what a norm is given: every value counts the same within a group, every group the same."""

    def __init__(self) -> None:
        self.groups: list[Tensor] = []
        self.sums: list[Tensor] = []
        self.counts: list[int] = []

    def hear(self, norm: nn.Module, inputs: tuple[Any, ...]) -> None:
        """A batch that is not finite is no evidence: it would stay in the statistics for ever."""
        values = inputs[0].detach().double()
        if values.numel() and bool(torch.isfinite(values).all()):
            over = [axis for axis in range(values.ndim) if axis != 1]
            self.sums.append(torch.stack([values.sum(over), values.square().sum(over)]))
            self.counts.append(values.numel() // values.shape[1])

    def close_group(self) -> None:
        if self.sums:
            self.groups.append(torch.stack(self.sums).sum(dim=0) / sum(self.counts))
        self.sums, self.counts = [], []

    def settle(self, norm: FittedNorm) -> None:
        if not self.groups or norm.running_mean is None or norm.running_var is None or norm.num_batches_tracked is None:
            return
        mean, square = torch.stack(self.groups).mean(dim=0)
        norm.running_mean.copy_(mean)
        norm.running_var.copy_((square - mean.square()).clamp_min(0.0))
        norm.num_batches_tracked += 1


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
    try:
        with torch.no_grad():
            for batches in groups:
                for batch in batches:
                    show(batch)
                for moments in heard.values():
                    moments.close_group()
    finally:
        for hook in hooks:
            hook.remove()
        model.train(was_training)
    for norm, moments in heard.items():
        moments.settle(norm)

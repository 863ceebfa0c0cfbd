"""Ways of fine-tuning: which parts of a model learn, which stand still, and low-rank updates of a transformer."""

from __future__ import annotations

from typing import Any, Literal, cast

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils import parametrize

from mindleaf.config import Config
from mindleaf.encoders.choice import EEGEncoder
from mindleaf.encoders.stem import BandPowerStem, TemporalStem
from mindleaf.errors import BadInput
from mindleaf.layers.quantizer import Quantizer

Adapt = Literal["full", "probe", "frozen", "lora"]


class LoraConfig(Config):
    """rank: columns of the update of each weight; alpha: its strength, the update is alpha / rank times the product."""

    rank: int = Field(default=8, ge=1)
    alpha: float = 16.0


#: Rank and strength where nothing else is asked for.
PLAIN_LORA = LoraConfig()


class LowRank(nn.Module):
    """A weight plus a product of two thin matrices, zero at the start (Hu et al. 2022, LoRA)."""

    def __init__(self, n_out: int, n_in: int, rank: int, alpha: float) -> None:
        super().__init__()
        self.narrow = nn.Parameter(torch.randn(rank, n_in) / n_in**0.5)
        self.widen = nn.Parameter(torch.zeros(n_out, rank))
        self.strength = alpha / rank

    def forward(self, weight: Float[Tensor, "out in"]) -> Float[Tensor, "out in"]:
        return weight + self.strength * self.widen @ self.narrow


def adapt(model: nn.Module, how: Adapt, lora: LoraConfig = PLAIN_LORA) -> int:
    """Settle what of ``model`` learns, in place; returns the number of parameters that do.

    full     everything
    frozen   everything but the encoder, which keeps its weights and, in training too, its behaviour in evaluation (no
             dropout, no movement of the codebook)
    probe    the readout alone (a classifier's final layer; in alignment the linear maps that read the encoder, the last
             maps of the fusion and the logit scale: the model's ``readout``); encoder and stem stand still as with frozen
    lora     everything but the encoder, and low-rank updates of the linear maps in the encoder's stack of blocks
             (attention and feed-forward); its codebook stands still. ``merge`` makes plain weights of them.

    Parts that do not learn by design stay so. Raises BadInput for a model without an encoder, and for lora where the
    encoder has no transformer.
    """
    if how != "full":
        if not eeg_encoders(model):
            raise BadInput(f"adapt={how} is about the EEG encoder, got a model without one; choose adapt=full.")
        _HOLDS[how](model, lora)
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def merge(model: nn.Module) -> None:
    """Add the low-rank updates to the weights they belong to, in place; what is left is the plain model."""
    for module in list(model.modules()):
        for name in list(getattr(module, "parametrizations", {})):
            if isinstance(module.parametrizations[name][-1], LowRank):  # type: ignore[index,union-attr]
                parametrize.remove_parametrizations(module, name, leave_parametrized=True)


def eeg_encoders(model: nn.Module) -> list[EEGEncoder]:
    """The EEG encoders in a model, wherever they sit."""
    return [module for module in model.modules() if isinstance(module, EEGEncoder)]


def _freeze(model: nn.Module, lora: LoraConfig) -> None:
    for encoder in eeg_encoders(model):
        _hold(encoder)


def _probe(model: nn.Module, lora: LoraConfig) -> None:
    readout = cast(Any, model).readout
    learning = {id(p) for module in readout for p in module.parameters() if p.requires_grad}
    for module in model.modules():
        if isinstance(module, EEGEncoder | TemporalStem | BandPowerStem):
            _hold(module)
    for parameter in model.parameters():
        parameter.requires_grad_(id(parameter) in learning)


def _low_ranks(model: nn.Module, lora: LoraConfig) -> None:
    weights = []
    for encoder in eeg_encoders(model):
        encoder.requires_grad_(False)
        weights += _block_weights(encoder)
        for module in encoder.modules():
            if isinstance(module, Quantizer | _BatchNorm):
                _hold(module)
    if not weights:
        raise BadInput(
            "adapt=lora wants an encoder with a transformer, got one with no transformer blocks; choose another adapt."
        )
    for module, name in weights:
        n_out, n_in = getattr(module, name).shape
        parametrize.register_parametrization(module, name, LowRank(n_out, n_in, lora.rank, lora.alpha))


def _block_weights(encoder: nn.Module) -> list[tuple[nn.Module, str]]:
    """The matrices of attention and feed-forward, once each: those of the linear maps in the encoder's lists of blocks."""
    found: dict[int, tuple[nn.Module, str]] = {}
    for stack in encoder.modules():
        for module in stack.modules() if isinstance(stack, nn.ModuleList) else ():
            if isinstance(module, nn.Linear):
                found[id(module)] = (module, "weight")
            elif isinstance(module, nn.MultiheadAttention):
                found[id(module)] = (module, "in_proj_weight")
    return list(found.values())


def _hold(part: nn.Module) -> None:
    """No gradient, and evaluation behaviour whenever it is called, whatever mode the model around it is in."""
    part.requires_grad_(False)
    # On every module in it: a tower is also entered by other doors than ``forward``.
    for module in part.modules():
        module.register_forward_pre_hook(_still)


def _still(part: nn.Module, _: Any) -> None:
    part.eval()


_HOLDS = {"frozen": _freeze, "probe": _probe, "lora": _low_ranks}

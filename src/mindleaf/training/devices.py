"""Which devices train together: one here, or those of the processes that a launcher has started (``stages.devices``, torchrun)."""

from __future__ import annotations

import os
from typing import Any, Literal

import torch
import torch.distributed as dist
from lightning.fabric import Fabric
from lightning.fabric.plugins.environments import TorchElasticEnvironment
from lightning.fabric.strategies import DDPStrategy
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from mindleaf.errors import BadInput
from mindleaf.layers.fitted_norm import FittedNorm

Strategy = Literal["auto", "ddp", "fsdp"]


def n_processes() -> int:
    """How many processes a launcher says there are; 1 where none has started this one."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def on_gpu(device: str) -> bool:
    return device not in ("cpu", "mps") and torch.cuda.is_available()


def check_devices(device: str, devices: int, strategy: Strategy) -> None:
    """Raises BadInput for what cannot be: sharded models, more GPUs than there are, another number than the launcher's."""
    started = n_processes()
    if strategy == "fsdp":
        # Every model here fits on one GPU; sharded weights would also have to be put together for validation and checkpoints.
        why = "is not carried out on GPUs yet" if on_gpu(device) else "wanted GPUs to shard the model over, got the CPU"
        raise BadInput(f"training.strategy=fsdp {why}; set training.strategy=ddp, and training.accumulate where memory is short.")
    if started > 1 and devices not in (1, started):
        raise BadInput(f"training.devices={devices}, but the launcher started {started} processes; leave training.devices out.")
    if started == 1 and devices > 1 and on_gpu(device) and devices > torch.cuda.device_count():
        raise BadInput(f"training.devices={devices}, but this machine has {torch.cuda.device_count()} GPUs; set at most as many.")


def fabric_of(device: str, devices: int, strategy: Strategy, precision: Any) -> Fabric:
    """One device, or ours among those of the process group that is there. Raises BadInput where devices want one that is not."""
    check_devices(device, devices, strategy)
    world = dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1
    if world == 1:
        if devices > 1 or n_processes() > 1:
            raise BadInput(
                f"this verb trains on one device, got training.devices={devices} and {n_processes()} processes; several devices are "
                "for 'mindleaf pretrain' and 'mindleaf align'."
            )
        return Fabric(accelerator=device, devices=1, precision=precision)
    local = int(os.environ.get("LOCAL_WORLD_SIZE", str(world)))
    # Codebooks, and parts that one data set's windows do not use, have parameters without a gradient.
    fabric = Fabric(
        accelerator=device if on_gpu(device) else "cpu", devices=local, num_nodes=world // local, precision=precision,
        strategy=DDPStrategy(find_unused_parameters=True), plugins=[TorchElasticEnvironment()],
    )  # fmt: skip
    fabric.launch()
    return fabric


def devices_in_words(fabric: Fabric) -> str:
    """What a training runs on: "cpu", the name of the GPU, or "4 x" either."""
    own = fabric.device
    name = torch.cuda.get_device_name(own) if own.type == "cuda" else own.type
    return name if fabric.world_size == 1 else f"{fabric.world_size} x {name}"


def refuse_batch_statistics(model: nn.Module, wish: str) -> None:
    """BadInput where a part of the model looks at the batch as a whole, which several devices or pieces would tear apart."""
    found = [name for name, part in model.named_modules() if isinstance(part, _BatchNorm) and not isinstance(part, FittedNorm)]
    if found:
        raise BadInput(
            f"{wish} wanted a model without statistics of the batch, got batch normalisation in {found[0]}; set it to 1, or choose "
            "a norm that stands still (encoder.norm=fitted in LEAF)."
        )

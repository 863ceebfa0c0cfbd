"""A training verb on several devices: a process for each, all of which do the same stage; the first one's folder is the RUN."""

from __future__ import annotations

import os
import pkgutil
import shutil
import socket
import tempfile
from collections.abc import Callable
from functools import wraps
from inspect import signature
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch.multiprocessing.spawn import ProcessException, start_processes

from mindleaf.config import Config
from mindleaf.errors import BadInput
from mindleaf.training.devices import check_devices, n_processes, on_gpu
from mindleaf.training.loop import TrainingConfig

Stage = Callable[..., Path]
_REFUSED = 2


def on_all_devices(stage: Stage) -> Stage:
    """For a stage called as stage(config, stores, out, ..., quiet=...): carry it out in ``training.devices`` processes.

    They are started here, or were started by a launcher that says so in the environment (torchrun). Each of them reads the stores
    and goes through the whole stage; all but the first write into a folder that is thrown away, and say nothing. In a
    script of one's own the call must stand below ``if __name__ == "__main__":``. Raises BadInput as the stage does.
    """

    @wraps(stage)
    def begun(config: Config, stores: list[Path], out: Path, *rest: Any, **named: Any) -> Path:
        training = training_of(config)
        check_devices(training.device, training.devices, training.strategy)
        if n_processes() > 1:
            _as_one_of_them(stage, training, config, stores, out, rest, named)
        elif training.devices > 1:
            _start(stage, training.devices, (config, stores, out, rest, named))
        else:
            stage(config, stores, out, *rest, **named)
        return out

    return begun


def training_of(config: Any) -> TrainingConfig:
    """The settings of the training somewhere in those of a stage."""
    found = [getattr(config, name) for name in type(config).model_fields]
    own = [value for value in found if isinstance(value, TrainingConfig)]
    return own[0] if own else next(training_of(value) for value in found if isinstance(value, Config) and _trains(value))


def _trains(config: Config) -> bool:
    values = [getattr(config, name) for name in type(config).model_fields]
    return any(isinstance(value, TrainingConfig) or (isinstance(value, Config) and _trains(value)) for value in values)


def _start(stage: Stage, devices: int, arguments: tuple[Any, ...]) -> None:
    name = f"{stage.__module__}:{stage.__name__}"
    # Torch warns each process of parameters that might have been unused and were not.
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    with tempfile.TemporaryDirectory() as notes:
        try:
            start_processes(
                _child, (name, devices, _free_port(), max(1, torch.get_num_threads() // devices), notes, arguments), devices,
                start_method="spawn",
            )  # fmt: skip
        except ProcessException:
            # The others fail as well, for want of a partner: what counts is what was said.
            told = sorted(Path(notes).iterdir())
            if not told:
                raise
            raise BadInput(told[0].read_text()) from None


def _child(rank: int, name: str, devices: int, port: int, threads: int, notes: str, arguments: tuple[Any, ...]) -> None:
    place = {"RANK": rank, "LOCAL_RANK": rank, "GROUP_RANK": 0, "WORLD_SIZE": devices, "LOCAL_WORLD_SIZE": devices}
    os.environ.update({key: str(value) for key, value in place.items()}, MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    torch.set_num_threads(threads)
    config, stores, out, rest, named = arguments
    try:
        pkgutil.resolve_name(name)(config, stores, out, *rest, **named)
    except BadInput as error:
        (Path(notes) / str(rank)).write_text(str(error))
        raise SystemExit(_REFUSED) from None


def _as_one_of_them(
    stage: Stage, training: TrainingConfig, config: Config, stores: list[Path], out: Path, rest: Any, named: Any
) -> None:
    gpu = on_gpu(training.device)
    if gpu:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("nccl" if gpu else "gloo")
    try:
        with tempfile.TemporaryDirectory() as scratch:
            mine = out
            if dist.get_rank():
                mine = Path(scratch) / "run"
                if out.exists():  # what a resumed run asks its folder for
                    shutil.copytree(out, mine, ignore=shutil.ignore_patterns("checkpoints", "tensorboard"))
            dist.barrier()
            call = signature(stage).bind(config, stores, mine, *rest, **named)
            call.arguments["quiet"] = call.arguments.get("quiet", False) or bool(dist.get_rank())
            stage(*call.args, **call.kwargs)
            dist.barrier()
    finally:
        dist.destroy_process_group()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])

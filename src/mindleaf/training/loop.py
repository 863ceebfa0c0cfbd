"""One loop for every stage, on Lightning Fabric. It knows no EEG: it asks for batches by window id."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from lightning.fabric import Fabric
from numpy.typing import NDArray
from pydantic import Field
from torch import nn

from mindleaf.config import Config
from mindleaf.errors import BadInput
from mindleaf.layers.fitted_norm import fit_norms
from mindleaf.layers.ranks import Share
from mindleaf.layers.transformer import Block, Transformer
from mindleaf.training import checkpoints
from mindleaf.training.curriculum import Curriculum, Lesson, Source
from mindleaf.training.devices import Strategy, devices_in_words, fabric_of, refuse_batch_statistics
from mindleaf.training.log import Log
from mindleaf.training.optimiser import OptimiserConfig
from mindleaf.training.passes import Asked, Passes

_BAD_STEPS_IN_A_ROW = 10
_BATCHES_FOR_NORMS = 8


class TrainingConfig(Config):
    """steps: optimiser steps in all · validate_every, checkpoint_every: in steps · patience: validations without gain (0: none)
    · limit_s: seconds after which it ends, whatever has been learned (0: none); what comes out then depends on the machine
    · mixed: each step sees windows of every group (of every data set, say), as many of each; else of one group

    How it is computed, which changes no result beyond rounding: devices (processes that share each batch) and their strategy · accumulate:
    pieces in which a device works on its windows of a batch, for batches beyond its memory · checkpoint_activations: transformers
    compute again in the backward pass what they would have to keep · compile: their blocks (minutes at the start; pays on GPUs).
    """

    steps: int = 300
    batch_size: int = 32
    mixed: bool = False
    optimiser: OptimiserConfig = OptimiserConfig()
    validate_every: int = 50
    checkpoint_every: int = 100
    patience: int = 0
    limit_s: float = Field(default=0.0, ge=0)
    seed: int = 0
    device: str = "auto"
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    devices: int = Field(default=1, ge=1)
    strategy: Strategy = "auto"
    accumulate: int = Field(default=1, ge=1)
    checkpoint_activations: bool = False
    compile: bool = False


@dataclass
class Best:
    """The state with the lowest validation loss so far."""

    loss: float = math.inf
    step: int = -1
    state: dict[str, torch.Tensor] | None = None


def train(
    model: nn.Module,
    objective: Callable[..., Any],
    source: Source | Curriculum,
    config: TrainingConfig,
    run: Path | None = None,
    validate: Callable[[nn.Module], dict[str, float]] | None = None,
    resume: bool = False,
    on_step: Callable[[int, dict[str, float]], None] | None = None,
    validate_start: bool = False,
) -> list[dict[str, Any]]:
    """Train in place and leave the best validated state (the last one without ``validate``) in ``model``.

    objective(model, batch, seed) -> Losses with ``total`` and named parts. ``validate`` returns a dict; without a "loss" in
    it the figures are only logged and the last state is kept;
    Early lessons of a curriculum are no reason to stop: patience counts in the last one only. ``validate_start`` lets the state before the first step count too (fine-tuning must not make a good start worse); its
    figures stand in the first line, as start_validation_*.
    With ``run`` the loop logs to log.jsonl and TensorBoard and writes checkpoints; ``resume`` continues from the newest
    one (with several processes, the first one's). Draws of a step come from (seed, step): a resumed run repeats an uninterrupted
    one bit for bit. Each line tells the windows of its step by a digest of their numbers (``windows``), its seconds and its device.
    Under a time limit the learning rate falls with the time as well, and the last line of a call that it ended says ``cut_short``.
    Norms that stand still (``FittedNorm``) and come without statistics get them from a few batches of the first lesson.
    Returns the log lines of this call. Raises BadInput after ten steps in a row without a finite loss.
    """
    curriculum = (
        source if isinstance(source, Curriculum) else Curriculum([Lesson(source, config.batch_size, config.steps, config.mixed)])
    )
    if not all(len(lesson.source.groups) for lesson in curriculum.lessons):
        raise BadInput("training wanted windows, got none; check --store, --exclude and --split.")
    fabric = fabric_of(config.device, config.devices, config.strategy, config.precision)
    loop = _Loop(fabric, model, objective, curriculum, config, run)
    first = loop.resume() if resume and run else 0
    loop.fit_norms()
    log = Log(run, first) if run else None
    lines: list[dict[str, Any]] = []
    start = loop.validate(-1, validate) if validate and validate_start and first == 0 else {}
    for step in range(first, config.steps):
        line = loop.step(step)
        late = bool(config.limit_s) and line.pop("elapsed") >= config.limit_s and step < config.steps - 1
        last = late or step == config.steps - 1
        if late:
            line["cut_short"] = True
        if validate and ((step + 1) % config.validate_every == 0 or last):
            line |= {f"validation_{k}": v for k, v in loop.validate(step, validate).items()}
        if step == first:
            line |= {f"start_validation_{k}": v for k, v in start.items()}
        lines.append({"step": step, **line})
        if log:
            log.write(step, line)
        if on_step:
            on_step(step, line)
        stopped = late or (config.patience and loop.stale >= config.patience)
        if run and ((step + 1) % config.checkpoint_every == 0 or last or stopped):
            loop.save(step + 1, log)
        if stopped:
            break
    if log:
        log.close()
    loop.finish()
    return lines


class _Loop:
    """The state of one training: model, optimiser, best state so far."""

    def __init__(
        self,
        fabric: Fabric,
        model: nn.Module,
        objective: Callable[..., Any],
        curriculum: Curriculum,
        config: TrainingConfig,
        run: Path | None,
    ) -> None:
        self.plain = model
        for wish, value in (("training.devices", fabric.world_size), ("training.accumulate", config.accumulate)):
            if value > 1:
                refuse_batch_statistics(model, f"{wish}={value}")
        _blocks(model, config)
        self.optimiser = config.optimiser.build(model)
        self.asked, self.optimiser = fabric.setup(Asked(model, objective), self.optimiser)
        self.passes = Passes(fabric, self.asked, objective, config.accumulate)
        self.fabric, self.curriculum, self.config, self.run = fabric, curriculum, config, run
        self.device = devices_in_words(fabric)
        self.best, self.stale, self.bad = Best(), 0, 0
        self.began = time.monotonic()

    def elapsed(self) -> float:
        """Seconds since the start, by the clock of the first process."""
        seconds = time.monotonic() - self.began
        return float(self.fabric.broadcast(seconds)) if self.fabric.world_size > 1 else seconds

    def step(self, step: int) -> dict[str, Any]:
        began = time.perf_counter()
        config = self.config
        lesson, within = self.curriculum.at(step)
        groups = lesson.pieces(config.seed, within)
        # Under a limit the schedule follows whatever ends first, the steps or the time.
        share = self.elapsed() / config.limit_s if config.limit_s else 0.0
        lr = config.optimiser.lr_at(max(step, min(config.steps - 1, int(share * config.steps))), config.steps)
        for group in self.optimiser.param_groups:
            group["lr"] = lr
        self.plain.train()
        self.optimiser.zero_grad(set_to_none=True)
        told = [self._learn(lesson.source, ids, step, number, len(groups)) for number, ids in enumerate(groups)]
        line: dict[str, Any] = {"epoch": lesson.epoch(within), "windows": digest(np.concatenate(groups)), "lr": lr}
        line |= {name: sum(part[name] for part, _ in told) / len(told) for name in told[0][0]}
        if all(finite for _, finite in told):
            norm = self.fabric.clip_gradients(
                self.asked, self.optimiser, max_norm=config.optimiser.clip_norm, error_if_nonfinite=False
            )
            line["gradient_norm"] = float(norm) if norm is not None else math.nan
        if math.isfinite(line.get("gradient_norm", math.nan)):
            self.optimiser.step()
            self.bad = 0
        else:
            bad = [ids for ids, (_, finite) in zip(groups, told, strict=True) if not finite]
            self._skip(line, np.concatenate(bad or groups))
        if config.limit_s:
            line["elapsed"] = self.elapsed()
        line |= {"seconds": round(time.perf_counter() - began, 4), "device": self.device}
        return line

    def _learn(
        self, source: Source, ids: NDArray[np.int64], step: int, number: int, n_groups: int
    ) -> tuple[dict[str, float], bool]:
        """Add the gradient of our windows of a batch; what is said of the batch, and whether its loss is finite."""
        share = Share.of(len(ids), self.fabric.global_rank, self.fabric.world_size)
        batch = source.read(ids[share.start : share.stop]).to(self.fabric.device)
        seed, last = _mix(self.config.seed, step), number == n_groups - 1
        # The draws of a group do not depend on how the groups before it were worked on.
        draws = _mix(self.config.seed, step, number) if number else seed
        return self.passes.learn(batch, share, seed, draws, 1 / n_groups, last)

    def fit_norms(self) -> None:
        """Norms without statistics get them from the first lesson, a few batches of each group of windows."""
        lesson, seed = self.curriculum.at(0)[0], self.config.seed
        groups = (map(lesson.source.read, batches) for batches in lesson.first_batches(seed, _BATCHES_FOR_NORMS))
        torch.manual_seed(seed)
        fit_norms(self.plain, groups, lambda batch: self.asked(batch.to(self.fabric.device), seed))

    def _skip(self, line: dict[str, Any], ids: NDArray[np.integer]) -> None:
        self.bad += 1
        line["skipped_windows"] = [int(i) for i in ids]
        if self.bad >= _BAD_STEPS_IN_A_ROW:
            raise BadInput(
                f"training: {self.bad} batches in a row gave no finite loss (last windows: {ids[:5].tolist()} ...); "
                "check these recordings for NaN or lower --set training.optimiser.lr."
            )

    def validate(self, step: int, validate: Callable[[nn.Module], dict[str, float]]) -> dict[str, float]:
        self.plain.eval()
        with torch.no_grad():
            values = validate(self.plain)
        if self.fabric.world_size > 1:  # each has found the same but for rounding, and all must decide alike
            values = self.fabric.broadcast(values)
        if values.get("loss", math.inf) < self.best.loss:
            state = {k: v.detach().cpu().clone() for k, v in self.plain.state_dict().items()}
            self.best, self.stale = Best(values["loss"], step, state), 0
        elif "loss" in values and self.curriculum.is_last(step):
            self.stale += 1
        return values

    def save(self, step: int, log: Log | None) -> None:
        assert self.run is not None and log is not None
        if self.fabric.global_rank:
            return
        log.sync()
        state = {
            "step": step, "model": self.plain.state_dict(), "optimiser": self.optimiser.state_dict(), "stale": self.stale, "bad": self.bad,
            "best": {"loss": self.best.loss, "step": self.best.step, "state": self.best.state}, "fingerprint": self.config.fingerprint(),
        }  # fmt: skip
        checkpoints.save(self.run / "checkpoints", step, state)

    def resume(self) -> int:
        assert self.run is not None
        state = None if self.fabric.global_rank else checkpoints.newest(self.run / "checkpoints")
        if self.fabric.world_size > 1:
            state = self.fabric.broadcast(state)
        if state is None:
            return 0
        if state["fingerprint"] != self.config.fingerprint():
            raise BadInput(
                f"{self.run}: its checkpoint was trained with other settings; resume with the same settings or choose another --out."
            )
        self.plain.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.best, self.stale, self.bad = Best(**state["best"]), state["stale"], state.get("bad", 0)
        return int(state["step"])

    def finish(self) -> None:
        if self.best.state is not None:
            self.plain.load_state_dict(self.best.state)
        _blocks(self.plain, None)
        self.plain.to("cpu").eval()


def _blocks(model: nn.Module, config: TrainingConfig | None) -> None:
    """How the transformers of a model compute while they train; as usual without a config."""
    for part in model.modules():
        if isinstance(part, Transformer):
            part.recomputes = config is not None and config.checkpoint_activations
        if isinstance(part, Block):
            if config is not None and config.compile:
                part.compile()
            else:
                part._compiled_call_impl = None


def digest(ids: NDArray[np.integer]) -> str:
    """Sixteen hex digits that tell the windows of a step, and their order."""
    return hashlib.sha256(np.asarray(ids, "<i8").tobytes()).hexdigest()[:16]


def _mix(*numbers: int) -> int:
    """One 63-bit seed from several numbers."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1)

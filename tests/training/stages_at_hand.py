"""The four training stages at their smallest, on generated stores, for children that are killed or that share the work."""

from __future__ import annotations

import os
import signal
import sys
import warnings
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from mindleaf.encoders.leaf import LeafConfig
from mindleaf.encoders.mindmix import MindMixConfig
from mindleaf.encoders.stem import StemConfig
from mindleaf.models.alignment import AlignedConfig
from mindleaf.models.language import LanguageConfig
from mindleaf.models.pretraining import PretrainingConfig
from mindleaf.models.spectral_temporal import SpectralTemporalConfig
from mindleaf.stages.align import AlignStage, align
from mindleaf.stages.instruct import InstructStage, instruct
from mindleaf.stages.pretrain import PretrainStage, SpectralTemporalStage, pretrain
from mindleaf.store.writer import write_store
from mindleaf.systems.leaf_form import LeafSettings
from mindleaf.systems.mindmix_form import ListenerConfig
from mindleaf.training.loop import TrainingConfig
from tests.conftest import make_recording

#: Everything that is random in training is on: dropout, whole branches left out, sounds of unknown type.
CODES = MindMixConfig(width=16, depth=2, heads=2, hidden=32, n_codes=12, code_width=8, drop_path=0.2)
TOWER = LeafConfig(width=16, depth=1, heads=2, hidden=16, filters=4, dropout=0.1, token_dropout=0.2)
ALIGNED = AlignedConfig(
    encoder=CODES.model_copy(update={"vq_input": "bypass"}), stem=StemConfig(depth=2, hidden=8), dims=8, heads=2, hidden=8, rank=4
)
TRAINING = TrainingConfig(steps=12, batch_size=10, checkpoint_every=3, validate_every=4, device="cpu", seed=3)


@lru_cache(maxsize=1)
def stages() -> dict[str, tuple[Any, Any]]:
    """Stage function and settings by name."""
    language = LanguageConfig(encoder=TOWER, width=16, heads=2, depth=1, queries=2, power_filters=4, power_sources=4)
    listener = ListenerConfig(model=ALIGNED, audio="envelope", warm_start=False, training=TRAINING)
    return {
        "pretrain-mindmix": (
            pretrain,
            PretrainStage(model=PretrainingConfig(encoder=CODES, spectral_depth=1), training=TRAINING, held_out_share=0.3),
        ),
        "pretrain-leaf": (
            pretrain,
            SpectralTemporalStage(
                model=SpectralTemporalConfig(encoder=TOWER), training=TRAINING, window_s=2.0, held_out_share=0.3
            ),
        ),
        "align-mindmix": (align, AlignStage(listener=listener)),
        "align-leaf": (instruct, InstructStage(reader=LeafSettings(model=language, training=TRAINING), window_s=2.0)),
    }


def make_store(folder: Path) -> Path:
    """Four subjects, and no multiple of the batch in windows."""
    return write_store([make_recording(k, n_trials=3 + k % 2) for k in range(4)], folder, "toy", {"interval": None}).path


def make_store_at(folder: str) -> None:
    make_store(Path(folder))


def run(name: str, store: str, out: str, settings: tuple[str, ...] | list[str] = (), kill_at: int = -1) -> None:
    """Carry out a stage, resuming where there is something; SIGKILL before the line of step ``kill_at`` is logged."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    stage, config = stages()[name]
    log, seen = str(Path(out) / "log.jsonl"), 0

    def auditor(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        if event == "open" and str(arguments[0]) == log and arguments[1] == "a":
            if seen == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
            seen += 1

    sys.addaudithook(auditor)
    where = {"pretrain-mindmix": "", "pretrain-leaf": "", "align-mindmix": "listener.", "align-leaf": "reader."}[name]
    config = config.with_settings([f"{where}{setting}" for setting in settings])
    stage(config, [Path(store)], Path(out), resume=(Path(out) / "stage.json").exists(), quiet=True)

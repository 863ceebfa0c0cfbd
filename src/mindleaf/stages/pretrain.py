"""pretrain: windows of one or several stores -> an EEG encoder (MindMix, stage 1)."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from mindleaf.config import Config
from mindleaf.errors import BadInput
from mindleaf.models.facts import ModelFacts
from mindleaf.models.folder import save_model
from mindleaf.models.pretraining import PretrainingConfig
from mindleaf.objectives.codebook import CodebookObjective
from mindleaf.preprocessing.pipeline import MINDMIX
from mindleaf.stages.progress import bar
from mindleaf.stages.run_folder import begin_run, card, inputs_of, write_exposure
from mindleaf.stages.selecting import excluded, one_fold, part_of
from mindleaf.store.batches import BatchReader
from mindleaf.store.examples import Examples
from mindleaf.store.exposure import Exposure, exposure
from mindleaf.store.store import Store
from mindleaf.training.log import read_log
from mindleaf.training.loop import TrainingConfig, train

#: Columns that are known of a whole recording.
_OF_RECORDINGS = ("dataset", "subject", "session", "run", "recording")


class PretrainStage(Config):
    """window_s: seconds a window."""

    model: PretrainingConfig = PretrainingConfig.preset("tiny")
    objective: CodebookObjective = CodebookObjective()
    training: TrainingConfig = TrainingConfig()
    window_s: float = 2.0


def pretrain(
    config: PretrainStage, stores: list[Path], out: Path, exclude: tuple[str, ...] = (), split: Path | None = None,
    resume: bool = False, quiet: bool = False,
) -> Path:  # fmt: skip
    """Self-supervised training on whole recordings, or on the training part of ``split``; returns the RUN folder."""
    examples = [_windows(Store(path), config.window_s, exclude, split) for path in stores]
    begin_run(out, config, resume, inputs_of([part.store for part in examples], exclude=exclude, split=split))
    reader = BatchReader(examples, MINDMIX)
    facts = ModelFacts(sfreq=MINDMIX.sfreq)
    torch.manual_seed(config.training.seed)
    model: nn.Module = config.model.build(facts)
    with bar("pretrain", config.training.steps, quiet) as advance:

        def on_step(step: int, line: dict) -> None:
            advance(f"loss {line['total']:.3f}  codes {line.get('usage', 0):.0%}")

        train(model, config.objective, reader, config.training, out, resume=resume, on_step=on_step)
    lines = read_log(out)  # of all calls, so that resuming a finished run writes the same card
    seen = Exposure()
    for part in examples:
        seen |= exposure(part.store, part.rows)
    write_exposure(out, seen)
    figures: dict[str, object] = {
        name: round(lines[-1][name], 4)
        for name in ("total", "masked_accuracy", "masked_chance", "usage")
        if lines and name in lines[-1]
    }
    save_model(out, model, config.model, facts, card("MindMix EEG encoder, stage 1", config, seen, figures))
    return out


def _windows(store: Store, window_s: float, exclude: tuple[str, ...], split: Path | None) -> Examples:
    if split is not None:
        rows = part_of(store.windows(window_s), one_fold(split), "train")
    else:
        # Stimuli, trials and labels are known inside trials only: whoever leaves some out trains on trials.
        whole = all(wish.partition("=")[0] in _OF_RECORDINGS for wish in exclude)
        rows = store.recording_windows(window_s) if whole else store.windows(window_s)
    rows = excluded(rows, exclude)
    if rows.empty:
        raise BadInput(f"{store.path}: no window is left to train on; check --exclude and --split.")
    return Examples(store, rows)

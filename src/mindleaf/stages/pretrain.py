"""pretrain: windows of one or several stores -> an EEG encoder (MindMix, stage 1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

import pandas as pd
import torch
from pydantic import Field, model_validator

from mindleaf.config import Config
from mindleaf.errors import BadInput
from mindleaf.models.facts import ModelFacts
from mindleaf.models.folder import save_model
from mindleaf.models.pretraining import PretrainingConfig, PretrainingModel
from mindleaf.objectives.codebook import CodebookObjective
from mindleaf.preprocessing.pipeline import MINDMIX
from mindleaf.stages.held_out import HeldOut, subjects_held_out, without
from mindleaf.stages.pretraining_page import Look, card_figures, write_page
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
#: Folder of the first of two phases, with its log and checkpoints.
TOKENIZER = "tokenizer"


class PretrainStage(Config):
    """window_s: seconds a window.

    schedule         "joint": all losses at once, as in the paper; "two_phase": first patches, codebook and spectral
                     branch, then the transformer names the codes of the frozen codebook
    tokenizer_share  share of ``training.steps`` that the first of two phases takes
    held_out_share   share of each store's subjects, rounded down, that is never trained on and measured instead; with
                     ``--split`` its validation part is measured
    """

    model: PretrainingConfig = PretrainingConfig.preset("tiny")
    objective: CodebookObjective = CodebookObjective()
    training: TrainingConfig = TrainingConfig()
    window_s: float = 2.0
    schedule: Literal["joint", "two_phase"] = "joint"
    tokenizer_share: float = Field(default=0.4, gt=0, lt=1)
    held_out_share: float = Field(default=0.1, ge=0, lt=1)

    @model_validator(mode="after")
    def _one_phase(self) -> Self:
        if self.model.phase != self.objective.phase:
            raise ValueError(
                f"model.phase and objective.phase must be the same, got {self.model.phase} and {self.objective.phase}; set both"
            )
        return self


@dataclass(frozen=True)
class Phase:
    """One training: its name, into which folder, for how many steps, with which branches of the objective."""

    title: str
    folder: Path
    training: TrainingConfig
    objective: CodebookObjective


def phases(config: PretrainStage, out: Path) -> list[Phase]:
    """The trainings that follow one another; the last one writes into ``out`` itself.

    Each has its own rise and fall of the learning rate.
    """
    if config.schedule == "joint":
        return [Phase("pretrain", out, config.training, config.objective)]
    steps = config.training.steps
    first = max(1, min(steps - 1, round(config.tokenizer_share * steps)))

    def phase(title: str, folder: Path, steps: int, branches: str) -> Phase:
        training = config.training.model_copy(update={"steps": steps})
        return Phase(title, folder, training, config.objective.model_copy(update={"branches": branches}))

    return [phase("tokenizer", out / TOKENIZER, first, "tokenizer"), phase("naming", out, steps - first, "masked")]


def pretrain(
    config: PretrainStage, stores: list[Path], out: Path, exclude: tuple[str, ...] = (), split: Path | None = None,
    resume: bool = False, quiet: bool = False,
) -> Path:  # fmt: skip
    """Self-supervised training on whole recordings, or on the training part of ``split``; returns the RUN folder.

    With subjects held out, ``report.html`` and ``figures/`` in the RUN show what the encoder makes of them.
    """
    examples, held_out = _parts(config, [Store(path) for path in stores], exclude, split)
    begin_run(out, config, resume, inputs_of([part.store for part in examples], exclude=exclude, split=split))
    reader = BatchReader(examples, MINDMIX)
    facts = ModelFacts(sfreq=MINDMIX.sfreq)
    torch.manual_seed(config.training.seed)
    model = config.model.build(facts)
    looks = []
    for phase in phases(config, out):
        if phase.objective.branches == "masked":
            model.freeze_tokenizer()
        held = HeldOut(held_out, phase.objective) if held_out else None
        _train(phase, model, reader, held, resume, quiet)
        # Read from the file, which has the lines of all calls: resuming a finished run writes the same card and page.
        looks.append(Look(phase.objective, read_log(phase.folder), held.measure_each(model) if held else {}))
    seen = Exposure()
    for part in examples:
        seen |= exposure(part.store, part.rows)
    write_exposure(out, seen)
    save_model(out, model, config.model, facts, card("MindMix EEG encoder, stage 1", config, seen, card_figures(looks)))
    if held_out:
        write_page(out, looks)
    return out


def _train(phase: Phase, model: PretrainingModel, reader: BatchReader, held: HeldOut | None, resume: bool, quiet: bool) -> None:
    with bar(phase.title, phase.training.steps, quiet) as advance:

        def on_step(step: int, line: dict) -> None:
            advance(f"loss {line['total']:.3f}  codes {line.get('usage', 0):.0%}")

        train(model, phase.objective, reader, phase.training, phase.folder, validate=held, resume=resume, on_step=on_step)


def _parts(
    config: PretrainStage, stores: Sequence[Store], exclude: tuple[str, ...], split: Path | None
) -> tuple[list[Examples], list[Examples]]:
    """What is trained on, and what is held out; raises BadInput where nothing is left to train on."""
    parts = []
    for store in stores:
        rows = _windows(store, config.window_s, exclude, split)
        if split is None:
            parts.append((Examples(store, rows), Examples(store, rows.iloc[:0])))
        else:
            fold = one_fold(split, store)
            parts.append((Examples(store, part_of(rows, fold, "train")), Examples(store, part_of(rows, fold, "validation"))))
        if not len(parts[-1][0]):
            raise BadInput(f"{store.path}: no window is left to train on; check --exclude and --split.")
    if split is None:
        subjects = subjects_held_out([kept for kept, _ in parts], config.held_out_share, config.training.seed)
        parts = [without(kept, subjects) for kept, _ in parts]
    return [kept for kept, _ in parts if len(kept)], [held for _, held in parts if len(held)]


def _windows(store: Store, window_s: float, exclude: tuple[str, ...], split: Path | None) -> pd.DataFrame:
    # Stimuli, trials and labels are known inside trials only: whoever leaves some out, or splits, trains on trials.
    whole = split is None and all(wish.partition("=")[0] in _OF_RECORDINGS for wish in exclude)
    return excluded(store.recording_windows(window_s) if whole else store.windows(window_s), exclude)

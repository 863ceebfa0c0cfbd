"""pretrain: windows of one or several stores -> an EEG encoder (MindMix and LEAF, stage 1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import pandas as pd
import torch
from pydantic import Field, model_validator

from mindleaf.config import Config
from mindleaf.encoders.leaf import TOKEN_SAMPLES
from mindleaf.errors import BadInput
from mindleaf.models.facts import ModelFacts
from mindleaf.models.folder import save_model, type_name_of
from mindleaf.models.pretraining import PretrainingConfig
from mindleaf.models.spectral_temporal import SpectralTemporalConfig
from mindleaf.objectives.codebook import CodebookObjective
from mindleaf.objectives.spectral_temporal import SpectralTemporalObjective
from mindleaf.stages.devices import on_all_devices
from mindleaf.stages.held_out import HeldOut, subjects_held_out, without
from mindleaf.stages.pretraining_codes import CODES
from mindleaf.stages.pretraining_page import EncoderKind, Look, card_figures, write_page
from mindleaf.stages.pretraining_waveforms import WAVEFORMS
from mindleaf.stages.progress import bar
from mindleaf.stages.run_folder import begin_run, card, inputs_of, write_exposure
from mindleaf.stages.selecting import excluded, one_fold, part_of
from mindleaf.store.batches import BatchReader
from mindleaf.store.examples import Examples
from mindleaf.store.exposure import Exposure, exposure
from mindleaf.store.store import Store
from mindleaf.training.log import read_log
from mindleaf.training.loop import TrainingConfig, train
from mindleaf.training.order import steps_per_epoch

#: Models of stage 1, by the name their folder says.
KINDS: dict[str, EncoderKind] = {"pretraining": CODES, "spectral_temporal": WAVEFORMS}
#: Columns that are known of a whole recording.
_OF_RECORDINGS = ("dataset", "subject", "session", "run", "recording")
#: Folder of the first of two phases, with its log and checkpoints.
TOKENIZER = "tokenizer"


@dataclass(frozen=True)
class Phase:
    """One training: its name, into which folder, for how many steps, with which branches of the objective.

    words              tell it from the other phases on the page
    frozen_tokenizer   the model's tokenizer learns no more
    """

    title: str
    folder: Path
    training: TrainingConfig
    objective: Any
    words: str = ""
    frozen_tokenizer: bool = False


class EncoderStage(Config):
    """What training an encoder without labels needs, whichever the encoder.

    window_s         seconds a window
    held_out_share   share of each store's subjects, rounded down, that is never trained on and measured instead; with
                     ``--split`` its validation part is measured
    """

    model: Config
    objective: Config
    training: TrainingConfig = TrainingConfig()
    window_s: float = Field(gt=0)
    held_out_share: float = Field(default=0.1, ge=0, lt=1)

    @property
    def kind(self) -> EncoderKind:
        return KINDS[type_name_of(self.model)]

    def phases(self, out: Path, epoch_steps: int) -> list[Phase]:
        """The trainings that follow one another; the last one writes into ``out`` itself.

        Each has its own rise and fall of the learning rate. ``epoch_steps``: steps in which every window is seen once.
        """
        return [Phase("pretrain", out, self.training, self.objective)]


class PretrainStage(EncoderStage):
    """Codes and spectra (MindMix).

    schedule         "joint": all losses at once, as in the paper; "two_phase": first patches, codebook and spectral
                     branch, then the transformer names the codes of the frozen codebook
    tokenizer_share  share of ``training.steps`` that the first of two phases takes
    """

    model: PretrainingConfig = PretrainingConfig.preset("tiny")
    objective: CodebookObjective = CodebookObjective()
    window_s: float = 2.0
    schedule: Literal["joint", "two_phase"] = "joint"
    tokenizer_share: float = Field(default=0.4, gt=0, lt=1)

    @model_validator(mode="after")
    def _one_phase(self) -> Self:
        if self.model.phase != self.objective.phase:
            raise ValueError(
                f"model.phase and objective.phase must be the same, got {self.model.phase} and {self.objective.phase}; set both"
            )
        return self

    def phases(self, out: Path, epoch_steps: int) -> list[Phase]:
        if self.schedule == "joint":
            return super().phases(out, epoch_steps)
        steps = self.training.steps
        first = max(1, min(steps - 1, round(self.tokenizer_share * steps)))
        trainings = [self.training.model_copy(update={"steps": n}) for n in (first, steps - first)]
        objectives = [self.objective.model_copy(update={"branches": branches}) for branches in ("tokenizer", "masked")]
        return [
            Phase("tokenizer", out / TOKENIZER, trainings[0], objectives[0], "tokenizer"),
            Phase("naming", out, trainings[1], objectives[1], "naming of hidden codes", frozen_tokenizer=True),
        ]


class SpectralTemporalStage(EncoderStage):
    """Spectral-temporal reconstruction (LEAF). ``epochs``: passes over the windows in place of ``training.steps``; 0: the steps count."""

    model: SpectralTemporalConfig = SpectralTemporalConfig.preset("tiny")
    objective: SpectralTemporalObjective = SpectralTemporalObjective()
    window_s: float = 4.0
    epochs: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        token_s = TOKEN_SAMPLES / self.objective.sfreq
        longest = self.model.encoder.max_tokens * token_s
        if not 2 * token_s <= self.window_s <= longest:
            raise ValueError(f"window_s must be {2 * token_s:g} to {longest:g} s, got {self.window_s:g}")
        return self

    def phases(self, out: Path, epoch_steps: int) -> list[Phase]:
        steps = self.epochs * epoch_steps or self.training.steps
        return [Phase("pretrain", out, self.training.model_copy(update={"steps": steps}), self.objective)]


@on_all_devices
def pretrain(
    config: EncoderStage, stores: list[Path], out: Path, exclude: tuple[str, ...] = (), split: Path | None = None,
    resume: bool = False, quiet: bool = False,
) -> Path:  # fmt: skip
    """Self-supervised training on whole recordings, or on the training part of ``split``; returns the RUN folder.

    With subjects held out, ``report.html`` and ``figures/`` in the RUN show what the encoder makes of them.
    """
    examples, held_out = _parts(config, [Store(path) for path in stores], exclude, split)
    begin_run(out, config, resume, inputs_of([part.store for part in examples], exclude=exclude, splits=[split] if split else ()))
    kind = config.kind
    reader = BatchReader(examples, kind.pipeline)
    facts = ModelFacts(sfreq=kind.pipeline.sfreq)
    torch.manual_seed(config.training.seed)
    model = config.model.build(facts)  # type: ignore[attr-defined]
    looks = []
    for phase in config.phases(out, steps_per_epoch(reader.groups, config.training.batch_size, config.training.mixed)):
        if phase.frozen_tokenizer:
            model.freeze_tokenizer()
        held = kind.held_out(held_out, phase.objective, reader, model) if held_out else None
        _train(phase, model, reader, held, kind, resume, quiet)
        # Read from the file, which has the lines of all calls: resuming a finished run writes the same card and page.
        looks.append(Look(phase.objective, read_log(phase.folder), held.measure_each(model) if held else {}, phase.words))
    seen = Exposure()
    for part in examples:
        seen |= exposure(part.store, part.rows)
    write_exposure(out, seen)
    told = card_figures(kind, looks) | kind.facts(examples)
    save_model(out, model, config.model, facts, card(kind.title, config, seen, told, kind.notes))
    if held_out:
        write_page(out, kind, looks)
    return out


def _train(
    phase: Phase, model: torch.nn.Module, reader: BatchReader, held: HeldOut | None, kind: EncoderKind, resume: bool, quiet: bool
) -> None:  # fmt: skip
    with bar(phase.title, phase.training.steps, quiet) as advance:

        def on_step(step: int, line: dict) -> None:
            told = [f"loss {line['total']:.3f}", *(f"{words} {line.get(name, 0):.0%}" for name, words in kind.progress.items())]
            advance("  ".join(told))

        train(model, phase.objective, reader, phase.training, phase.folder, validate=held, resume=resume, on_step=on_step)


def _parts(
    config: EncoderStage, stores: Sequence[Store], exclude: tuple[str, ...], split: Path | None
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

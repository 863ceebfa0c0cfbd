"""Which model MindMix is where a task has candidates: a preset, a model of one's own, or the one that an aligned RUN brings."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import field_validator

from mindleaf.encoders.mindmix import PRESETS
from mindleaf.errors import BadInput
from mindleaf.models.alignment import AlignedConfig
from mindleaf.systems.neural import StartFrom, without_weights
from mindleaf.training.loop import TrainingConfig
from mindleaf.training.optimiser import OptimiserConfig


class ListenerConfig(StartFrom):
    """MindMix for tasks with candidates.

    model       the aligned model; taken from ``start`` where that is an aligned RUN that hears the same audio encoder, with
                its weights (a form or a model of one's own that differs from it is then refused); of every other RUN the
                EEG encoder alone is taken, which a warning says where that RUN is aligned
    audio       "auto"; "mel", "mel_loudness" or "envelope"; "wav2vec2:FOLDER", "hubert:FOLDER" or "speech:FOLDER" (any type) for frozen frames of
                a speech model ("hub:NAME" as FOLDER fetches it). To train the speech model, as the paper does, leave it "auto" and set
                model.audio.kind=speech and model.audio.speech.folder
    form        "" keeps ``model``; else a preset: tiny, small, base, linear, towers (time-resolved), paper, paper_paired (pooled).
                It replaces ``model`` but for the speech model that it trains; a model changed otherwise is refused beside it
    warm_start  set the stem to the ridge backward TRF of the training windows before training (not where ``start`` brings a
                stem), at most ``warm_start_windows`` of them; none of it touches validation or test data. Training is kept
                where validation finds it better than this start
    unattended  weight of telling the attended stream from the window's other streams; left out where the attended
                talker never changes in the training data (the voice alone would give the answer)
    curriculum  lengths in seconds of the windows to begin with, longest first ("[10, 5]"), each for an equal share of the
                steps before ``train_window_s``: over a longer stretch a sound is easier to tell from others. Batches hold
                as many seconds as later ones, and validation asks the final question throughout
    """

    model: AlignedConfig = AlignedConfig.preset("tiny")
    form: Literal["", "tiny", "small", "base", "linear", "towers", "paper", "paper_paired"] = ""
    audio: str = "auto"
    warm_start: bool = True
    warm_start_windows: int = 4000
    unattended: float = 1.0
    train_window_s: float = 2.0
    curriculum: tuple[float, ...] = ()
    training: TrainingConfig = TrainingConfig(
        steps=300, batch_size=48, validate_every=30, patience=4, optimiser=OptimiserConfig(lr=3e-3)
    )

    @field_validator("curriculum")
    @classmethod
    def _lengths_are_lengths(cls, lengths: tuple[float, ...]) -> tuple[float, ...]:
        if any(length <= 0 for length in lengths):
            raise ValueError(f"curriculum wants window lengths above 0 seconds, got {list(lengths)}")
        return lengths


def named_form(config: ListenerConfig) -> AlignedConfig:
    """The model that ``form`` names, with the audio tower's speech model where ``model`` asks for one.

    Raises BadInput where more of ``model`` was changed: it would be lost. The presets are what recipes fill in.
    """
    asked = {"kind": config.model.audio.kind, "speech": config.model.audio.speech}

    def hearing(model: AlignedConfig) -> AlignedConfig:
        return model.model_copy(update={"audio": model.audio.model_copy(update=asked)})

    if config.model not in [hearing(model) for model in _recipe_models()]:
        raise BadInput(f"form={config.form} is a whole model, and model was changed besides; give one of the two.")
    if config.form in ("paper", "paper_paired"):
        return hearing(AlignedConfig.paper("tiny", "paper_paired" if config.form == "paper_paired" else "all_pairs"))
    return hearing(AlignedConfig.preset(config.form))


def is_own_choice(config: ListenerConfig) -> bool:
    """Whether a person chose the model, by ``form`` or by changing it, and not a recipe."""
    return bool(config.form) or config.model not in _recipe_models()


def refuse_other_model(asked: AlignedConfig, brought: AlignedConfig, run: Path) -> None:
    """BadInput where the model that was chosen is not the one that an aligned RUN brings: it would be lost.

    Where the weights came from does not count, the RUN brings them.
    """
    mine, theirs = (without_weights(model).model_dump() for model in (asked, brought))
    other = [name for name in mine if mine[name] != theirs[name]]
    if other:
        raise BadInput(
            f"{run} brings a whole model, and form or model asks for one with another {' and '.join(other)}; leave form and model "
            "out to go on from the RUN, or start from a pretrained RUN to train the model asked for."
        )


def _recipe_models() -> list[AlignedConfig]:
    return [AlignedConfig.preset(name) for name in PRESETS]

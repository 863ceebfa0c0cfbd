"""What a saved model answers about windows, by its kind: which options, through which module, read how."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import nn

from mindleaf.config import Config
from mindleaf.encoders.choice import EEGEncoder
from mindleaf.encoders.leaf import CHANNELS, LeafTower
from mindleaf.encoders.projection import montage_projection
from mindleaf.errors import BadInput
from mindleaf.models.adaptation import eeg_encoders
from mindleaf.models.folder import LoadedModel
from mindleaf.models.language import LanguageModel
from mindleaf.montage import ELECTRODES, OTHER, ChannelReport, Montage
from mindleaf.preprocessing.pipeline import LEAF, MINDMIX, PIPELINES, Pipeline
from mindleaf.stages.members import Member
from mindleaf.store.batches import BatchReader
from mindleaf.store.examples import Examples
from mindleaf.systems.leaf import Asked, Question
from mindleaf.systems.mindmix import MindMixListener
from mindleaf.systems.mindmix_emotion import HearingConfig, MindMixReader
from mindleaf.systems.mindmix_form import ListenerConfig
from mindleaf.tasks.wording import Wording

#: One space places windows before the labels are told.
_UNTOLD_LABELS = 1


class AnswerConfig(Config):
    """task: of a model that knows several, the one that is asked: its name or number. audio: "auto", or where the weights of a
    speech model lie that the RUN hears through ("wav2vec2:FOLDER")."""

    task: str = ""
    audio: str = "auto"


@dataclass(frozen=True, eq=False)
class Answers:
    """classes: the options, in order; empty where the candidate sounds of a window are. hears: whether windows need sound.

    module: batches to logits, (batch, option). reader: how windows are read for it.
    """

    module: nn.Module
    reader: Callable[[Examples], BatchReader]
    classes: tuple[str, ...] = ()
    hears: bool = False


def answers_of(member: Member, config: AnswerConfig) -> Answers:
    """What a model answers; BadInput for one that was taught no answer."""
    kind = member.loaded.type_name
    if kind not in _ANSWERS:
        raise BadInput(
            f"wanted a RUN that answers something, this one is of type {kind} and was pretrained only; fine-tune or align it first, "
            "or ask for its embeddings with mindleaf embed."
        )
    return _ANSWERS[kind](member, config)


def eeg_side(loaded: LoadedModel) -> EEGEncoder:
    """The EEG encoder of a model. BadInput where there is none."""
    found = eeg_encoders(loaded.model)
    if not found:
        raise BadInput("wanted a model with an EEG encoder, got one without; choose another RUN.")
    return found[0].eval()


def pipeline_of(loaded: LoadedModel) -> Pipeline:
    """What the EEG of a model goes through: the pipeline it names, else that of its kind of encoder."""
    tower = any(isinstance(encoder, LeafTower) for encoder in eeg_encoders(loaded.model))
    return PIPELINES.get(loaded.facts.pipeline, LEAF if tower else MINDMIX)


def channels_read(loaded: LoadedModel, montage: Montage) -> ChannelReport:
    """What becomes of the channels of a recording in the model.

    matched    electrodes that the model knows by name, or, of the LEAF tower, those of its own that are there
    aliased    channel -> the electrode beneath it, as which it is read
    other      channels that it knows nothing of, though it reads them; interpolated, dropped: of the LEAF tower

    Raises BadInput where not one channel is known to it.
    """
    if any(isinstance(encoder, LeafTower) for encoder in eeg_encoders(loaded.model)):
        report = montage_projection(montage, CHANNELS).report
        known = bool(report.matched or report.interpolated)
    else:
        named, near = montage.indices, montage.nearest_indices
        report = ChannelReport(
            matched=tuple(name for name, row in zip(montage.names, named, strict=True) if row != OTHER),
            aliased={n: ELECTRODES[b] for n, a, b in zip(montage.names, named, near, strict=True) if a == OTHER != b},
            other=tuple(name for name, row in zip(montage.names, near, strict=True) if row == OTHER),
        )
        known = bool(report.matched or report.aliased)
    if not known:
        raise BadInput(
            f"wanted channels that the model knows (10-20 names, or positions on the head), got {', '.join(montage.names[:8])}; rename "
            "them in the file."
        )
    return report


def _classes(member: Member, config: AnswerConfig) -> Answers:
    model, pipeline = member.loaded.model, pipeline_of(member.loaded)
    return Answers(model, lambda examples: BatchReader([examples], pipeline), member.loaded.facts.classes)


def _hearing_classes(member: Member, config: AnswerConfig) -> Answers:
    reader = MindMixReader(HearingConfig(audio=config.audio)).take(member.loaded)
    return Answers(member.loaded.model, reader.reader, member.loaded.facts.classes, hears=True)


def _sounds(member: Member, config: AnswerConfig) -> Answers:
    listener = MindMixListener(ListenerConfig(audio=config.audio)).take(member.loaded)
    if member.loaded.config.pairing == "paper_paired":  # type: ignore[attr-defined]
        raise BadInput(
            "this model decides by a rule that is told which sound was attended (pairing=paper_paired), so it cannot predict; align with "
            "pairing=all_pairs."
        )
    return Answers(member.loaded.model, listener.reader, hears=True)


def _worded(member: Member, config: AnswerConfig, level: int | None = None) -> Answers:
    """Labels of a task that the model was trained with, asked in the words of its training."""
    model: Any = getattr(member.loaded.model, "language", member.loaded.model)
    assert isinstance(model, LanguageModel)
    number = _task_number(member.loaded, config.task)
    question = Question(
        model.instruction(number, member.level if level is None else level).detach(), model.answers(number).detach()
    )
    pipeline = pipeline_of(member.loaded)
    return Answers(Asked(model, question), lambda examples: BatchReader([examples], pipeline), model.tasks[number].classes)


def _task_number(loaded: LoadedModel, wish: str) -> int:
    """The task that is meant: the one named, the one it was fine-tuned for, or the only one."""
    tasks = loaded.facts.tasks
    fitting = [
        k for k, task in enumerate(tasks) if wish in (task.name, str(k)) or (not wish and task.classes == loaded.facts.classes)
    ]
    if not wish and not fitting and len(tasks) == 1:
        return 0
    if len(fitting) != 1:
        raise BadInput(
            f"wanted one of the tasks that the model was trained for, got {wish or 'none'!r}; say --task with the name or number of one: "
            f"{'; '.join(f'{k} {_shown(task)}' for k, task in enumerate(tasks))}."
        )
    return fitting[0]


def _shown(task: Wording) -> str:
    return f"{task.name} ({', '.join(task.classes[:4])}{' ...' if len(task.classes) > 4 else ''})"


_ANSWERS: dict[str, Callable[[Member, AnswerConfig], Answers]] = {
    "classifier": _classes,
    "tower_classifier": _classes,
    "multimodal": _hearing_classes,
    "language": _worded,
    "one_space": partial(_worded, level=_UNTOLD_LABELS),
    "aligned": _sounds,
}

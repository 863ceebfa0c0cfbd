"""EEG, sound and language brought into one space: how the model is built, taught, kept, and asked where windows lie."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from mindleaf.batch import Batch
from mindleaf.encoders.sentence import SentenceEncoder
from mindleaf.errors import BadInput
from mindleaf.models.adaptation import merge
from mindleaf.models.alignment import AlignedConfig, AlignedModel
from mindleaf.models.facts import ModelFacts
from mindleaf.models.folder import LoadedModel, load_model, save_model, start_from
from mindleaf.models.language import LanguageConfig, LanguageModel
from mindleaf.models.one_space import OneSpaceConfig, OneSpaceModel
from mindleaf.models.warm_start import warm_start
from mindleaf.objectives.one_space import OneSpaceObjective
from mindleaf.preprocessing.pipeline import MINDMIX
from mindleaf.store.examples import Examples
from mindleaf.systems.leaf import TaskReader, wording_of
from mindleaf.systems.mindmix import TYPE_OF
from mindleaf.systems.neural import (
    StartFrom,
    audio_choice,
    audio_frontend,
    begin_learning,
    described,
    encoder_of,
    heard_through,
    n_parameters,
    read_findings,
    write_findings,
)
from mindleaf.training.loop import TrainingConfig, train
from mindleaf.training.optimiser import OptimiserConfig

#: Windows at once where nothing is learned, groups of sounds that the closed-form start compares, and windows it sees.
_AT_ONCE, _START_PARTS, _START_WINDOWS = 64, 4, 4000
#: What a model keeps of its own tasks and does not take from a RUN with others.
_OF_TASKS = {"language.phrases", "language.labels", "language.untold"}


class OneSpaceSettings(StartFrom):
    """audio       what hears: "auto", or an audio encoder as ``mindmix.audio`` names it
    warm_start  begin with the closed-form decoder (not where ``start`` brings a stem)
    texts       the user's own sentence for a label: {"slow_low_beeps": "slow, deep beeps"}
    """

    model: OneSpaceConfig = OneSpaceConfig()
    objective: OneSpaceObjective = OneSpaceObjective()
    training: TrainingConfig = TrainingConfig(steps=400, batch_size=48, validate_every=50, optimiser=OptimiserConfig(lr=2e-3))
    audio: str = "auto"
    warm_start: bool = True
    texts: dict[str, str] = Field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Placed:
    """Where windows lie: unit vectors of their EEG and of the sound that was heard in them."""

    eeg: Float[np.ndarray, "window text"]
    sound: Float[np.ndarray, "window text"]


class OneSpace:
    """The model with what it takes to read windows for it."""

    def __init__(self, config: OneSpaceSettings) -> None:
        self.config = config
        self.n_parameters = 0
        self._findings: dict[str, Any] = {}

    def learn(
        self, parts: Sequence[Examples], watched: Sequence[Examples], seed: int, run: Path | None = None, resume: bool = False,
        on_step: Callable[[int, dict[str, float]], None] | None = None,
    ) -> list[dict[str, Any]]:  # fmt: skip
        """Train on windows that have a heard sound (``answer``) and a description (``target``); returns the log lines."""
        torch.manual_seed(seed)
        started = self._build(parts)
        reader = self.reader(parts)
        if self.config.warm_start and self.model.aligned.stem is not None and not started and reader.names_electrodes:
            warm_start(self.model.aligned, [_batches(reader, part) for part in _of_sounds(parts, seed)])
        begun = begin_learning(
            self.model,
            self.config,
            self.config.model.language.encoder,
            heard_through(self._audio, self.config.model.aligned.audio),
        )
        config = self.config.training.model_copy(update={"seed": seed})
        validate = self._validator(watched) if watched else None
        lines = train(self.model, self.config.objective, reader, config, run, validate, resume, on_step)
        merge(self.model)
        self.n_parameters = n_parameters(self.model)
        self._findings = {"curve": [{"loss": line["total"], **line} for line in lines], **begun}
        return lines

    def place(self, examples: Examples, level: int = 1) -> Placed:
        """Where windows lie, all told the same (``level`` as in LEAF; 1 does not tell the labels). EEG and sound never meet on the way."""
        told, eeg, sound = self._told(examples, level), [], []
        with torch.inference_mode():
            for batch in self._heard(examples):
                assert batch.audio is not None
                eeg.append(self.model.eeg(replace(batch, instruction=told.expand(len(batch), -1))))
                sound.append(self.model.sound(batch.audio[:, 0]))
        return Placed(torch.cat(eeg).double().numpy(), torch.cat(sound).double().numpy())

    def in_time(self, examples: Examples) -> Float[np.ndarray, "window sound"]:
        """The score, frame by frame, of each window with the sound of each window."""
        aligned, eeg, sounds, kinds = self.model.aligned, [], [], []
        with torch.inference_mode():
            for batch in self._heard(examples):
                assert batch.audio is not None and batch.auditory_type is not None
                eeg.append(aligned.eeg_frames(batch, batch.audio.shape[-1]))
                sounds.append(aligned.audio_frames(batch.audio[:, :1])[:, 0])
                kinds.append(batch.auditory_type)
            scores = [aligned.fusion.all_pairs(some, torch.cat(sounds), torch.cat(kinds)) for some in eeg]
        return torch.cat(scores).double().numpy()

    def _heard(self, examples: Examples) -> Iterator[Batch]:
        self.model.eval()
        reader = self._reading([examples], [0])
        return _batches(reader, np.arange(len(reader)))

    def describe(self, *texts: str) -> Float[np.ndarray, "description text"]:
        """Where descriptions lie."""
        vectors = torch.from_numpy(SentenceEncoder(self.facts.text)(*texts))
        with torch.inference_mode():
            return self.model.text(vectors).double().numpy()

    def reader(self, parts: Sequence[Examples]) -> TaskReader:
        """The windows as the model takes them; their tasks must be among those of the model."""
        return self._reading(parts, [self.facts.tasks.index(self._wording(part)) for part in parts])

    def save(self, folder: Path, card: str) -> None:
        aligned = self.config.model.aligned
        model = self.config.model.model_copy(update={"aligned": aligned.model_copy(update={"audio": aligned.audio.portable()})})
        save_model(folder, self.model, model, self.facts, described(card, self._findings))
        write_findings(folder, self._findings)

    def load(self, folder: Path) -> None:
        """Take a model from a folder that ``save`` wrote."""
        self.take(load_model(folder))
        self._findings = read_findings(folder)

    def take(self, loaded: LoadedModel) -> Self:
        """A model that was loaded; raises BadInput where it is another kind of model."""
        if not isinstance(loaded.model, OneSpaceModel) or not isinstance(loaded.config, OneSpaceConfig):
            raise BadInput(f"wanted a model of one space, this one is of type {loaded.type_name}; run align both-tiny first.")
        self.model, self.facts = loaded.model, loaded.facts
        self._audio = loaded.facts.audio if self.config.audio == "auto" else self.config.audio
        self.config = self.config.model_copy(update={"model": loaded.config})
        self.n_parameters = n_parameters(self.model)
        return self

    def _reading(self, parts: Sequence[Examples], tasks: Sequence[int]) -> TaskReader:
        frontend = audio_frontend(self._audio)
        if frontend.fingerprint() != self.facts.audio_fingerprint:
            raise BadInput(
                f"the model hears through {self.facts.audio}, other settings or weights of it came; give the ones of training."
            )
        stem = self.config.model.aligned.stem
        context_s = 0.0 if stem is None else stem.context / MINDMIX.sfreq
        known = {subject: k for k, subject in enumerate(self.facts.subjects)}
        return TaskReader(parts, tasks, MINDMIX, frontend, context_s, TYPE_OF, known)

    def _wording(self, part: Examples):
        return wording_of(part, self.config.texts)

    def _told(self, examples: Examples, level: int) -> Float[Tensor, " text"]:
        """The instruction: that of a task the model was trained with, of the same words where there is one, else the first."""
        own = self._wording(examples).phrases
        task = next((number for number, known in enumerate(self.facts.tasks) if known.phrases == own), 0)
        return self.model.language.instruction(task, level)

    def _build(self, parts: Sequence[Examples]) -> bool:
        """The model for these tasks, with what a RUN brings; whether that is a stem."""
        told, start = tuple(self._wording(part) for part in parts), Path(self.config.start) if self.config.start else None
        loaded = load_model(start) if start else None
        self._take_config(loaded.config if loaded else None, start)
        tower, texts = self.config.model.aligned.audio, SentenceEncoder(self.config.model.language.text)
        heard = loaded.facts.audio if loaded else ""
        self._audio = audio_choice(self.config.audio, [part.store for part in parts], tower, heard)
        frontend = audio_frontend(self._audio)
        subjects = {f"{d}/{s}" for part in parts for d, s in zip(part.rows["dataset"], part.rows["subject"], strict=True)}
        self.facts = ModelFacts(
            sfreq=MINDMIX.sfreq, n_audio_features=frontend.n_features, frame_rate=frontend.frame_rate,
            audio=self._audio.partition(":")[0], audio_fingerprint=frontend.fingerprint(), subjects=tuple(sorted(subjects)),
            text=self.config.model.language.text, text_fingerprint=texts.fingerprint, text_width=texts.width,
            tasks=tuple(dict.fromkeys(told)), pipeline=MINDMIX.name,
        )  # fmt: skip
        self.model = self.config.model.build(self.facts)
        tower.fill(self.model.aligned.audio_tower)
        self.model.language.write(texts)
        self.n_parameters = n_parameters(self.model)
        return bool(start and loaded and self._start(start, loaded.model, loaded.facts))

    def _take_config(self, theirs: Any, start: Path | None) -> None:
        """What a RUN decides about the model: all of it, one of its two sides, or its EEG encoder."""
        model = self.config.model
        if isinstance(theirs, OneSpaceConfig):
            model = theirs
        elif isinstance(theirs, LanguageConfig):
            model = model.model_copy(
                update={"language": theirs.model_copy(update={"power_filters": model.language.power_filters})}
            )
        elif isinstance(theirs, AlignedConfig) and theirs.alignment == "frames":
            model = model.model_copy(update={"aligned": theirs.model_copy(update={"encoder": None})})
        if start and getattr(theirs, "encoder", None) is not None:
            encoder = encoder_of(theirs, start, "bypass")
            model = model.model_copy(update={"language": model.language.model_copy(update={"encoder": encoder})})
        self.config = self.config.model_copy(update={"model": model.settled()})

    def _start(self, folder: Path, theirs: nn.Module, facts: ModelFacts) -> bool:
        """Fill in the weights of a RUN; whether a stem came with them."""
        if isinstance(theirs, AlignedModel | OneSpaceModel) and facts.audio_fingerprint != self.facts.audio_fingerprint:
            raise BadInput(
                f"{folder} hears through {facts.audio}, here it is {self.facts.audio}; give the audio encoder it was aligned with."
            )
        if isinstance(theirs, OneSpaceModel):
            state = {name: value for name, value in theirs.state_dict().items() if name not in _OF_TASKS}
            self.model.load_state_dict(state, strict=False)
            return True
        if isinstance(theirs, LanguageModel):
            # Its scale and its gate are no parts that ``start_from`` takes.
            for name, value in theirs.named_parameters(recurse=False):
                getattr(self.model.language, name).data.copy_(value.data)
            start_from(self.model.language, folder, ("encoder", "qformer"))
        elif getattr(theirs, "encoder", None) is not None:
            start_from(self.model.language, folder, ("encoder",))
        return isinstance(theirs, AlignedModel) and "stem" in start_from(self.model.aligned, folder)

    def _validator(self, watched: Sequence[Examples]) -> Callable[[nn.Module], dict[str, float]]:
        reader = self.reader(watched)

        def validate(model: nn.Module) -> dict[str, float]:
            device = next(model.parameters()).device
            groups = [np.flatnonzero(reader.groups == group) for group in np.unique(reader.groups)]
            found = [
                self.config.objective(model, batch.to(device), 0).floats() for ids in groups for batch in _batches(reader, ids)
            ]
            mean = {name: float(np.mean([line[name] for line in found])) for name in found[0]}
            return {"loss": mean.pop("total"), **mean}

        return validate


def _batches(reader: TaskReader, ids: Int[np.ndarray, " window"]) -> Iterator[Batch]:
    """Windows in turn, each batch of one store."""
    for group in np.unique(reader.groups[ids]):
        own = ids[reader.groups[ids] == group]
        yield from (reader.read(own[k : k + _AT_ONCE]) for k in range(0, len(own), _AT_ONCE))


def _of_sounds(parts: Sequence[Examples], seed: int) -> list[NDArray[np.int64]]:
    """Training windows in groups that share no sound, for the closed-form start."""
    names = np.concatenate([(part.store.dataset + "/" + part.rows["stimulus_1"]).to_numpy(str) for part in parts])
    _, sound = np.unique(names, return_inverse=True)
    chosen = np.sort(np.random.default_rng(seed).permutation(len(names))[:_START_WINDOWS])
    groups = [chosen[sound[chosen] % _START_PARTS == k] for k in range(_START_PARTS)]
    return [group for group in groups if len(group)]

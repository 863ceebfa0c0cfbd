"""MindMix for tasks with classes, by what it reads: EEG, EEG and the sound that was heard, or the sound alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from mindleaf.config import Config
from mindleaf.encoders.audio_tower import AudioTowerConfig
from mindleaf.errors import BadInput
from mindleaf.models.alignment import AlignedConfig, AlignedModel
from mindleaf.models.classifier import ClassifierConfig
from mindleaf.models.facts import ModelFacts
from mindleaf.models.folder import LoadedModel, load_model, start_from
from mindleaf.models.multimodal import Multimodal, MultimodalConfig
from mindleaf.preprocessing.pipeline import MINDMIX
from mindleaf.store.batches import BatchReader
from mindleaf.store.examples import Examples
from mindleaf.systems.mindmix import TYPE_OF
from mindleaf.systems.mindmix_classifier import MindMixClassifier, ReaderConfig
from mindleaf.systems.mindmix_form import refuse_other_model
from mindleaf.systems.neural import (
    audio_choice,
    audio_frontend,
    heard_through,
    n_parameters,
    read_findings,
    warn_left_behind,
)

Inputs = Literal["eeg", "both", "audio"]


class HearingModel(ClassifierConfig):
    """The EEG side, and ``audio``, the tower that hears: audio.kind=speech trains the speech model of audio.speech.folder in it."""

    audio: AudioTowerConfig = AudioTowerConfig()

    @property
    def reader(self) -> ClassifierConfig:
        """The EEG side alone."""
        return ClassifierConfig(**{name: getattr(self, name) for name in ClassifierConfig.model_fields})


class HearingConfig(ReaderConfig):
    """MindMix for tasks with classes.

    inputs   "eeg"; "both": pooled EEG and pooled sound, and, where ``start`` is an aligned RUN, what its fusion makes of
             the pair; "audio": the sound alone, a control
    audio    as for tasks with candidates: "auto", "mel", "envelope" ...; to train a speech model leave it "auto" and set
             model.audio.kind=speech and model.audio.speech.folder
    """

    model: HearingModel = HearingModel.preset("tiny")
    inputs: Inputs = "eeg"
    audio: str = "auto"


class MindMixReader(MindMixClassifier):
    """Scores the classes of a window from what ``inputs`` says; windows have one sound where it hears."""

    config_class: ClassVar[type[ReaderConfig]] = HearingConfig
    config: HearingConfig
    #: A ``Classifier`` where EEG is read alone, else a ``Multimodal``.
    model: Any

    def __init__(self, config: HearingConfig) -> None:
        if config.inputs == "audio":
            # A control of what the sound is worth has no use for EEG weights, nor for what alignment with EEG taught a tower. But
            # it hears what the rows beside it hear.
            audio = _heard_by(config.start) if config.audio == "auto" and config.model.audio.kind != "speech" else config.audio
            config = config.model_copy(update={"start": "", "adapt": "full", "audio": audio})
        super().__init__(config)

    @property
    def inputs(self) -> Inputs:
        return self.config.inputs

    def load(self, folder: Path) -> None:
        """Take a fitted model from a folder that ``save`` wrote; what it reads is what it was fitted on."""
        loaded = load_model(folder)
        if isinstance(loaded.model, Multimodal):
            self.take(loaded)
            self._findings = read_findings(folder)
            return
        super().load(folder)
        model = HearingModel(**dict(self.config.model))
        self.config = self.config.model_copy(update={"inputs": "eeg", "model": model})

    def take(self, loaded: LoadedModel) -> Self:
        """A model that hears, as it was loaded; raises BadInput where it is another kind of model."""
        if not isinstance(loaded.model, Multimodal) or not isinstance(loaded.config, MultimodalConfig):
            raise BadInput(
                f"wanted a classifier that hears, this one is of type {loaded.type_name}; fine-tune it with inputs=both."
            )
        self.model, self.facts, self._multimodal = loaded.model, loaded.facts, loaded.config
        inputs = "audio" if loaded.config.reader is None else "both"
        audio = self.config.audio if self.config.audio != "auto" else loaded.facts.audio
        self.config = self.config.model_copy(update={"inputs": inputs, "audio": audio})
        self.n_parameters = n_parameters(self.model)
        return self

    def _saved_config(self) -> Config:
        if self.inputs == "eeg":
            return self.config.model.reader
        return self._multimodal.model_copy(update={"audio": self._multimodal.audio.portable()})

    def _heard_through(self) -> str:
        if self.inputs == "eeg":
            return ""
        aligned = self._multimodal.aligned
        return heard_through(self.config.audio, self._multimodal.audio if aligned is None else aligned.audio)

    def _learned_facts(self, examples: Examples) -> ModelFacts:
        if self.inputs == "eeg":
            return super()._learned_facts(examples)
        start, tower = self._aligned_start(), self.config.model.audio.settled()
        choice = audio_choice(self.config.audio, [examples.store], tower, start.facts.audio if start else "")
        model = self.config.model.model_copy(update={"audio": tower})
        self.config = self.config.model_copy(update={"audio": choice, "model": model})
        frontend = audio_frontend(choice)
        return ModelFacts(
            sfreq=MINDMIX.sfreq, n_audio_features=frontend.n_features, frame_rate=frontend.frame_rate,
            audio=choice.partition(":")[0], audio_fingerprint=frontend.fingerprint(),
            subjects=start.facts.subjects if start else (), classes=examples.classes,
        )  # fmt: skip

    def reader(self, examples: Examples) -> BatchReader:
        if self.inputs == "eeg":
            return super().reader(examples)
        known = {subject: k for k, subject in enumerate(self.facts.subjects)}
        return BatchReader([examples], MINDMIX, audio_frontend(self.config.audio), 0.0, TYPE_OF, known)

    def _build(self) -> None:
        if self.inputs == "eeg":
            return super()._build()
        start = self._aligned_start()
        if start and start.facts.audio_fingerprint != self.facts.audio_fingerprint:
            warn_left_behind(Path(self.config.start), start.facts, self.facts)
            start = None
        self._multimodal = self._composition(start)
        self.model = self._multimodal.build(self.facts)
        if self.config.start and self.model.eeg is not None and self.model.eeg.encoder is not None:
            start_from(self.model.eeg, Path(self.config.start))
        if start is not None:
            self.model.aligned.load_state_dict(start.model.state_dict())
        else:
            self._multimodal.audio.fill(self.model.audio_tower)
        self.n_parameters = n_parameters(self.model)

    def _composition(self, start: LoadedModel | None) -> MultimodalConfig:
        tower = self.config.model.audio
        if self.inputs == "audio":
            return MultimodalConfig(reader=None, audio=tower)
        folder, reader = Path(self.config.start), self.config.model.reader
        aligned = start.config if start else None
        assert aligned is None or isinstance(aligned, AlignedConfig)
        if aligned and tower != AudioTowerConfig():
            refuse_other_model(aligned.model_copy(update={"audio": tower}), aligned, folder)
        if self.config.start:
            # An aligned RUN may be its stem alone; the reader then is the band power alone.
            encoder = None if aligned and aligned.encoder is None else self._brought_encoder(load_model(folder).config, folder)
            reader = reader.model_copy(update={"encoder": encoder})
        return MultimodalConfig(reader=reader, aligned=aligned, audio=AudioTowerConfig() if aligned else tower)

    def _aligned_start(self) -> LoadedModel | None:
        """The RUN to start from, where it is an aligned one."""
        if not self.config.start:
            return None
        loaded = load_model(Path(self.config.start))
        return loaded if isinstance(loaded.model, AlignedModel) else None


def _heard_by(run: str) -> str:
    """The frozen audio encoder of the aligned RUN that other rows start from; "auto" where there is none, or where it learns."""
    heard = load_model(Path(run)).facts.audio if run else ""
    return heard if heard not in ("", "samples") else "auto"

"""MindMix as a system: trained (or fine-tuned from a RUN) inside each fold, every candidate scored on its own."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import nn

from mindleaf.batch import Batch
from mindleaf.errors import BadInput
from mindleaf.fusion.calra import AUDITORY_TYPES
from mindleaf.models.adaptation import merge
from mindleaf.models.alignment import AlignedConfig, AlignedModel
from mindleaf.models.calibration import calibrate
from mindleaf.models.facts import ModelFacts
from mindleaf.models.folder import LoadedModel, load_model, save_model, start_from
from mindleaf.models.warm_start import warm_start
from mindleaf.objectives.contrastive import ContrastiveObjective
from mindleaf.preprocessing.pipeline import MINDMIX
from mindleaf.store.batches import BatchReader
from mindleaf.store.examples import Examples
from mindleaf.systems.long_windows import lengthened
from mindleaf.systems.mindmix_form import ListenerConfig, is_own_choice, named_form, refuse_other_model
from mindleaf.systems.neural import (
    audio_choice,
    audio_frontend,
    begin_learning,
    described,
    encoder_of,
    heard_through,
    is_recipe_encoder,
    n_parameters,
    read_findings,
    refuse_other_encoder,
    scored,
    spatial_pattern,
    warn_left_behind,
    without_weights,
    write_findings,
)
from mindleaf.training.curriculum import Curriculum, Lesson
from mindleaf.training.log import read_log
from mindleaf.training.loop import train

TYPE_OF = {name: k for k, name in enumerate(AUDITORY_TYPES)}


#: A loss above this share of chance counts as guessing, judged after this many steps.
_AT_CHANCE, _JUDGED_FROM = 0.99, 50
#: Groups of trials between which the ridge of the closed-form start is chosen.
_WARM_START_PARTS = 4
#: What else of a step a training curve keeps.
_OF_A_CURVE = (
    "in_batch", "unattended", "validation_loss", "validation_accuracy", "start_validation_loss", "cut_short", "lr", "gradient_norm",
    "skipped_windows", "seconds", "device",
)  # fmt: skip


class MindMixListener:
    """Scores candidate sounds (attention, match-mismatch)."""

    config_class: ClassVar[type[ListenerConfig]] = ListenerConfig
    name = "mindmix"
    asks: Literal["candidates"] = "candidates"
    any_length = True
    any_montage = True

    def __init__(self, config: ListenerConfig) -> None:
        self._own_choice = is_own_choice(config)
        self._own_encoder = bool(config.form) or not is_recipe_encoder(config.model.encoder)
        # Settled once: what is built from this config again (``untrained``) must not settle another one.
        self.config = config.model_copy(update={"model": named_form(config), "form": ""}) if config.form else config
        self.n_parameters = 0
        self.facts = ModelFacts()
        self._findings: dict[str, Any] = {}

    def fit(self, train_examples: Examples, validation: Examples, seed: int) -> None:
        """Contrastive training on the fold's windows; the state with the best validation loss is kept."""
        self.learn([train_examples], [validation] if len(validation) else [], seed)

    def learn(
        self, parts: Sequence[Examples], watched: Sequence[Examples], seed: int, run: Path | None = None,
        resume: bool = False, on_step: Callable[[int, dict[str, float]], None] | None = None,
    ) -> list[dict[str, Any]]:  # fmt: skip
        """``fit`` over several stores at once, with a RUN folder for logs and checkpoints; returns the log."""
        torch.manual_seed(seed)
        self._build(parts)
        reader = self._reader(parts)
        warm = self.config.warm_start and self.model.stem is not None and not self._has_started_stem
        if warm:
            self._warm_start(parts, reader, seed)
        sound = self.config.model.pairing != "paper_paired"
        weight = min(self._unattended_weight(part) for part in parts) if sound else 0.0
        config = self.config.training.model_copy(update={"seed": seed})
        begun = begin_learning(
            self.model, self.config, self.config.model.encoder, heard_through(self._audio, self.config.model.audio)
        )
        lines = train(
            self.model, ContrastiveObjective(unattended_weight=weight), self._curriculum(parts, reader), config, run,
            validate=self._validator(watched) if watched and sound else None, resume=resume, on_step=on_step,
            validate_start=bool(self.config.start) or warm,
        )  # fmt: skip
        merge(self.model)
        _warn_at_chance(lines)
        # A resumed run trained before this call, too.
        self._findings = {"curve": [curve_line(line) for line in (read_log(run) if run else lines)], **begun}
        if self.model.stem is not None:
            strength = self.model.stem.linear.weight.detach().square().sum(dim=(0, 2)).sqrt()
            self._findings["topography"] = spatial_pattern(self.model.stem.spatial, strength, self._reader(parts[:1]), parts[0])
        return lines

    def calibrate(self, examples: Examples, steps: int = 80, seed: int = 0) -> None:
        """Learn a spatial matrix for the one subject of ``examples`` from minutes of windows with a known answer.

        Windows of that subject are scored with it from then on, those of others as before. Needs a fitted model with a
        stem. Raises BadInput for windows of no subject, or of several.
        """
        subjects = _subjects([examples])
        if len(subjects) != 1 or self.model.stem is None:
            raise BadInput(
                f"calibration wants windows of one subject and a model with a stem, got {len(subjects)} subjects; "
                "give one subject's windows, and a time-resolved model."
            )
        if subjects[0] not in self.facts.subjects or self.model.stem.spatial.subjects is None:
            self._make_room(subjects[0])
        weight = self._unattended_weight(examples)
        calibrate(self.model, self._reader([examples]), weight, steps, seed)
        self.n_parameters = n_parameters(self.model)

    def _make_room(self, subject: str) -> None:
        """A place for the subject's matrix in model, facts and config; a model without matrices forgets who it was trained on."""
        stem, config = self.model.stem, self.config.model
        assert stem is not None and config.stem is not None
        known = () if stem.spatial.subjects is None else self.facts.subjects
        stem.spatial.add_subject()
        self.facts = self.facts.model_copy(update={"subjects": (*known, subject)})
        per_subject = config.model_copy(update={"stem": config.stem.model_copy(update={"per_subject": True})})
        self.config = self.config.model_copy(update={"model": per_subject})

    def hears(self, parts: Sequence[Examples]) -> str:
        """The audio encoder that training on these windows uses."""
        self._settle_audio(parts)
        return self._audio

    def reader(self, examples: Examples) -> BatchReader:
        """The windows as the fitted model takes them."""
        return self._reader([examples])

    def predict(self, examples: Examples) -> NDArray[np.float64]:
        """(n, candidate) logits."""
        if self.config.model.pairing == "paper_paired":
            return self._authors_predict(examples)
        return scored(self.model, self._reader([examples]))

    @property
    def score_kind(self) -> str:
        """Logits, but for the pairing as printed, whose rule gives similarities."""
        return "" if self.config.model.pairing == "paper_paired" else "logits"

    def untrained(self) -> MindMixListener:
        """The same model with random weights, which ``fit`` leaves as they are (a control of the audit)."""
        training = self.config.training.model_copy(update={"steps": 0})
        plain = {"start": "", "model": without_weights(self.config.model), "warm_start": False, "training": training}
        return MindMixListener(self.config.model_copy(update=plain))

    def findings(self) -> dict[str, Any]:
        return self._findings

    def save(self, folder: Path, card: str) -> None:
        model = self.config.model.model_copy(update={"audio": self.config.model.audio.portable()})
        save_model(folder, self.model, model, self.facts, described(card, self._findings))
        write_findings(folder, self._findings)

    def load(self, folder: Path) -> None:
        """Take a fitted model from a folder that ``save`` wrote."""
        self.take(load_model(folder))
        self._findings = read_findings(folder)

    def take(self, loaded: LoadedModel) -> Self:
        """A model that was loaded; raises BadInput where it is another kind of model."""
        if not isinstance(loaded.model, AlignedModel) or not isinstance(loaded.config, AlignedConfig):
            raise BadInput(f"wanted an aligned model, this one is of type {loaded.type_name}; align or fine-tune it first.")
        self.model, self.facts = loaded.model, loaded.facts
        self._audio = self.config.audio if self.config.audio != "auto" else loaded.facts.audio
        self.config = self.config.model_copy(update={"model": loaded.config})
        self.n_parameters = n_parameters(self.model)
        return self

    def _warm_start(self, parts: Sequence[Examples], reader: BatchReader, seed: int) -> None:
        """A few thousand training windows are enough for a linear decoder; its ridge is chosen between whole trials."""
        if not reader.names_electrodes:
            warnings.warn("no channel has a known place: training starts without the closed-form decoder", stacklevel=2)
            return
        trial = np.concatenate([_trial_numbers(part) for part in parts])
        n_parts = min(_WARM_START_PARTS, int(trial.max()) + 1)
        chosen = np.sort(np.random.default_rng(seed).permutation(len(reader))[: self.config.warm_start_windows])

        def batches(number: int) -> Iterator[Batch]:
            for group in np.unique(reader.groups):
                ids = chosen[(trial[chosen] % n_parts == number) & (reader.groups[chosen] == group)]
                yield from (reader.read(ids[k : k + 32]) for k in range(0, len(ids), 32))

        warm_start(self.model, [batches(number) for number in range(n_parts)])

    def _build(self, parts: Sequence[Examples]) -> None:
        self._settle_audio(parts)
        frontend = audio_frontend(self._audio)
        self.facts = ModelFacts(
            sfreq=MINDMIX.sfreq, n_audio_features=frontend.n_features, frame_rate=frontend.frame_rate,
            audio=self._audio.partition(":")[0],
            audio_fingerprint=frontend.fingerprint(), subjects=_subjects(parts),
        )  # fmt: skip
        self._has_started_stem = False
        if self.config.start:
            self._start(Path(self.config.start))
        else:
            self.model = self.config.model.build(self.facts)
            self.config.model.audio.fill(self.model.audio_tower)
        self.n_parameters = n_parameters(self.model)

    def _start(self, folder: Path) -> None:
        """The whole of an aligned RUN that hears the same, else the EEG encoder alone: frames of equal size can be other frames."""
        loaded = load_model(folder)
        aligned = loaded.config if isinstance(loaded.config, AlignedConfig) else None
        parts: tuple[str, ...] = ()
        if aligned and loaded.facts.audio_fingerprint == self.facts.audio_fingerprint:
            if self._own_choice:
                refuse_other_model(self.config.model, aligned, folder)
            config = aligned
        else:
            encoder = encoder_of(loaded.config, folder, getattr(self.config.model.encoder, "vq_input", "bypass"))
            if self._own_encoder:
                refuse_other_encoder(self.config.model.encoder, encoder, folder)
            config, parts = self.config.model.model_copy(update={"encoder": encoder}), ("encoder",)
            if aligned:
                warn_left_behind(folder, loaded.facts, self.facts)
        self.config = self.config.model_copy(update={"model": config})
        self.model = config.build(self.facts)
        config.audio.fill(self.model.audio_tower)
        self._has_started_stem = "stem" in start_from(self.model, folder, parts)

    def _settle_audio(self, parts: Sequence[Examples]) -> None:
        """Fix the audio encoder: the one asked for, else the one of the RUN to start from, else what the stores allow.

        A speech model that trains reads samples; it is settled from its folder before the model is built.
        """
        tower = self.config.model.audio.settled()
        self.config = self.config.model_copy(update={"model": self.config.model.model_copy(update={"audio": tower})})
        start = load_model(Path(self.config.start)).facts.audio if self.config.start else ""
        self._audio = audio_choice(self.config.audio, [part.store for part in parts], tower, start)

    def _curriculum(self, parts: Sequence[Examples], reader: BatchReader) -> Curriculum:
        """Longer windows first, then ``reader``; every batch holds about as many seconds."""
        training, lengths = self.config.training, self.config.curriculum
        share = training.steps // (len(lengths) + 1)
        seconds = training.batch_size * parts[0].window_s
        lessons = [
            Lesson(
                self._reader([lengthened(part, length) for part in parts]), max(2, round(seconds / length)), share, training.mixed
            )
            for length in lengths
        ]
        return Curriculum([*lessons, Lesson(reader, training.batch_size, training.steps, training.mixed)])

    def _reader(self, parts: Sequence[Examples]) -> BatchReader:
        frontend = audio_frontend(self._audio)
        if frontend.fingerprint() != self.facts.audio_fingerprint:
            raise BadInput(
                f"the model hears through {self.facts.audio}, other settings or weights of it came; give the ones of training."
            )
        stem = self.config.model.stem
        context_s = stem.context / MINDMIX.sfreq if stem is not None and self.config.model.alignment == "frames" else 0.0
        known = {subject: k for k, subject in enumerate(self.facts.subjects)}
        return BatchReader(parts, MINDMIX, frontend, context_s, TYPE_OF, known)

    def _unattended_weight(self, examples: Examples) -> float:
        if examples.n_candidates < 2 or _attended_talker_is_constant(examples):
            return 0.0
        return self.config.unattended

    def _validator(self, watched: Sequence[Examples]) -> Callable[[nn.Module], dict[str, float]]:
        """Loss of choosing among each window's own streams; among a batch's windows where there is one stream only."""
        readers = [(part, self._reader([part])) for part in watched]
        in_batch = ContrastiveObjective()

        def validate(model: nn.Module) -> dict[str, float]:
            losses, right = [], []
            for part, reader in readers:
                if part.n_candidates < 2:
                    ids = np.arange(len(part))[:: max(1, len(part) // 128)]
                    losses.append(float(in_batch(model, reader.read(ids).to(next(model.parameters()).device), 0).total))
                    continue
                logits = torch.from_numpy(scored(model, reader))
                answers = torch.tensor(part.answers)
                losses.append(float(F.cross_entropy(logits, answers)))
                right += (logits.argmax(1) == answers).double().tolist()
            return {"loss": float(np.mean(losses)), "accuracy": float(np.mean(right)) if right else float("nan")}

        return validate

    def _authors_predict(self, examples: Examples) -> NDArray[np.float64]:
        """The authors' rule, which is told which stream was attended. Unsound; the audit fails it."""
        reader = self._reader([examples])
        answers = torch.tensor(examples.answers)
        parts = []
        with torch.inference_mode():
            for ids in np.array_split(np.arange(len(examples)), max(1, len(examples) // 64)):
                batch = reader.read(ids, attended_first=False)
                parts.append(self.model.authors_score(batch, answers[torch.from_numpy(ids)]).double().numpy())
        return np.concatenate(parts)


def _warn_at_chance(lines: Sequence[dict[str, Any]]) -> None:
    """Say so where the loss of the last tenth of the steps is still that of guessing, ln of the number of candidates."""
    last = [line for line in lines[-max(1, len(lines) // 10) :] if "in_batch" in line]
    loss, chance = (float(np.mean([line[name] for line in last])) if last else 0.0 for name in ("in_batch", "chance_loss"))
    if len(lines) >= _JUDGED_FROM and loss > _AT_CHANCE * chance:
        warnings.warn(
            f"after {len(lines)} steps the loss is {loss:.3f} and guessing gives {chance:.3f}: the model has found no relation "
            "between EEG and sound; check the data, start from another RUN, or train longer.",
            stacklevel=3,
        )


def curve_line(line: dict[str, Any]) -> dict[str, Any]:
    """What a training curve shows: the loss that validation measures too (the window's own streams), with its chance level."""
    part, prefix = ("unattended", "attended_") if "unattended" in line else ("in_batch", "")
    shown = {"step": line["step"], "loss": line[part], "chance_loss": line[f"{prefix}chance_loss"]}
    return shown | {name: line[name] for name in _OF_A_CURVE if name in line}


def _subjects(parts: Sequence[Examples]) -> tuple[str, ...]:
    pairs = {pair for part in parts for pair in zip(part.rows["dataset"], part.rows["subject"], strict=True)}
    return tuple(sorted(f"{dataset}/{subject}" for dataset, subject in pairs))


def _trial_numbers(part: Examples) -> NDArray[np.int64]:
    """A number for each window's trial, from 0; where there is one trial only, for the quarter of it the window lies in."""
    numbers = part.rows.groupby(["dataset", "recording", "trial"], sort=True).ngroup().to_numpy(np.int64)
    if numbers.max() > 0:
        return np.asarray(numbers)
    start = part.rows["start"].to_numpy(float)
    edges = np.linspace(start.min(), start.max(), _WARM_START_PARTS + 1)[1:-1]
    return np.searchsorted(edges, start, side="right").astype(np.int64)


def _attended_talker_is_constant(examples: Examples) -> bool:
    talkers = {str(examples.rows[f"talker_{answer + 1}"].iloc[row]) for row, answer in enumerate(examples.answers) if answer >= 0}
    return len(talkers) < 2

"""LEAF for tasks with classes: EEG answers an instruction, and the label whose text lies nearest wins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn

from mindleaf.batch import Batch
from mindleaf.encoders.leaf import CHANNELS
from mindleaf.encoders.projection import montage_projection
from mindleaf.encoders.sentence import SentenceEncoder
from mindleaf.errors import BadInput
from mindleaf.models.adaptation import merge
from mindleaf.models.facts import ModelFacts
from mindleaf.models.folder import load_model, save_model, start_from
from mindleaf.models.language import LanguageConfig, LanguageModel, Texts, blended, known_share, placed
from mindleaf.objectives.instruction import InstructionObjective
from mindleaf.preprocessing.pipeline import Pipeline
from mindleaf.store.batches import BatchReader
from mindleaf.store.examples import Examples
from mindleaf.systems.leaf_classifier import LeafClassifier
from mindleaf.systems.leaf_form import Control, LeafSettings, pipeline_named, pipeline_of
from mindleaf.systems.neural import (
    begin_learning,
    class_weights,
    described,
    encoder_of,
    n_parameters,
    read_findings,
    scored,
    without_weights,
    write_findings,
)
from mindleaf.tasks.wording import UNTOLD, Wording, kind_of, wording
from mindleaf.training.loop import train

#: An instruction of a task that is none of ours, for the control.
_WRONG = {"emotion": "motor"}


@dataclass(frozen=True, eq=False)
class Question:
    """What every window of a task is asked: the instruction, and where its labels lie."""

    instruction: Float[Tensor, " text"]
    answers: Float[Tensor, "label text"]


class Asked(nn.Module):
    """A model with its question: batches to logits of the labels."""

    def __init__(self, model: LanguageModel, question: Question) -> None:
        super().__init__()
        self.model, self.question = model, question

    def forward(self, batch: Batch) -> Float[Tensor, "batch label"]:
        device = batch.eeg.device
        told = self.question.instruction.to(device).expand(len(batch), -1)
        return self.model(replace(batch, instruction=told), self.question.answers.to(device))


class Told(Asked):
    """Batches to unit vectors in the space of the texts."""

    def forward(self, batch: Batch) -> Float[Tensor, "batch text"]:
        return self.model.embed(replace(batch, instruction=self.question.instruction.to(batch.eeg.device).expand(len(batch), -1)))


class Evolving(Asked):
    """Batches to the mean query at every depth of the Q-Former, one behind the other."""

    def forward(self, batch: Batch) -> Float[Tensor, "batch numbers"]:
        told = self.question.instruction.to(batch.eeg.device).expand(len(batch), -1)
        states = self.model.evolution(replace(batch, instruction=told))
        return rearrange(torch.stack([state.mean(dim=1) for state in states], dim=1), "b depth w -> b (depth w)")


class TaskReader(BatchReader):
    """Batches that say which task they belong to: one task for each set of Examples. ``hearing``: as for ``BatchReader``."""

    def __init__(self, examples: Sequence[Examples], tasks: Sequence[int], pipeline: Pipeline, *hearing: Any) -> None:
        super().__init__(examples, pipeline, *hearing)
        self.tasks = list(tasks)

    def read(self, ids: NDArray[np.integer], attended_first: bool = True) -> Batch:
        batch = super().read(ids, attended_first)
        return replace(batch, task=torch.full((len(batch),), self.tasks[int(self.groups[ids[0]])]))


def wording_of(examples: Examples, texts: dict[str, str], ask: str = "") -> Wording:
    """How the task of these windows is put into words. Raises BadInput for a text of a label that there is not."""
    strange = sorted(set(texts) - set(examples.classes))
    if strange:
        raise BadInput(f"texts names the label {strange[0]!r}, the labels are: {', '.join(examples.classes)}; correct the name.")
    facts = examples.facts
    told = wording(examples.store.dataset, facts.get("paradigm") or "", examples.classes, texts)
    return told.model_copy(update={"phrases": (ask,)}) if ask else told


def random_vectors(*texts: str, width: int) -> NDArray[np.float32]:
    """Unit vectors without meaning, the same for the same text."""
    draws = np.stack([np.random.default_rng(list(text.encode())).standard_normal(width) for text in texts])
    return (draws / np.linalg.norm(draws, axis=1, keepdims=True)).astype(np.float32)


class LeafReader:
    """Scores the classes of a window from EEG and words."""

    config_class: ClassVar[type[LeafSettings]] = LeafSettings
    name = "leaf"
    asks: Literal["labels"] = "labels"
    score_kind = "logits"
    any_length = False
    any_montage = True

    @staticmethod
    def of(config: LeafSettings) -> LeafReader | LeafClassifier:
        """The form that ``config.head`` asks for: itself, or the one without words."""
        return LeafReader(config) if config.head == "qformer" else LeafClassifier(config)

    def __init__(self, config: LeafSettings) -> None:
        self.config = config
        self.n_parameters = 0
        self._findings: dict[str, Any] = {}
        if not config.tune and not config.start:
            raise BadInput("tune=false wants a RUN to ask, got none; give --model RUN (or start=RUN).")

    def fit(self, train_examples: Examples, validation: Examples, seed: int) -> None:
        """Instruction tuning on the fold's windows; the best validated state is kept. With ``tune=false`` nothing is learned."""
        torch.manual_seed(seed)
        self.learn([train_examples], [validation] if len(validation) else [], seed)

    def learn(
        self, parts: Sequence[Examples], watched: Sequence[Examples], seed: int, run: Path | None = None, resume: bool = False,
        on_step: Any = None,
    ) -> list[dict[str, Any]]:  # fmt: skip
        """Tune one model on several tasks, one for each set of Examples; returns the log lines."""
        torch.manual_seed(seed)
        texts = SentenceEncoder(self._text())
        told = [wording_of(part, self.config.texts if len(parts) == 1 else {}, self.config.ask) for part in parts]
        self.pipeline = pipeline_of(parts)
        self._build(told, texts)
        numbers = [self.facts.tasks.index(task) for task in told]
        begun = begin_learning(self.model, self.config, self.config.model.encoder)
        lines: list[dict[str, Any]] = []
        if self.config.tune:
            weights = {number: class_weights(part.labels, len(part.classes)) for number, part in zip(numbers, parts, strict=True)}
            objective = self.config.objective.model_copy(
                update={"class_weights": tuple(weights.get(number, ()) for number in range(len(self.facts.tasks)))}
            )
            validate = self._validator(watched, objective) if watched else None
            config = self.config.training.model_copy(update={"seed": seed})
            reader = TaskReader(parts, numbers, self.pipeline)
            lines = train(self.model, objective, reader, config, run, validate, resume, on_step)
            merge(self.model)
        share = montage_projection(next(iter(parts[0].store.recordings.values())).montage, CHANNELS).share_interpolated
        self._findings = {
            "curve": [{"loss": line["total"], **line} for line in lines],
            **begun,
            "language": {"text_encoder": texts.source, "instruction_level": self.config.level, "interpolated": round(share, 3)},
        }
        if not self.config.tune:
            self._findings["language"]["labels_in_training"] = self._known_labels(told[0], texts)
        return lines

    def _known_labels(self, told: Wording, texts: SentenceEncoder) -> dict[str, float]:
        """Of each label of a task that is asked without training, how much of it training told apart (``known_share``)."""
        trained = [self.model.meanings(number).cpu() for number, task in enumerate(self.facts.tasks) if task in self._known]
        shares = known_share(torch.from_numpy(texts(*told.texts)), trained)
        return dict(zip(told.classes, (round(float(share), 3) for share in shares), strict=True))

    def predict(self, examples: Examples) -> NDArray[np.float64]:
        """(n, class) logits."""
        return scored(Asked(self.model.eval(), self.asked(examples)), BatchReader([examples], self.pipeline))

    def embeddings(self, examples: Examples) -> Float[np.ndarray, "window text"]:
        """Where the windows lie in the space of the texts, as they are asked."""
        return scored(Told(self.model.eval(), self.asked(examples)), BatchReader([examples], self.pipeline))

    def evolution(self, examples: Examples) -> Float[np.ndarray, "depth window width"]:
        """The mean query of each window before the first layer of the Q-Former and behind each."""
        found = scored(Evolving(self.model.eval(), self.asked(examples)), BatchReader([examples], self.pipeline))
        return rearrange(found, "n (depth w) -> depth n w", w=self.model.qformer.queries.shape[1])

    def asked(self, examples: Examples) -> Question:
        """The question, or the control that stands in its place: an instruction of another kind of task, the phrase of this one
        with its words shuffled, one constant word; or labels whose vectors are drawn at random, in training as well."""
        texts = SentenceEncoder(self._text())
        told = wording_of(examples, self.config.texts, self.config.ask)
        labels = torch.from_numpy(self._meanings(texts)(*told.texts))
        instruction = self._instruction(told, labels, texts, kind_of(examples.facts.get("paradigm") or ""))
        return Question(instruction, placed(labels, self.config.model.prototypes))

    def _instruction(self, told: Wording, labels: Tensor, texts: SentenceEncoder, kind: str) -> Tensor:
        control = self.config.control
        if control == "constant":
            return torch.from_numpy(texts("word")[0])
        if control == "wrong_task":
            other = wording("other", _WRONG.get(kind, "emotion"), ("a", "b"))
            return torch.from_numpy(texts(other.phrases[0])[0])
        if self.config.level == 0:
            return torch.from_numpy(texts(UNTOLD)[0])
        phrase = told.phrases[0]
        if control == "shuffled":
            words = phrase.split()
            phrase = " ".join(words[place] for place in np.random.default_rng(0).permutation(len(words)))
        vector = torch.from_numpy(texts(phrase)[0])
        return vector if self.config.level == 1 else blended(vector, labels)

    def untrained(self) -> LeafReader:
        """The same model with random weights, which ``fit`` leaves as they are (a control of the audit)."""
        training = self.config.training.model_copy(update={"steps": 0})
        plain = {"start": "", "tune": True, "model": without_weights(self.config.model), "training": training}
        return type(self)(self.config.model_copy(update=plain))

    def controlled(self, control: Control) -> LeafReader:
        """Itself under a control of the audit: the fitted model, asked otherwise; unfitted, to be trained under the control."""
        return self.under(control=control)

    def under(self, **changes: Any) -> LeafReader:
        """The same model with other settings (``level``, ``control``, ``ask`` ...); nothing is learned anew."""
        other = type(self)(self.config.model_copy(update=changes))
        for name in ("model", "facts", "pipeline", "n_parameters"):
            if hasattr(self, name):
                setattr(other, name, getattr(self, name))
        return other

    def findings(self) -> dict[str, Any]:
        return self._findings

    def save(self, folder: Path, card: str) -> None:
        save_model(folder, self.model, self.config.model, self.facts, described(card, self._findings))
        write_findings(folder, self._findings)

    def load(self, folder: Path) -> None:
        """Take a tuned model from a folder that ``save`` wrote."""
        loaded = load_model(folder)
        if not isinstance(loaded.model, LanguageModel) or not isinstance(loaded.config, LanguageConfig):
            raise BadInput(f"{folder}: wanted a model aligned with language, found a {loaded.type_name}; run align leaf first.")
        self.model, self.facts = loaded.model, loaded.facts
        self.config = self.config.model_copy(update={"model": loaded.config})
        self.pipeline = pipeline_named(self.facts.pipeline)
        self.n_parameters = n_parameters(self.model)
        self._findings = read_findings(folder)

    def _meanings(self, texts: SentenceEncoder) -> Texts:
        """What gives the labels' vectors: the text encoder, or, for the control, chance."""
        return partial(random_vectors, width=texts.width) if self.config.control == "random_answers" else texts

    def _text(self) -> str:
        return self.config.model.text

    def _build(self, told: Sequence[Wording], texts: SentenceEncoder) -> None:
        """The model for these tasks; one that is started from a RUN keeps the tasks it has."""
        known: tuple[Wording, ...] = ()
        start = Path(self.config.start) if self.config.start else None
        if start:
            loaded = load_model(start)
            if isinstance(loaded.config, LanguageConfig):
                self._same_texts(loaded.facts, start)
                known, model = loaded.facts.tasks, loaded.config
            else:
                model = self.config.model.model_copy(update={"encoder": encoder_of(loaded.config, start)})
            self.config = self.config.model_copy(update={"model": model})
        self._known = known
        tasks = tuple(dict.fromkeys((*known, *told)))
        self.facts = ModelFacts(
            sfreq=self.pipeline.sfreq, classes=told[0].classes if len(told) == 1 else (), text=self.config.model.text,
            text_fingerprint=texts.fingerprint, text_width=texts.width, tasks=tasks, pipeline=self.pipeline.name,
        )  # fmt: skip
        self.model = self.config.model.build(self.facts).write(texts, self._meanings(texts))
        if start:
            start_from(self.model, start)
            theirs = load_model(start).model
            if isinstance(theirs, LanguageModel):
                # Its scale and its gate are no parts that ``start_from`` takes.
                for name, value in theirs.named_parameters(recurse=False):
                    getattr(self.model, name).data.copy_(value.data)
        self.n_parameters = n_parameters(self.model)

    def _same_texts(self, theirs: ModelFacts, start: Path) -> None:
        ours = SentenceEncoder(theirs.text).fingerprint
        if ours != theirs.text_fingerprint:
            raise BadInput(
                f"{start} was aligned with other weights of the text encoder {theirs.text}; give the folder it was aligned with."
            )

    def _validator(self, watched: Sequence[Examples], objective: InstructionObjective):
        def validate(model: nn.Module) -> dict[str, float]:
            losses, right = [], []
            for part in watched:
                logits = torch.from_numpy(scored(Asked(self.model, self.asked(part)), BatchReader([part], self.pipeline)))
                labels = torch.tensor(part.labels)
                weights = torch.tensor(class_weights(part.labels, len(part.classes)), dtype=torch.float64)
                losses.append(float(F.cross_entropy(logits, labels, weight=weights)))
                right.append(float((logits.argmax(1) == labels).double().mean()))
            return {"loss": float(np.mean(losses)), "accuracy": float(np.mean(right))}

        return validate

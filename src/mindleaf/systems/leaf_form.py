"""The settings of LEAF, and what follows from them alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Self

from pydantic import Field, model_validator

from mindleaf.models.language import LanguageConfig
from mindleaf.models.tower_classifier import FlatHeadConfig
from mindleaf.objectives.instruction import InstructionObjective
from mindleaf.preprocessing.pipeline import LEAF, LEAF_MOTOR, Pipeline
from mindleaf.store.examples import Examples
from mindleaf.systems.neural import StartFrom
from mindleaf.tasks.wording import kind_of
from mindleaf.training.loop import TrainingConfig
from mindleaf.training.optimiser import OptimiserConfig

Control = Literal["none", "wrong_task", "shuffled", "constant", "random_answers"]
#: What only a head that hears words can do.
_OF_WORDS = ("level", "ask", "texts", "tune", "control")


class LeafSettings(StartFrom):
    """level: how much the instruction tells when the model is asked (0 nothing, 1 the task, 2 the task and its labels).

    ask         the user's own instruction in place of the usual phrases
    texts       the user's own sentence for a label: {"left": "moving the left hand"}
    tune        False: a RUN answers as it is (zero-shot where it has not seen the task)
    control     what is put in the instruction's place, or in the labels': see ``LeafReader.asked``
    head        "qformer" answers an instruction; "mlp" is the paper's head for fine-tuning: a perceptron of ``mlp.hidden`` widths
                on all tokens of the tower, which hears no words
    """

    model: LanguageConfig = LanguageConfig.preset("tiny")
    objective: InstructionObjective = InstructionObjective()
    training: TrainingConfig = TrainingConfig(
        steps=400, batch_size=32, mixed=True, validate_every=25, patience=8, optimiser=OptimiserConfig(lr=2e-3)
    )
    level: int = Field(default=2, ge=0, le=2)
    ask: str = ""
    texts: dict[str, str] = Field(default_factory=dict)
    tune: bool = True
    control: Control = "none"
    head: Literal["qformer", "mlp"] = "qformer"
    mlp: FlatHeadConfig = FlatHeadConfig()

    @model_validator(mode="after")
    def _words_for_who_hears_them(self) -> Self:
        plain = {name: type(self).model_fields[name].get_default(call_default_factory=True) for name in _OF_WORDS}
        asked = [name for name, value in plain.items() if getattr(self, name) != value]
        if self.head == "mlp" and asked:
            raise ValueError(
                f"head=mlp hears no words and is always trained: leave {' and '.join(asked)} out, or choose head=qformer"
            )
        return self


def pipeline_of(examples: Sequence[Examples]) -> Pipeline:
    """The narrower band where all that is asked is movement, made or imagined."""
    kinds = {kind_of(part.facts.get("paradigm") or "") for part in examples}
    return LEAF_MOTOR if kinds <= {"motor", "movement"} else LEAF


def pipeline_named(name: str) -> Pipeline:
    """The one that a model was trained with, by the name in its facts; the broader one where they name none."""
    return LEAF_MOTOR if name == LEAF_MOTOR.name else LEAF

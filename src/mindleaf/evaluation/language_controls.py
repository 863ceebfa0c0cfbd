"""Controls of systems that are told in words what to do: does the instruction matter, and do the texts of the labels?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mindleaf.evaluation.contract import System
from mindleaf.evaluation.controls import Subject, control_score
from mindleaf.evaluation.predict import option_scores
from mindleaf.evaluation.verdict import AuditRow, ControlScore, skipped

#: Control of the system -> row of the audit. These change what is asked, not what was learned.
INSTRUCTIONS = {
    "wrong_task": "instruction_wrong_task",
    "shuffled": "instruction_shuffled",
    "constant": "instruction_constant",
}
RANDOM_ANSWERS = "labels_random_vectors"
_EXPECTED = "worse than as it was asked"


def is_told(system: Any) -> bool:
    """Whether a system takes instructions: it then offers ``controlled(name)``, itself under a control."""
    return hasattr(system, "controlled")


def instructions(subject: Subject) -> list[AuditRow]:
    """The fitted system asked wrongly: an instruction of another task, its words shuffled, one constant word."""
    rows = []
    for control, name in INSTRUCTIONS.items():
        new = []
        for cell, examples in zip(subject.cells, subject.examples, strict=True):
            system: Any = cell.system
            new.append(option_scores(system.controlled(control), examples, cell.task))
        rows.append(_row(name, _score(subject, new), subject.seed, "the instruction"))
    return rows


def random_answers(subject: Subject, build: Callable[[], System]) -> AuditRow:
    """Trained anew with random vectors in place of the labels' texts: the same codes, without any language."""
    new = []
    for cell, examples in zip(subject.cells, subject.examples, strict=True):
        system: Any = build()
        if not getattr(getattr(system, "config", None), "tune", True):
            return skipped(RANDOM_ANSWERS, _EXPECTED, "the system answers without training: there is nothing to train anew")
        refitted = system.controlled("random_answers")
        refitted.fit(cell.train, cell.validation, subject.seed)
        new.append(option_scores(refitted, examples, cell.task))
    return _row(RANDOM_ANSWERS, _score(subject, new), subject.seed, "what the labels' texts mean")


def _score(subject: Subject, new: list[NDArray[np.float64]]) -> ControlScore:
    return control_score(subject, [np.arange(len(examples)) for examples in subject.examples], new)


def _row(name: str, score: ControlScore, seed: int, what: str) -> AuditRow:
    """pass: the control costs score, so the words count; fail: it does better; skipped: no difference can be told."""
    low, high = score.interval(score.real - score.control, seed)
    gain = float(score.real.mean() - score.observed)
    observed = f"{score.observed:.3f} against {score.real.mean():.3f}, difference {gain:+.3f} [{low:+.3f}, {high:+.3f}]"
    if low > 0:
        return AuditRow(name, _EXPECTED, observed, "pass", f"{what} is used: without it the score drops")
    if high < 0:
        return AuditRow(name, _EXPECTED, observed, "fail", f"the system does better without {what}: it was told something wrong")
    why = f"nothing shows that {what} is used; the score is no evidence of understanding words"
    return AuditRow(name, _EXPECTED, observed, "skipped", why)

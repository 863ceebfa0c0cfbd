"""Systems that are told in words: one that needs its instruction, one that ignores it, one that is misled by it."""

import numpy as np
import pytest
from planted import labelled_store
from toy_listeners import Powers

from mindleaf.evaluation.audit import audit
from mindleaf.evaluation.language_controls import INSTRUCTIONS, RANDOM_ANSWERS
from mindleaf.evaluation.plain_words import CONTROLS, LANGUAGE_CONTROLS
from mindleaf.evaluation.predict import run_system
from mindleaf.protocols import LeaveOneSubjectOut
from mindleaf.tasks import Classify


class Told(Powers):
    """Decodes as ``Powers`` where its instruction is one of those it ``understands``, else it draws lots."""

    name = "told"
    understands = ("none",)

    def __init__(self, control="none"):
        self.control = control

    def controlled(self, control):
        other = type(self)(control)
        other.__dict__.update({name: value for name, value in self.__dict__.items() if name != "control"})
        return other

    def predict(self, examples):
        scores = super().predict(examples)
        if self.control in self.understands:
            return scores
        starts = [
            [round(1000 * start), *recording.encode()]
            for start, recording in zip(examples.rows["start"], examples.rows["recording"], strict=True)
        ]
        return np.stack([np.random.default_rng(seed).random(scores.shape[1]) for seed in starts])


class Ignores(Told):
    understands = ("none", *INSTRUCTIONS, "random_answers")


class Misled(Told):
    understands = (*INSTRUCTIONS, "random_answers")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return labelled_store(tmp_path_factory.mktemp("told") / "store", evidence=1.0)


def language_rows(kind, store, depth="quick"):
    folds, task = LeaveOneSubjectOut(val_fraction=0).folds(store.index, 0), Classify()
    run = run_system("told", kind, store, None, task, folds, [2.0], 0)
    builds = {"told": kind} if depth == "full" else None
    rows = audit([run], folds, store, None, task, 0, depth, builds, n_refits=1)["told"]
    assert {row.control for row in rows} - set(CONTROLS) <= set(LANGUAGE_CONTROLS)
    return {row.control: row for row in rows if row.control in LANGUAGE_CONTROLS}


@pytest.mark.parametrize(("kind", "status"), [(Told, "pass"), (Ignores, "skipped"), (Misled, "fail")])
def test_whether_the_instruction_counts(kind, status, store):
    rows = language_rows(kind, store)
    assert set(rows) == set(INSTRUCTIONS.values())
    assert {row.status for row in rows.values()} == {status}
    assert "no evidence of understanding" in rows["instruction_constant"].why or status != "skipped"


@pytest.mark.parametrize(("kind", "status"), [(Told, "pass"), (Ignores, "skipped")])
def test_whether_the_texts_of_the_labels_count(kind, status, store):
    rows = language_rows(kind, store, "full")
    assert set(rows) == set(LANGUAGE_CONTROLS)
    assert rows[RANDOM_ANSWERS].status == status

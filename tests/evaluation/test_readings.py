"""A system whose windows are scaled by their whole recording is marked transductive, whoever it is; others are not."""

from __future__ import annotations

import numpy as np
import pytest
from toy_listeners import PLAIN, Powers

from mindleaf.evaluation.plain_words import TRANSDUCTIVE
from mindleaf.evaluation.predict import run_system
from mindleaf.evaluation.result import Result
from mindleaf.preprocessing.pipeline import LEAF
from mindleaf.stages.evaluate import evaluate
from mindleaf.stages.question import EvaluateConfig, folds_of
from mindleaf.tasks import Classify
from tests.systems.listening import rhythm_store


class Scaled(Powers):
    """Reads the windows one by one, through a pipeline that only it knows."""

    pipeline = LEAF

    def predict(self, examples):
        parts = [examples.take([k]).eeg(self.pipeline).std(axis=(1, 2)) for k in range(len(examples))]
        return np.stack([np.concatenate(parts), np.zeros(len(examples))], axis=1)


class Plain(Scaled):
    pipeline = PLAIN


@pytest.fixture(scope="module")
def rhythms(tmp_path_factory):
    return rhythm_store(tmp_path_factory.mktemp("rhythms") / "store")


def config(*settings: str) -> EvaluateConfig:
    wishes = ("protocol.only=[0]", *settings)
    return EvaluateConfig.of("classify", "leave_one_subject_out", "2", "side", 0, "quick", wishes, device="cpu", floor=False)


def test_it_is_seen_in_what_is_read_not_in_what_a_system_says(rhythms):
    folds = folds_of(config(), rhythms)
    runs = [run_system(kind.__name__, kind, rhythms, None, Classify(), folds, [2.0], seed=0) for kind in (Scaled, Plain)]
    content = Result(runs, folds, "rhythm", "classify", "leave_one_subject_out", "labels", seed=0)
    assert [(row["name"], row["transductive"]) for row in content.to_json()["systems"]] == [("Scaled", True), ("Plain", False)]
    page = content.html()
    assert 'Scaled<span class="tag">transductive</span>' in page and page.count("transductive</span>") == 1
    assert TRANSDUCTIVE in page


@pytest.mark.parametrize(("scaling", "marked"), [("recording", True), ("window", False)])
def test_a_setting_is_enough_to_be_marked(rhythms, tmp_path, scaling, marked):
    asked = config(f"bandpower_lr.pipeline.normalise={scaling}")
    result = evaluate(asked, rhythms.path, ["bandpower_lr"], tmp_path / "out", quiet=True)
    assert [row["transductive"] for row in result.to_json()["systems"]] == [marked]
    assert ("transductive</span>" in (tmp_path / "out" / "report.html").read_text()) is marked

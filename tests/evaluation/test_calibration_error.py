"""The calibration error on its way from a system's scores to results.json, the report and the page of a benchmark."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from toy_listeners import Decoder

from mindleaf.errors import BadInput
from mindleaf.evaluation.predict import run_system
from mindleaf.evaluation.result import Result
from mindleaf.evaluation.statistics import PRIMARY, window_metrics
from mindleaf.metrics.calibration import softmax
from mindleaf.systems.registry import build_system
from mindleaf.tasks import Attention


class Sure(Decoder):
    """The decoder's choices, shouted: nearly sure of every one of them."""

    name, score_kind = "sure", "logits"

    def predict(self, examples):
        return 1000 * super().predict(examples)


class Miscalled(Decoder):
    score_kind = "odds"


@pytest.fixture(scope="module")
def content(store, folds, decoder_run):
    sure = run_system("sure", Sure, store, None, Attention(), folds, [2.0], seed=0)
    result = Result([decoder_run, sure], folds, "toy", "attention", "between_trial", "candidates", 0)
    return result.to_json(), result.html()


def metrics_of(content: dict, name: str) -> dict:
    return next(entry["metrics"] for entry in content["systems"] if entry["name"] == name and entry["window_s"] == 2.0)


def test_only_systems_that_say_how_sure_they_are_have_one(content):
    found, page = content
    assert "ece" not in metrics_of(found, "decoder")
    ece, accuracy = metrics_of(found, "sure")["ece"], metrics_of(found, "sure")["accuracy"]["mean"]
    assert ece["mean"] == pytest.approx(1 - accuracy, abs=0.03), "it is always sure"
    assert ece["ci95"][0] <= ece["mean"] <= ece["ci95"][1]
    assert 0 <= ece["if_calibrated"] <= ece["if_calibrated95"]
    assert ece["lower_is_better"] and ece["n_bins"] == 10 and ece["chance"] is None
    assert "<th>calibration error</th>" in page and f"(noise {ece['if_calibrated']:.3f} to {ece['if_calibrated95']:.3f})" in page
    assert "Calibration error" in page


def test_nothing_is_ranked_or_compared_by_it(content):
    found, _ = content
    assert "ece" not in PRIMARY.values()
    assert {row["metric"] for row in found["comparisons"]} == {"accuracy"}


def labelled(scores: np.ndarray, answers: np.ndarray, per_trial: int = 5) -> pd.DataFrame:
    n = len(answers)
    table = pd.DataFrame({f"score_{k + 1}": column for k, column in enumerate(scores.T)})
    return table.assign(
        fold=np.where(np.arange(n) < n // 2, "a", "b"), dataset="d", subject="s", recording="r",
        trial=np.arange(n) // per_trial, n_options=scores.shape[1], answer=answers,
    )  # fmt: skip


def test_probabilities_and_their_logarithms_tell_the_same():
    rng = np.random.default_rng(0)
    logits, answers = rng.standard_normal((200, 3)), rng.integers(3, size=200)
    as_logits = window_metrics(labelled(logits, answers), "labels", 0, "logits")[0]["ece"]
    as_shares = window_metrics(labelled(softmax(logits), answers), "labels", 0, "probabilities")[0]["ece"]
    assert as_shares["mean"] == pytest.approx(as_logits["mean"]) and as_shares["mean"] > as_shares["if_calibrated95"]
    assert "ece" not in window_metrics(labelled(logits, answers), "labels", 0)[0]


def test_one_trial_gives_no_interval_and_says_nothing_of_noise():
    answers = np.arange(20) % 2
    ece = window_metrics(labelled(np.tile([2.0, 0.0], (20, 1)), answers, per_trial=20), "labels", 0, "logits")[0]["ece"]
    assert ece["ci95"] == [None, None] and ece["if_calibrated"] == pytest.approx(ece["mean"])


@pytest.mark.parametrize("name", ["bandpower_lr", "mdm", "ts_lr", "csp_lda"])
def test_the_floor_of_labels_speaks_of_probabilities(name):
    assert build_system(name).score_kind == "probabilities"


@pytest.mark.parametrize(("name", "settings", "kind"), [("mindmix", (), "logits"), ("mindmix", ("form=paper_paired",), "")])
def test_what_the_scores_of_mindmix_are(name, settings, kind):
    assert build_system(name, settings, asks="candidates").score_kind == kind


def test_correlations_are_no_probabilities():
    assert not hasattr(build_system("trf"), "score_kind") and not hasattr(build_system("cca"), "score_kind")


def test_an_unknown_kind_is_refused():
    with pytest.raises(BadInput, match="score_kind must be 'logits' or 'probabilities'"):
        build_system(f"{__name__}:Miscalled")

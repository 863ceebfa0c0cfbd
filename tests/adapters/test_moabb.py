"""Inside MOABB: its evaluations call our classifier as they call any other, offline, on its generated data set."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import mindleaf as ml

CHANNELS = ("C3", "Cz", "C4")


@pytest.fixture(scope="module")
def moabb_parts(tmp_path_factory):
    """The package, a data set of two subjects with two sessions each, and the paradigm; all it writes lies in temporary folders."""
    pytest.importorskip("moabb")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MNE_DATA", str(tmp_path_factory.mktemp("moabb")))
        from moabb import evaluations
        from moabb.datasets.fake import FakeDataset
        from moabb.paradigms import LeftRightImagery

        dataset = FakeDataset(
            event_list=("left_hand", "right_hand"), n_sessions=2, n_runs=1, n_subjects=2, channels=CHANNELS, duration=50,
            n_events=16, seed=0, sfreq=128,
        )  # fmt: skip
        yield evaluations, dataset, LeftRightImagery(fmin=1, fmax=40)


@pytest.mark.parametrize(("kind", "n_rows"), [("WithinSession", 4), ("CrossSession", 4), ("CrossSubject", 4)])
def test_an_evaluation_scores_the_classifier(moabb_parts, tmp_path, kind, n_rows):
    evaluations, dataset, paradigm = moabb_parts
    pipelines = {"linear": ml.Classifier("bandpower_lr", 128.0, CHANNELS)}
    if kind != "WithinSession":  # which fits five times in each session
        pipelines["mindmix"] = ml.Classifier("mindmix", 128.0, CHANNELS, settings=("training.steps=2", "training.device=cpu"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        evaluation = getattr(evaluations, f"{kind}Evaluation")(
            paradigm=paradigm, datasets=[dataset], overwrite=True, hdf5_path=str(tmp_path), n_jobs=1
        )
        results = evaluation.process(pipelines)
    for name in pipelines:
        scores = results.loc[results["pipeline"] == name, "score"].to_numpy(float)
        assert len(scores) == n_rows and np.all((scores >= 0) & (scores <= 1))


def test_windows_of_moabb_are_microvolts_at_the_rate_it_says(moabb_parts):
    _, dataset, paradigm = moabb_parts
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        epochs, y, _ = paradigm.get_data(dataset, subjects=[1], return_epochs=True)
        X, _, _ = paradigm.get_data(dataset, subjects=[1])
        by_epochs = ml.Classifier("bandpower_lr").fit(epochs, y)
    by_array = ml.Classifier("bandpower_lr", by_epochs.sfreq_, CHANNELS).fit(X, y)
    assert by_epochs.sfreq_ == 128.0 and by_epochs.montage_.names == CHANNELS
    np.testing.assert_allclose(by_array.predict_proba(X), by_epochs.predict_proba(epochs), atol=1e-3)

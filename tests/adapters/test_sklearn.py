"""ml.Classifier and ml.Embedder: scikit-learn's own checks, what is learned, what is refused."""

from __future__ import annotations

import pickle
import warnings

import mne
import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import check_estimator

import mindleaf as ml
from mindleaf.adapters.sklearn import parted
from mindleaf.encoders.braindecode import braindecode_models
from mindleaf.errors import BadInput
from mindleaf.montage import OTHER, Montage
from mindleaf.preprocessing.filtering import apply
from mindleaf.preprocessing.pipeline import BROAD, LEAF, MINDMIX
from mindleaf.store.arrays import ArrayStore, Windows
from mindleaf.store.places import Places
from tests.adapters.arrays import NAMES, SFREQ, rhythms

QUICK = ("training.steps=2", "training.device=cpu")
SOME = ("training.steps=30", "training.device=cpu", "training.validate_every=10")


@pytest.fixture(scope="module")
def data() -> tuple[np.ndarray, np.ndarray]:
    return rhythms()


def epochs_of(X: np.ndarray, names=NAMES, sfreq: float = SFREQ) -> mne.EpochsArray:
    info = mne.create_info(list(names), sfreq, "eeg", verbose="error")
    return mne.EpochsArray(1e-6 * X, info, verbose="error")


def checked(estimator) -> list[str]:
    """Names of scikit-learn's checks that failed; those that it skips on this machine are no failures."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = check_estimator(estimator, on_fail=None, on_skip=None)
    assert len(results) > 40
    assert {r["check_name"] for r in results if r["status"] == "skipped"} <= {"check_array_api_input"}
    return [f"{r['check_name']}: {r['exception']}" for r in results if r["status"] not in ("passed", "skipped")]


@pytest.mark.parametrize(
    "estimator", [ml.Classifier("bandpower_lr", sfreq=200.0), ml.Embedder(sfreq=200.0)], ids=["linear", "embedder"]
)
def test_all_checks_of_scikit_learn_pass(estimator):
    assert checked(estimator) == []


@pytest.mark.slow
def test_all_checks_of_scikit_learn_pass_for_a_network_too():
    assert checked(ml.Classifier("mindmix", sfreq=200.0, settings=QUICK)) == []


@pytest.mark.parametrize(("system", "settings"), [("bandpower_lr", ()), ("mindmix", SOME)])
def test_a_difference_in_band_power_is_learned_and_shuffled_labels_are_not(data, system, settings):
    (X, y), (other, truth) = data, rhythms(seed=1)
    classifier = ml.Classifier(system, SFREQ, NAMES, settings=settings)
    assert classifier.fit(X, y).score(other, truth) > 0.9
    # Half of each class under the other's name: a free shuffle leaves some of the difference, one way or the other.
    shuffled = np.where(np.arange(len(y)) % 4 < 2, y, y[::-1])
    assert all(np.mean(shuffled[y == kind] == kind) == 0.5 for kind in ("rest", "task"))
    assert 0.25 < classifier.fit(X, shuffled).score(other, truth) < 0.75


def test_labels_keep_their_kind_and_probabilities_their_order(data):
    X, y = data
    numbers = np.where(y == "task", 7, 3)
    classifier = ml.Classifier("bandpower_lr", SFREQ, NAMES).fit(X, numbers)
    assert classifier.classes_.tolist() == [3, 7] and set(classifier.predict(X)) == {3, 7}
    probabilities = classifier.predict_proba(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)
    assert np.array_equal(classifier.classes_[probabilities.argmax(axis=1)], classifier.predict(X))
    assert np.array_equal(classifier.decision_function(X) > 0, classifier.predict(X) == 7)


@pytest.mark.parametrize(
    ("system", "settings"), [("mindmix", QUICK), ("eegnet", ("training.steps=2",)), ("leaf", (*QUICK, "head=mlp"))]
)
def test_a_window_has_one_answer_whoever_is_beside_it_before_and_after_pickling(data, system, settings):
    X, y = data
    if system == "eegnet":
        try:
            braindecode_models("this test")
        except BadInput as missing:
            pytest.skip(str(missing))
    classifier = ml.Classifier(system, SFREQ, NAMES, settings=settings).fit(X[:20], y[:20])
    together = classifier.predict_proba(X)
    np.testing.assert_allclose(classifier.predict_proba(X[5:6]), together[5:6], atol=1e-12)
    again = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_array_equal(again.predict_proba(X), together)


def test_a_fit_is_a_function_of_its_seed_and_leaves_torch_as_it_was(data):
    X, y = data
    torch.manual_seed(11)
    before = torch.get_rng_state()
    first, second, third = (
        ml.Classifier("mindmix", SFREQ, NAMES, settings=QUICK, random_state=seed).fit(X[:16], y[:16]).predict_proba(X)
        for seed in (0, 0, 1)
    )
    assert torch.equal(torch.get_rng_state(), before)
    assert np.array_equal(first, second) and not np.allclose(first, third)


def test_it_stands_in_pipelines_cross_validation_and_searches(data):
    X, y = data
    embedded = make_pipeline(ml.Embedder("mindmix:tiny", SFREQ, NAMES), LogisticRegression(max_iter=1000))
    assert cross_val_score(embedded, X[:24], y[:24], cv=2).shape == (2,)
    search = GridSearchCV(ml.Classifier("bandpower_lr", SFREQ, NAMES), {"settings": [("c=0.01",), ("c=1",)]}, cv=2).fit(X, y)
    assert search.best_score_ > 0.9
    classifier = ml.Classifier("mindmix", SFREQ, NAMES, settings=QUICK, validation=0.3, paradigm="motor imagery", random_state=5)
    assert clone(classifier).get_params() == classifier.get_params()


def test_epochs_in_volts_are_the_array_in_microvolts_and_channels_are_found_by_name(data):
    X, y = data
    from_array = ml.Classifier("bandpower_lr", SFREQ, NAMES).fit(X, y)
    from_epochs = ml.Classifier("bandpower_lr").fit(epochs_of(X), y)
    np.testing.assert_allclose(from_epochs.predict_proba(epochs_of(X)), from_array.predict_proba(X), atol=1e-6)
    turned = epochs_of(X[:, ::-1], NAMES[::-1])
    np.testing.assert_allclose(from_epochs.predict_proba(turned), from_epochs.predict_proba(epochs_of(X)), atol=1e-9)
    with pytest.raises(BadInput, match="not in this montage"):
        from_epochs.predict(epochs_of(X[:, :3], NAMES[:3]))
    with pytest.raises(BadInput, match="resample"):
        from_epochs.predict(epochs_of(X, sfreq=256.0))


def test_channels_without_names_are_others_with_one_warning(data):
    X, y = data
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        classifier = ml.Classifier("bandpower_lr", SFREQ).fit(X, y)
        classifier.predict(X)
    assert len([w for w in told if "channel_names" in str(w.message)]) == 1
    assert classifier.montage_.names == ("ch1", "ch2", "ch3", "ch4") and set(classifier.montage_.indices) == {OTHER}


def test_what_cannot_be_read_is_told_in_one_sentence(data):
    X, y = data
    fitted = ml.Classifier("bandpower_lr", SFREQ, NAMES).fit(X, y)
    broken = X.copy()
    broken[3, 0, 5] = np.nan
    cases = {
        "wanted X as in fit": lambda: fitted.predict(X[:, :3]),
        "same channels and window length": lambda: fitted.predict(X[..., :100]),
        r"X holds NaN or inf in 1 of 80 windows \(first: 3\)": lambda: fitted.predict(broken),
        "wanted the rate": lambda: ml.Classifier("bandpower_lr", channel_names=NAMES).fit(X, y),
        "cut MNE recordings": lambda: ml.Embedder().fit(mne.io.RawArray(1e-6 * X[0], epochs_of(X).info, verbose="error")),
        "one axis less": lambda: ml.Classifier("bandpower_lr", SFREQ, NAMES).fit(X[None], y[:1]),
        "at least two classes": lambda: ml.Classifier("bandpower_lr", SFREQ, NAMES).fit(X, ["a"] * len(X)),
        "wanted a name for each of 4": lambda: ml.Classifier("bandpower_lr", SFREQ, NAMES[:3]).fit(X, y),
        "inconsistent numbers of samples": lambda: ml.Classifier("bandpower_lr", SFREQ, NAMES).fit(X, y[:-1]),
        "hears sounds": lambda: ml.Classifier("trf", SFREQ, NAMES).fit(X, y),
        "hears sounds,": lambda: ml.Classifier("mindmix", SFREQ, NAMES, settings=("inputs=both",)).fit(X, y),
        "is not known": lambda: ml.Classifier("magic", SFREQ, NAMES).fit(X, y),
        "no field 'magic'": lambda: ml.Classifier("mindmix", SFREQ, NAMES, settings=("magic=1",)).fit(X, y),
        "wanted a share": lambda: ml.Classifier("mindmix", SFREQ, NAMES, validation=1.0).fit(X, y),
        "leave sfreq out": lambda: ml.Classifier("mindmix", 100.0).fit(epochs_of(X), y),
        "EEG encoder|a folder": lambda: ml.Embedder(3, SFREQ, NAMES).fit(X),
        "preset": lambda: ml.Embedder("mindmix:vast", SFREQ, NAMES).fit(X),
        "found none": lambda: ml.Embedder("nowhere", SFREQ, NAMES).fit(X),
    }
    for sentence, wrong in cases.items():
        with pytest.raises(BadInput, match=sentence) as caught:
            wrong()
        assert "\n" not in str(caught.value)


def test_a_fitted_encoder_is_embedded_from_its_folder(data, tmp_path):
    from mindleaf.models.facts import ModelFacts
    from mindleaf.models.folder import save_model
    from mindleaf.models.pretraining import PretrainingConfig

    X, _ = data
    config, facts = PretrainingConfig.preset("tiny"), ModelFacts()
    save_model(tmp_path / "run", config.build(facts), config, facts, "card")
    by_folder = ml.Embedder(tmp_path / "run", SFREQ, NAMES).fit(X)
    vectors = by_folder.transform(X[:6])
    assert vectors.shape == (6, 64) and len(by_folder.get_feature_names_out()) == 64
    loaded = ml.load_model(tmp_path / "run")
    np.testing.assert_array_equal(ml.Embedder(loaded, SFREQ, NAMES).fit(X).transform(X[:6]), vectors)
    assert not np.allclose(ml.Embedder("mindmix:tiny", SFREQ, NAMES).fit(X).transform(X[:6]), vectors)


@pytest.mark.parametrize(
    "pipeline", [BROAD, MINDMIX, LEAF, BROAD.model_copy(update={"reference": "average"})], ids=lambda p: p.name
)
def test_windows_are_filtered_each_by_itself_as_a_store_would(data, pipeline):
    X, _ = data
    montage, _ = Montage.from_names(NAMES)
    windows = Windows(X[:3], SFREQ, montage)
    together = windows.under(pipeline)
    for window, out in zip(X[:3], together, strict=True):
        np.testing.assert_array_equal(Windows(window[None], SFREQ, montage).under(pipeline)[0], out)
    if pipeline.normalise == "none":
        np.testing.assert_allclose(together[0], apply(pipeline, X[0], SFREQ), rtol=1e-5, atol=1e-5)


def test_a_store_in_memory_gives_channels_in_the_order_asked_for_and_zeros_past_a_window(data):
    X, _ = data
    windows = Windows(X[:3], SFREQ, Montage.from_names(NAMES)[0])
    examples = windows.examples(np.array([0, 1, 0]), ("rest", "task"))
    assert isinstance(examples.store, ArrayStore) and examples.channel_names == NAMES and examples.window_s == 2.0
    view = examples.store.view(BROAD)
    read = view.read(Places.of(examples.rows.iloc[[2, 0]]), ("Pz", "C3"), context_s=0.5)
    assert read.shape == (2, 2, 500) and not read[..., 400:].any()
    np.testing.assert_array_equal(read[0, 0, :400], windows.under(BROAD)[2, 3])


def test_the_watched_share_is_of_each_class_and_never_all_of_it():
    labels = np.array([0] * 10 + [1] * 4 + [2])
    learn, watch = parted(labels, 0.5, seed=0)
    assert sorted([*learn, *watch]) == list(range(15)) and np.bincount(labels[watch]).tolist() == [5, 2]
    assert set(labels[learn]) == {0, 1, 2} and not len(parted(labels, 0.0, 0)[1])

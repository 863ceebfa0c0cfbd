"""The linear floor on real recordings gives the numbers that plain scripts give on the same files."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import GroupKFold, ShuffleSplit, StratifiedKFold

from mindleaf.datasets import DATASETS
from mindleaf.store.examples import Examples
from mindleaf.store.store import Store
from mindleaf.store.writer import write_store
from mindleaf.systems.registry import build_system
from mindleaf.tasks.attention import Attention
from mindleaf.tasks.classify import Classify
from tests.systems.listening import none_of


@pytest.fixture
def prepared(real_data, tmp_path):
    """Makes the store of one data set."""

    def prepare(name: str) -> Store:
        folder = {"eegmmidb": "eegmmidb_s001"}.get(name, name)
        dataset = DATASETS[name]
        return write_store(dataset.recordings(real_data / folder), tmp_path / name, name, dataset.facts.to_dict())

    return prepare


def fitted(name: str, train: Examples):
    system = build_system(name)
    system.fit(train, none_of(train), seed=0)
    return system


def labelled(store: Store, window_s: float, **cut) -> Examples:
    windows = store.windows(window_s, **cut)
    return Examples(store, Classify().prepare(windows, 0), Classify().classes(windows))


def accuracy(name: str, examples: Examples, train: np.ndarray, test: np.ndarray, score=balanced_accuracy_score) -> float:
    predicted = fitted(name, examples.take(train)).predict(examples.take(test)).argmax(axis=1)
    return float(score(examples.labels[test], predicted))


def test_trf_on_cocktail_leaving_one_trial_out(prepared):
    store = prepared("cocktail")
    examples = {w: Examples(store, Attention().prepare(store.windows(w), 0)) for w in (60.0, 20.0, 10.0, 5.0)}
    recordings = examples[60.0].rows["recording"].to_numpy()
    assert len(recordings) == 4
    wins, r = dict.fromkeys(examples, 0), []
    for left_out in recordings:
        training = examples[10.0]
        system = fitted("trf", training.take(np.flatnonzero(training.rows["recording"] != left_out)))
        for window_s, every in examples.items():
            test = every.take(np.flatnonzero(every.rows["recording"] == left_out))
            scores = system.predict(test)
            pair = np.take_along_axis(scores, np.stack([test.answers, 1 - test.answers], axis=1), axis=1)
            wins[window_s] += int((pair[:, 0] > pair[:, 1]).sum())
            if window_s == 60.0:
                r.append(pair[0])
    np.testing.assert_allclose(np.mean(r, axis=0), [0.055, 0.014], atol=0.02)
    for window_s, expected in {60.0: 3, 20.0: 8, 10.0: 17, 5.0: 30}.items():
        assert abs(wins[window_s] - expected) <= 1


def test_trf_on_two_speaker_minute_in_six_blocks(prepared):
    store = prepared("two_speaker_minute")
    tens, seconds = (Examples(store, Attention().prepare(store.windows(w), 0)) for w in (10.0, 1.0))
    r = []
    for block in tens.rows.itertuples():
        start, stop = seconds.rows["start"].to_numpy(), seconds.rows["stop"].to_numpy()
        outside = np.flatnonzero((stop <= block.start + 1e-6) | (start >= block.stop - 1e-6))
        test = tens.take([block.Index])
        scores = fitted("trf", seconds.take(outside)).predict(test)[0]
        r.append((scores[test.answers[0]], scores[1 - test.answers[0]]))
    np.testing.assert_allclose(np.mean(r, axis=0), [0.089, -0.039], atol=0.02)


@pytest.mark.parametrize(("name", "expected"), [("mdm", 0.747), ("ts_lr", 0.741)])
def test_riemann_on_kalunga_within_subject(prepared, name, expected):
    examples = labelled(prepared("kalunga2016"), 2.0, start_s=2.0, first_only=True)
    by_subject = []
    for _, places in sorted(examples.rows.groupby("subject").indices.items()):
        part = examples.take(places)
        folds = StratifiedKFold(5, shuffle=True, random_state=42).split(places, part.labels)
        by_subject.append(np.mean([accuracy(name, part, train, test) for train, test in folds]))
    assert np.mean(by_subject) == pytest.approx(expected, abs=0.03)


def test_csp_on_eegmmidb(prepared):
    examples = labelled(prepared("eegmmidb"), 1.0, start_s=1.0, first_only=True)
    assert len(examples) == 45
    folds = ShuffleSplit(10, test_size=0.2, random_state=42).split(examples.labels)
    plain = [accuracy("csp_lda", examples, train, test, score=lambda a, b: np.mean(a == b)) for train, test in folds]
    assert np.mean(plain) == pytest.approx(0.611, abs=0.08)


def test_bandpower_on_eegmat_honest_and_leaky(prepared):
    """Subject-disjoint .594; the same windows at random, .801: the standing demonstration of what random windows do."""
    examples = labelled(prepared("eegmat"), 2.0)
    starts = examples.rows.groupby("recording")["start"].transform("min")
    examples = examples.take(np.flatnonzero(examples.rows["start"] - starts < 60.0 - 1e-6))
    assert len(examples) == 14 * 2 * 30
    folds = GroupKFold(7).split(examples.labels, examples.labels, examples.rows["subject"])
    honest = [accuracy("bandpower_lr", examples, train, test) for train, test in folds]
    assert np.mean(honest) == pytest.approx(0.594, abs=0.03)
    folds = StratifiedKFold(5, shuffle=True, random_state=42).split(examples.labels, examples.labels)
    leaky = [accuracy("bandpower_lr", examples, train, test) for train, test in folds]
    assert np.mean(leaky) == pytest.approx(0.801, abs=0.03)

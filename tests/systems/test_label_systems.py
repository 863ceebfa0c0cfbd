from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mindleaf.errors import BadInput
from mindleaf.systems.bandpower import log_band_power
from mindleaf.systems.registry import build_system
from mindleaf.systems.riemann import TangentSpaceSystem, positive_covariances
from tests.systems.listening import halves, labelled_rows, none_of, rhythm_store

NAMES = ("bandpower_lr", "mdm", "ts_lr", "csp_lda")
LAST = ("t06", "t07", "t08", "t09", "t10", "t11")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return rhythm_store(tmp_path_factory.mktemp("rhythm"))


def fitted(name, examples):
    train, test = halves(examples, LAST)
    system = build_system(name)
    system.fit(train, none_of(train), seed=0)
    return system, test


@pytest.mark.parametrize("name", NAMES)
def test_tells_rhythms_apart_in_trials_it_has_not_seen(name, store):
    system, test = fitted(name, labelled_rows(store))
    scores = system.predict(test)
    assert scores.shape == (24, 2)
    assert (scores.argmax(axis=1) == test.labels).mean() > 0.9
    assert system.n_parameters > 0
    np.testing.assert_allclose(system.predict(test.take([7])), scores[[7]], atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_scores_windows_of_another_length(name, store):
    system, _ = fitted(name, labelled_rows(store))
    _, test = halves(labelled_rows(store, 1.0), LAST)
    assert (system.predict(test).argmax(axis=1) == test.labels).mean() > 0.8


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_flat_channels_and_silent_windows_do_no_harm(name, tmp_path):
    system, test = fitted(name, labelled_rows(rhythm_store(tmp_path / "flat", flat=True)))
    assert (system.predict(test).argmax(axis=1) == test.labels).mean() > 0.9
    silent = system.predict(replace(test, replace_eeg="zero"))
    assert np.isfinite(silent).all()
    np.testing.assert_allclose(silent, np.broadcast_to(silent[0], silent.shape), atol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_three_classes_and_one_that_training_lacks(name, tmp_path):
    examples = labelled_rows(rhythm_store(tmp_path / "three", frequencies=(9.0, 13.0, 20.0)))
    system, test = fitted(name, examples)
    assert (system.predict(test).argmax(axis=1) == test.labels).mean() > 0.6
    known = examples.take(np.flatnonzero(examples.labels < 2))
    system.fit(known, none_of(known), seed=0)
    scores = system.predict(test)
    assert scores.shape == (24, 3)
    np.testing.assert_array_equal(scores[:, 2], 0.0)


def test_stimulation_frequencies_make_a_filter_bank(tmp_path):
    system, test = fitted("ts_lr", labelled_rows(rhythm_store(tmp_path / "ssvep", ssvep=True)))
    assert isinstance(system, TangentSpaceSystem)
    assert [pipeline.band for pipeline in system.bank] == [(9.5, 10.5), (13.5, 14.5)]
    assert system.features(test.take([0])).shape == (1, 12, 12)
    assert (system.predict(test).argmax(axis=1) == test.labels).mean() > 0.9


def test_topographies_show_where_the_classes_differ(store):
    for name in ("bandpower_lr", "csp_lda"):
        system, _ = fitted(name, labelled_rows(store))
        topography = system.findings()["topography"]
        strongest = topography["channel_names"][int(np.argmax(np.abs(topography["values"])))]
        assert strongest in ("Oz", "C4")


def test_csp_bears_rank_deficient_signals(store):
    """An average reference removes one dimension."""
    train, test = halves(labelled_rows(store), LAST)
    system = build_system("csp_lda", ["pipeline.reference=average"])
    system.fit(train, none_of(train), seed=0)
    assert (system.predict(test).argmax(axis=1) == test.labels).mean() > 0.9


def test_log_band_power_is_a_density_in_the_right_band():
    time = np.arange(400) / 200
    eeg = np.stack([np.sqrt(2) * np.sin(2 * np.pi * 11 * time), np.zeros(400)])[None]
    power = log_band_power(eeg, 200.0, np.array([4.0, 8.0, 10.0, 13.0]), 2.0)
    assert power.shape == (1, 2, 3)
    assert power[0, 0].argmax() == 2
    np.testing.assert_allclose(power[0, 1], np.log(1e-6))
    short = log_band_power(eeg[..., :100], 200.0, np.array([1.0, 4.0, 8.0, 10.0, 13.0]), 2.0)
    assert np.isfinite(short).all()


def test_positive_covariances_hardly_change_proper_ones():
    signals = np.random.default_rng(0).standard_normal((3, 4, 200))
    np.linalg.cholesky(positive_covariances(np.zeros_like(signals), "lwf"))
    covariance = positive_covariances(10 * signals, "scm")
    np.testing.assert_allclose(covariance, 100 * np.einsum("nct,ndt->ncd", signals, signals) / 200, rtol=0.2, atol=5.0)


def test_what_cannot_be_done_is_said(store):
    examples = labelled_rows(store)
    with pytest.raises(BadInput, match="call fit first"):
        build_system("mdm").predict(examples)
    one = examples.take(np.flatnonzero(examples.labels == 0))
    with pytest.raises(BadInput, match="at least two classes"):
        build_system("mdm").fit(one, none_of(one), seed=0)

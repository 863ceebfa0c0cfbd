from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mindleaf.errors import BadInput
from mindleaf.systems.registry import build_system
from mindleaf.systems.trf import TRFConfig, TRFSystem, correlations
from tests.systems.listening import CHANNELS, DELAY_S, attended_rows, halves, listening_store, none_of


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return listening_store(tmp_path_factory.mktemp("trf"))


@pytest.fixture(scope="module")
def fitted(store):
    train, test = halves(attended_rows(store, 5.0), ("t2", "t3"))
    system = TRFSystem()
    system.fit(train, none_of(train), seed=0)
    return system, test


def right(scores: np.ndarray, answers: np.ndarray) -> float:
    return float((scores.argmax(axis=1) == answers).mean())


def test_finds_the_attended_candidate_in_trials_it_has_not_seen(fitted):
    system, test = fitted
    scores = system.predict(test)
    assert scores.shape == (24, 2)
    assert right(scores, test.answers) > 0.9
    assert system.n_parameters == 1 + 13 * len(CHANNELS)


def test_scores_windows_of_any_length(fitted, store):
    system, _ = fitted
    _, test = halves(attended_rows(store, 2.0), ("t2", "t3"))
    assert right(system.predict(test), test.answers) > 0.75


def test_each_row_depends_on_its_window_alone(fitted):
    system, test = fitted
    alone = np.concatenate([system.predict(test.take([k])) for k in (3, 17)])
    np.testing.assert_allclose(alone, system.predict(test)[[3, 17]], atol=1e-12)


def test_hears_nothing_without_eeg(fitted):
    system, test = fitted
    np.testing.assert_array_equal(system.predict(replace(test, replace_eeg="zero")), 0.0)


def test_eeg_of_other_windows_brings_chance(fitted):
    system, test = fitted
    moved = [
        right(
            system.predict(replace(test, eeg_rows=test.rows.iloc[np.roll(np.arange(24), k)].reset_index(drop=True))), test.answers
        )
        for k in range(1, 24)
    ]
    assert 0.35 < np.mean(moved) < 0.65


def test_findings_show_delay_and_place_of_the_response(fitted):
    found = fitted[0].findings()
    lags, weights = found["trf"]["lags_s"], found["trf"]["weights"]
    assert weights.shape == (len(CHANNELS), len(lags))
    assert lags[0] == 0.0
    assert found["topography"]["lag_s"] == pytest.approx(DELAY_S, abs=1 / 32)
    assert CHANNELS[int(np.argmax(found["topography"]["values"]))] == "Cz"
    assert found["penalty"]["chosen"] in TRFConfig().penalties


def test_a_subjects_gain_changes_nothing(store, tmp_path, fitted):
    """Every trial is z-scored: training on EEG a hundred times larger gives the same decoder."""
    louder = listening_store(tmp_path / "loud", amplifier=100.0)
    train, test = halves(attended_rows(louder, 5.0), ("t2", "t3"))
    system = TRFSystem()
    system.fit(train, none_of(train), seed=0)
    np.testing.assert_allclose(system.predict(test), fitted[0].predict(fitted[1]), atol=1e-5)


def test_validation_windows_are_training_windows(store):
    examples = attended_rows(store, 5.0)
    train, test = halves(examples, ("t2", "t3"))
    part, validation = halves(train, ("t1",))
    systems = [TRFSystem(), TRFSystem()]
    systems[0].fit(train, none_of(train), seed=0)
    systems[1].fit(part, validation, seed=1)
    np.testing.assert_allclose(systems[0].predict(test), systems[1].predict(test), atol=1e-9)


@pytest.mark.parametrize("trials", [("t1", "t2", "t3")])
def test_one_training_trial_is_cut_in_two(store, trials):
    train, test = halves(attended_rows(store, 5.0), trials)
    train = train.take(np.flatnonzero(train.rows["recording"] == "r0"))
    system = TRFSystem()
    system.fit(train, none_of(train), seed=0)
    assert right(system.predict(test), test.answers) > 0.75


@pytest.mark.parametrize("scaling", ["training", "window"])
def test_flat_channel_and_window_scaling(tmp_path, scaling):
    store = listening_store(tmp_path, amplifier=[0, 1, 1, 1, 1, 1])
    train, test = halves(attended_rows(store, 5.0), ("t2", "t3"))
    system = TRFSystem(TRFConfig(scaling=scaling))
    system.fit(train, none_of(train), seed=0)
    assert right(system.predict(test), test.answers) > 0.85


def test_correlations_of_constant_signals_are_zero():
    audio = np.random.default_rng(0).standard_normal((1, 2, 1, 50))
    audio[0, 1] = 3.0
    r = correlations(audio[:, 0] * 2.0 + 1.0, audio)
    np.testing.assert_allclose(r, [[1.0, 0.0]])


def test_what_cannot_be_done_is_said(store):
    examples = attended_rows(store, 5.0)
    with pytest.raises(BadInput, match="call fit first"):
        TRFSystem().predict(examples)
    unanswered = examples.with_rows(examples.rows.assign(answer=-1))
    with pytest.raises(BadInput, match="known answer"):
        TRFSystem().fit(unanswered, none_of(unanswered), seed=0)
    with pytest.raises(BadInput, match="make them equal"):
        build_system("trf", ["system.envelope.frame_rate=64"])

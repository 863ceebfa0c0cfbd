"""Minutes of a new listener's own data: a spatial matrix for that one, and nothing changed for the others."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from mindleaf.errors import BadInput
from mindleaf.models.alignment import AlignedConfig
from mindleaf.store.writer import write_store
from mindleaf.systems.registry import build_system
from tests.systems.listening import attended_rows, none_of, simulated_listener

LINEAR = f"model={AlignedConfig.preset('linear').model_dump_json()}"
SETTINGS = (LINEAR, "training.batch_size=16", "training.device=cpu", "training.validate_every=1000")


@pytest.fixture(scope="module")
def windows(tmp_path_factory):
    """Windows of two listeners alike, and of one whose cap was put on the wrong way round."""
    recordings = [simulated_listener(number, 4, 20.0, 2.0) for number in range(3)]
    turned = np.ascontiguousarray(recordings[2].signal[::-1])
    recordings[2] = replace(recordings[2], load=partial(np.asarray, turned))
    store = write_store(recordings, tmp_path_factory.mktemp("calibration") / "store", "listening", {})
    rows = attended_rows(store, 2.0)
    new = (rows.rows["subject"] == "s2").to_numpy()
    last = (rows.rows["trial"] == "t3").to_numpy()
    return {
        "known": rows.take(np.flatnonzero(~new & ~last)),
        "known_test": rows.take(np.flatnonzero(~new & last)),
        "own": rows.take(np.flatnonzero(new & ~last)),
        "own_test": rows.take(np.flatnonzero(new & last)),
    }


def fitted(windows, *settings):
    system = build_system("mindmix", [*SETTINGS, "training.steps=10", *settings], "candidates")
    system.fit(windows["known"], none_of(windows["known"]), seed=0)
    return system


def loss(system, examples):
    """Mean cross-entropy of the right candidate."""
    scores = system.predict(examples)
    logp = scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)
    return -logp[np.arange(len(examples)), examples.answers].mean()


@pytest.mark.parametrize("per_subject", [False, True])
def test_a_new_listener_is_understood_better_and_the_others_as_before(windows, per_subject, tmp_path):
    system = fitted(windows, f"model.stem.per_subject={str(per_subject).lower()}")
    before, others = loss(system, windows["own_test"]), system.predict(windows["known_test"])
    system.calibrate(windows["own"], steps=80)
    assert loss(system, windows["own_test"]) < 0.9 * before
    np.testing.assert_allclose(system.predict(windows["known_test"]), others, atol=1e-4)
    assert system.facts.subjects[-1] == "listening/s2"
    system.save(tmp_path / "model", "card")
    again = build_system("mindmix", SETTINGS, "candidates")
    again.load(tmp_path / "model")
    np.testing.assert_array_equal(again.predict(windows["own_test"]), system.predict(windows["own_test"]))


def test_it_wants_onesimulated_listener(windows):
    system = fitted(windows)
    with pytest.raises(BadInput, match=r"windows of one subject .* got 2 subjects"):
        system.calibrate(windows["known_test"])


def test_training_that_stays_at_chance_says_so(windows):
    noise = replace(windows["known"], replace_eeg="noise")
    system = build_system(
        "mindmix", [*SETTINGS, "training.steps=50", "warm_start=false", "training.optimiser.lr=1e-5"], "candidates"
    )
    with pytest.warns(UserWarning, match=r"after 50 steps the loss is .* found no relation"):
        system.fit(noise, none_of(noise), seed=0)

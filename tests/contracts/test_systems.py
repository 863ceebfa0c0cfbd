"""Door 6: what every system in the table keeps to."""

from __future__ import annotations

import numpy as np
import pytest

from mindleaf.config import Config
from mindleaf.systems import SYSTEMS
from mindleaf.systems.registry import build_system
from mindleaf.systems.system import System
from tests.systems.listening import attended_rows, halves, labelled_rows, listening_store, none_of, rhythm_store

FORMS = [(name, asks) for name, entry in SYSTEMS.items() for asks in entry.asks]
#: Fitted in a second or two; the others have tests of their own.
LINEAR = [(name, asks) for name, asks in FORMS if not SYSTEMS[name].trained]
#: Hears the sound of a window that is asked for its class, so its windows must have one.
HEARING = "sound_lr"


@pytest.fixture(scope="module")
def questions(tmp_path_factory):
    folder = tmp_path_factory.mktemp("systems")
    candidates = halves(attended_rows(listening_store(folder / "listening", trial_s=20.0), 2.0), ("t3",))
    labels = halves(labelled_rows(rhythm_store(folder / "rhythm")), ("t10", "t11"))
    return {"candidates": candidates, "labels": labels, HEARING: candidates}


@pytest.mark.parametrize(("name", "asks"), FORMS)
def test_every_form_is_a_system_with_a_config(name, asks):
    system = build_system(name, asks=asks)
    assert isinstance(system, System)
    assert (system.name, system.asks, system.n_parameters) == (name, asks, 0)
    assert isinstance(system.any_length, bool)
    assert issubclass(type(system).config_class, Config)
    assert SYSTEMS[name].title
    assert system.findings() == {}


@pytest.mark.parametrize(("name", "asks"), LINEAR)
def test_scores_are_finite_repeatable_and_one_row_a_window(name, asks, questions):
    train, test = questions.get(name, questions[asks])
    scores = []
    for _ in range(2):
        system = build_system(name, asks=asks)
        system.fit(train, none_of(train), seed=3)
        scores.append(system.predict(test))
    assert scores[0].shape == (len(test), test.n_candidates if asks == "candidates" else len(test.classes))
    assert np.isfinite(scores[0]).all()
    np.testing.assert_array_equal(*scores)
    assert system.n_parameters > 0
    assert system.predict(none_of(test)).shape == (0, scores[0].shape[1])


@pytest.mark.parametrize(("name", "asks"), LINEAR)
def test_a_row_does_not_depend_on_its_neighbours(name, asks, questions):
    train, test = questions.get(name, questions[asks])
    system = build_system(name, asks=asks)
    system.fit(train, none_of(train), seed=0)
    order = np.random.default_rng(0).permutation(len(test))
    np.testing.assert_allclose(system.predict(test.take(order)), system.predict(test)[order], atol=1e-6)


@pytest.mark.parametrize(("name", "asks"), LINEAR)
def test_the_answers_of_the_test_windows_are_never_read(name, asks, questions):
    train, test = questions.get(name, questions[asks])
    system = build_system(name, asks=asks)
    system.fit(train, none_of(train), seed=0)
    hidden = test.with_rows(test.rows.assign(answer=-1, target=-1, attended=0, label=""))
    np.testing.assert_array_equal(system.predict(hidden), system.predict(test))


@pytest.mark.parametrize(("name", "asks"), LINEAR)
def test_findings_are_drawable(name, asks, questions):
    train, _ = questions.get(name, questions[asks])
    system = build_system(name, asks=asks)
    system.fit(train, none_of(train), seed=0)
    found = system.findings()
    if "topography" in found:
        assert len(found["topography"]["values"]) == len(found["topography"]["channel_names"])
    if "trf" in found:
        assert found["trf"]["weights"].shape == (len(found["trf"]["channel_names"]), len(found["trf"]["lags_s"]))

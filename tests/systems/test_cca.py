from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mindleaf.errors import BadInput
from mindleaf.systems.cca import CCASystem, canonical_pairs, delayed, pair_correlations
from mindleaf.systems.lagged_ridge import apply_lagged, lagged_gram
from tests.systems.listening import attended_rows, halves, listening_store, none_of


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    store = listening_store(tmp_path_factory.mktemp("cca"))
    train, test = halves(attended_rows(store, 5.0), ("t2", "t3"))
    system = CCASystem()
    system.fit(train, none_of(train), seed=0)
    return system, test


def test_finds_the_attended_candidate_in_trials_it_has_not_seen(fitted):
    system, test = fitted
    scores = system.predict(test)
    assert (scores.argmax(axis=1) == test.answers).mean() > 0.9
    np.testing.assert_allclose(system.predict(test.take([5])), scores[[5]], atol=1e-12)
    assert system.findings()["components"]["held_out_r"].shape == (4,)
    assert system.n_parameters == (1 + 9 * 6) * 4 + 9 * 4 + 4


def test_hears_nothing_without_eeg(fitted):
    system, test = fitted
    np.testing.assert_array_equal(system.predict(replace(test, replace_eeg="zero")), 0.0)


def test_pairs_equal_textbook_cca():
    """Against the singular values of the whitened cross-covariance, lagged matrices written out."""
    rng = np.random.default_rng(0)
    x, sound = rng.standard_normal((400, 3)), rng.standard_normal((400, 1))
    x[5:, 0] += 2 * sound[:-5, 0]
    y = delayed(sound, 4)
    gram = lagged_gram([(x, y)], -6, 0)
    eeg_filters, envelope_filters = canonical_pairs(gram, 1e-9, 3)
    lagged = np.stack([apply_lagged(x, np.eye(22)[:, [k]], -6, 0)[:, 0] for k in range(1, 22)], axis=1)
    bases = [np.linalg.qr(a - a.mean(axis=0))[0] for a in (lagged, y)]
    expected = np.linalg.svd(bases[0].T @ bases[1], compute_uv=False)[:3]
    np.testing.assert_allclose(pair_correlations(gram, eeg_filters, envelope_filters), expected, atol=1e-4)


def test_delayed_reads_the_past_only():
    audio = np.arange(1.0, 5.0)[:, None]
    np.testing.assert_array_equal(delayed(audio, 3), [[1, 0, 0], [2, 1, 0], [3, 2, 1], [4, 3, 2]])


def test_unfitted_says_so(fitted):
    with pytest.raises(BadInput, match="call fit first"):
        CCASystem().predict(fitted[1])

from __future__ import annotations

import numpy as np
import pytest

from mindleaf.errors import BadInput
from mindleaf.systems.lagged_ridge import apply_lagged, choose_penalty, lagged_gram, total

LAGS = [(-12, 0), (-5, 3), (0, 6), (-9, -2), (2, 5), (0, 0)]


def written_out(x: np.ndarray, first: int, last: int) -> np.ndarray:
    """The lagged matrix itself, by definition."""
    rows = [
        [x[t - lag] if 0 <= t - lag < len(x) else np.zeros(x.shape[1]) for lag in range(first, last + 1)] for t in range(len(x))
    ]
    return np.hstack([np.ones((len(x), 1)), np.array(rows).reshape(len(x), -1)])


def spans(seed: int = 0, n_outputs: int = 2) -> list[tuple[np.ndarray, np.ndarray]]:
    """Drifting channels with an offset, so that edges and means matter."""
    rng = np.random.default_rng(seed)
    return [(3 + rng.standard_normal((n, 4)).cumsum(axis=0), rng.standard_normal((n, n_outputs))) for n in (40, 23, 31)]


@pytest.mark.parametrize(("first", "last"), LAGS)
def test_gram_and_reconstruction_equal_the_lagged_matrix(first: int, last: int):
    pairs = spans()
    matrices = [written_out(x, first, last) for x, _ in pairs]
    gram = lagged_gram(pairs, first, last)
    np.testing.assert_allclose(gram.xx, sum(m.T @ m for m in matrices), rtol=1e-10, atol=1e-8)
    np.testing.assert_allclose(gram.xy, sum(m.T @ y for m, (_, y) in zip(matrices, pairs, strict=True)), rtol=1e-10, atol=1e-8)
    weights = gram.solve(10.0)
    for matrix, (x, _) in zip(matrices, pairs, strict=True):
        np.testing.assert_allclose(apply_lagged(x, weights, first, last), matrix @ weights, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("tmin", "tmax"), [(0.0, 0.4), (-0.1, 0.3)])
def test_weights_equal_mtrf(tmin: float, tmax: float):
    model = pytest.importorskip("mtrf.model", reason="needs mtrf (the extra baselines)")
    pairs, fs, penalty = spans(1, 1), 32, 0.7
    trf = model.TRF(direction=-1)
    trf.train([y for _, y in pairs], [x for x, _ in pairs], fs, tmin, tmax, penalty)
    lags = [round(t * fs) for t in trf.times]
    # mtrf divides sums by the number of trials, and penalty and weights by the sampling interval.
    ours = lagged_gram(pairs, lags[0], lags[-1]).solve(penalty * fs * len(pairs))[:, 0]
    theirs = np.concatenate([trf.bias.ravel(), trf.weights[:, :, 0].T.ravel()]) / fs
    assert np.corrcoef(ours, theirs)[0, 1] > 1 - 1e-12
    assert np.abs(ours - theirs).max() < 1e-6 * np.abs(theirs).max()


def test_correlation_comes_from_the_gram_alone():
    pairs = spans(2)
    gram = lagged_gram(pairs, -4, 0)
    weights = gram.solve(5.0)
    rebuilt = np.concatenate([apply_lagged(x, weights, -4, 0) for x, _ in pairs])
    true = np.concatenate([y for _, y in pairs])
    expected = np.mean([np.corrcoef(rebuilt[:, k], true[:, k])[0, 1] for k in range(2)])
    assert gram.correlation(weights) == pytest.approx(expected, abs=1e-10)


def test_grams_add_and_subtract():
    a, b, c = (lagged_gram([pair], -3, 0) for pair in spans())
    np.testing.assert_allclose((total([a, b, c]) - b).xx, (a + c).xx, atol=1e-8)
    assert total([a, b, c]).n_samples == 40 + 23 + 31


def test_chosen_penalty_is_the_one_that_predicts_the_group_left_out():
    groups = [lagged_gram([pair], -12, 0) for pair in spans(3, 1)]
    penalty, r = choose_penalty(groups, (1e-3, 1e2, 1e5))
    by_hand = [np.mean([g.correlation((total(groups) - g).solve(p)) for g in groups]) for p in (1e-3, 1e2, 1e5)]
    np.testing.assert_allclose(r, by_hand)
    assert penalty == (1e-3, 1e2, 1e5)[int(np.argmax(by_hand))]


def test_rank_deficient_channels_do_not_stop_the_solution():
    x, y = spans()[0]
    doubled = np.hstack([x, x, np.zeros((len(x), 1))])
    weights = lagged_gram([(doubled, y)], -2, 0).solve(1e-8)
    assert np.isfinite(weights).all()


def test_what_cannot_be_done_is_said():
    with pytest.raises(BadInput, match="longer windows"):
        lagged_gram([(np.zeros((5, 2)), np.zeros(5))], -5, 0)
    with pytest.raises(BadInput, match="more training data"):
        choose_penalty([lagged_gram(spans()[:1], -2, 0)], (1.0,))

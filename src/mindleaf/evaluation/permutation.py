"""Permutation: how often luck at the level of trials does as well as the system did."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mindleaf.evaluation.clusters import trial_ids
from mindleaf.evaluation.statistics import balanced_credit, claims_above_chance, score_columns
from mindleaf.evaluation.verdict import AuditRow
from mindleaf.metrics.scores import decisions

CONTROL = "trial_permutation"
_EXPECTED = "p < .05 where the score is above chance"
_MAX_EXACT = 4096


def trial_permutation(predictions: pd.DataFrame, asks: str, chance: float, seed: int, n_draws: int = 2000) -> AuditRow:
    """p-value of the primary metric when the answers of whole trials are drawn anew; needs no refit.

    Windows of a trial share one answer, so a thousand windows of four trials are four observations. Candidates: each
    trial's attended stream is drawn among its candidates. Labels: trials of a subject exchange their labels (of the whole
    table where a subject has only one).
    """
    shares = decisions(predictions[score_columns(predictions)].to_numpy(dtype=float))
    answers = predictions["answer"].to_numpy(dtype=int)
    trials = trial_ids(predictions)
    rng = np.random.default_rng(seed)
    if asks == "candidates":
        null, exact = candidate_null(shares, answers, trials, n_draws, rng)
    else:
        null, exact = label_null(predictions["subject"].to_numpy(), shares, answers, trials, n_draws, rng)
    credit = balanced_credit(answers, shares[np.arange(len(shares)), answers], asks)
    better = int((null >= credit.mean() - 1e-12).sum())
    p = better / len(null) if exact else (better + 1) / (len(null) + 1)
    claimed = claims_above_chance(predictions, asks, seed)
    return _verdict(p, null, int(trials.max()) + 1, claimed)


def _verdict(p: float, null: NDArray, n_trials: int, claimed: bool) -> AuditRow:
    """``claimed``: the report's interval lies above chance."""
    observed = f"p = {p:.3g} over {n_trials} trials"
    if p < 0.05:
        return AuditRow(CONTROL, _EXPECTED, observed, "pass", "trials with exchanged answers seldom do as well")
    if n_trials > 1 and np.ptp(null) < 1e-12:
        why = "every exchange scores the same, as for a system that always gives one answer: there is nothing to test"
        return AuditRow(CONTROL, _EXPECTED, observed, "skipped", why)
    if (null >= null.max() - 1e-12).mean() >= 0.05:
        why = f"the answers of {n_trials} trials can be exchanged in too few ways to reach p < .05"
        return AuditRow(CONTROL, _EXPECTED, observed, "skipped", why)
    if claimed:
        return AuditRow(
            CONTROL, _EXPECTED, observed, "fail", "the interval claims more than the trials support: exchanged answers do as well"
        )
    return AuditRow(CONTROL, _EXPECTED, observed, "pass", "the score is not above chance, and the report does not say it is")


def candidate_null(
    shares: NDArray, answers: NDArray, trials: NDArray, n_draws: int, rng: np.random.Generator
) -> tuple[NDArray, bool]:
    """Means when every trial's answer moves by the same step through its candidates; all of them where few enough."""
    n_options, n_trials = shares.shape[1], int(trials.max()) + 1
    steps = np.stack([shares[np.arange(len(shares)), (answers + step) % n_options] for step in range(n_options)], axis=1)
    sums = np.stack([np.bincount(trials, steps[:, k], n_trials) for k in range(n_options)], axis=1)
    if n_options**n_trials <= _MAX_EXACT:
        draws, exact = np.array(list(product(range(n_options), repeat=n_trials))), True
    else:
        draws, exact = rng.integers(n_options, size=(n_draws, n_trials)), False
    return sums[np.arange(n_trials), draws].sum(axis=1) / len(shares), exact


def label_null(
    subjects: NDArray, shares: NDArray, answers: NDArray, trials: NDArray, n_draws: int, rng: np.random.Generator
) -> tuple[NDArray, bool]:
    """Balanced accuracies when trials exchange labels inside their subject; where no subject has two, subjects exchange theirs.

    ``subjects`` (n,) names, ``shares`` (n, K) decisions, ``answers`` (n,), ``trials`` (n,) numbers; the flag says whether
    all exchanges were listed.
    """
    n_classes = shares.shape[1]
    first = np.unique(trials, return_index=True)[1]
    label_of, subject_of = answers[first], np.unique(subjects[first], return_inverse=True)[1]
    drawn = np.empty((n_draws, len(label_of)), dtype=np.intp)
    members = [np.flatnonzero(subject_of == k) for k in range(subject_of.max() + 1)]
    if any(len(np.unique(label_of[group])) > 1 for group in members):
        for group in members:
            drawn[:, group] = rng.permuted(np.tile(label_of[group], (n_draws, 1)), axis=1)
    else:
        of_subject = label_of[[group[0] for group in members]]
        drawn = rng.permuted(np.tile(of_subject, (n_draws, 1)), axis=1)[:, subject_of]
    sizes = np.bincount(trials).astype(float)
    sums = np.stack([np.bincount(trials, shares[:, k], len(sizes)) for k in range(n_classes)], axis=1)
    right, number = np.zeros((n_draws, n_classes)), np.zeros((n_draws, n_classes))
    for k in range(n_classes):
        has = drawn == k
        right[:, k], number[:, k] = has @ sums[:, k], has @ sizes
    recall = np.divide(right, number, out=np.zeros_like(right), where=number > 0)
    return recall.sum(axis=1) / (number > 0).sum(axis=1), False

"""Identifiability: how well plain band power tells one trial from another, that is, how much fingerprint a split must hide."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mindleaf.errors import BadInput
from mindleaf.evaluation.clusters import trial_ids
from mindleaf.evaluation.verdict import AuditRow, Status, skipped
from mindleaf.fold import Fold
from mindleaf.preprocessing.pipeline import BROAD
from mindleaf.store.examples import Examples
from mindleaf.store.store import Store

_EDGES_HZ = (1.0, 4.0, 8.0, 13.0, 20.0, 30.0, 40.0)
_EXPECTED = "no window of one trial in training and test"
_MAX_TRIALS, _MAX_WINDOWS = 20, 600
_N_PERMUTED = 39


def trial_identifiability(store: Store, folds: Sequence[Fold], window_s: float, seed: int) -> AuditRow:
    """Guess a window's trial from its band power, windows split at random within one subject.

    High accuracy is usual in EEG (impedances, drowsiness, drift). It becomes a leak the moment windows of a trial stand in
    training and test, so the row fails where a split allows this and trials are recognised more often than trials whose
    windows were exchanged at random. For other splits the number is information.
    """
    marks = [fold.mark for fold in folds if fold.mark]
    try:
        rows = _one_subject(store.windows(window_s), seed)
    except BadInput as error:
        return skipped("trial_identifiability", _EXPECTED, str(error))
    trials = trial_ids(rows)
    if trials.max() < 1:
        return skipped("trial_identifiability", _EXPECTED, "no subject has two trials of four windows or more")
    features = log_band_power(Examples(store, rows).eeg(BROAD), BROAD.sfreq)
    n_trials = int(trials.max()) + 1
    found = _identified(features, trials, seed)
    rng = np.random.default_rng(seed)
    null = [_identified(features, rng.permutation(trials), seed) for _ in range(_N_PERMUTED)]
    p = (1 + sum(value >= found for value in null)) / (1 + len(null))
    observed = (
        f"{found:.2f} of held-out windows traced to their trial (chance {1 / n_trials:.2f}, {n_trials} trials, p = {p:.2g})"
    )
    return AuditRow("trial_identifiability", _EXPECTED, observed, *_judged(bool(marks), p < 0.05, found))


def _judged(marked: bool, identified: bool, found: float) -> tuple[Status, str]:
    if marked and identified:
        return "fail", (
            "windows of one trial stand in training and test, and trials are recognised by fingerprint: no evidence of decoding"
        )
    if marked:
        return "skipped", "trials stand on both sides of this split; band power does not recognise them, but other traits may"
    if identified:
        return "pass", f"trials can be told apart without any task ({found:.2f}), which is why this split keeps them whole"
    return "pass", f"trials carry little fingerprint here ({found:.2f})"


def log_band_power(eeg: NDArray, sfreq: float) -> NDArray[np.float64]:
    """Log power in six bands, 1 to 40 Hz, of (n, channel, time): (n, channel x band)."""
    spectrum = np.abs(np.fft.rfft(eeg * np.hanning(eeg.shape[-1]), axis=-1)) ** 2
    hz = np.fft.rfftfreq(eeg.shape[-1], 1 / sfreq)
    bands = [spectrum[..., (hz >= low) & (hz < high)] for low, high in pairwise(_EDGES_HZ)]
    power = np.stack([band.mean(axis=-1) for band in bands if band.shape[-1]], axis=-1)
    return np.log(power + 1e-9).reshape(len(eeg), -1)


def discriminant(train: NDArray, labels: NDArray, test: NDArray, shrinkage: float = 0.3) -> NDArray[np.intp]:
    """Linear discriminant analysis with a shrunk covariance and equal priors; the class number of each test row."""
    names = np.unique(labels)
    centre, scale = train.mean(axis=0), train.std(axis=0) + 1e-9
    x, z = (train - centre) / scale, (test - centre) / scale
    means = np.stack([x[labels == name].mean(axis=0) for name in names])
    within = x - means[np.searchsorted(names, labels)]
    covariance = within.T @ within / len(x)
    covariance = (1 - shrinkage) * covariance + shrinkage * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    directions = np.linalg.solve(covariance + 1e-9 * np.eye(len(covariance)), means.T)
    return names[(z @ directions - 0.5 * (means.T * directions).sum(axis=0)).argmax(axis=1)]


def _one_subject(windows: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Windows of the subject with most trials of at least four windows, at most twenty trials and 600 windows."""
    sizes = windows.groupby(["recording", "trial"])["start"].transform("size")
    usable = windows[sizes >= 4]
    if usable.empty:
        raise BadInput("no trial holds four windows of this length")
    n_trials = usable[["subject", "recording", "trial"]].drop_duplicates().groupby("subject").size()
    rows = usable[usable["subject"] == n_trials.idxmax()]
    kept = rows[["recording", "trial"]].drop_duplicates().head(_MAX_TRIALS)
    rows = rows.merge(kept, on=["recording", "trial"])
    return rows.sample(min(len(rows), _MAX_WINDOWS), random_state=seed).sort_index().reset_index(drop=True)


def _identified(features: NDArray, trials: NDArray, seed: int) -> float:
    order = np.random.default_rng(seed).permutation(len(trials))
    half = len(order) // 2
    right = []
    for train, test in ((order[:half], order[half:]), (order[half:], order[:half])):
        right.append(discriminant(features[train], trials[train], features[test]) == trials[test])
    return float(np.concatenate(right).mean())

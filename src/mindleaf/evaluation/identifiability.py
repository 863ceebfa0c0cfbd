"""Identifiability: how well plain band power tells trials, sessions and subjects apart: the fingerprint that a split must hide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mindleaf.errors import BadInput
from mindleaf.evaluation.attributes import UNIT_ATTRIBUTES, unit_names
from mindleaf.evaluation.clusters import trial_ids
from mindleaf.evaluation.predict import Cell
from mindleaf.evaluation.shortcuts import Blind, timing_heard
from mindleaf.evaluation.verdict import AuditRow, Status, skipped
from mindleaf.fold import Fold
from mindleaf.preprocessing.pipeline import BROAD
from mindleaf.store.examples import Examples
from mindleaf.store.store import Store

Unit = Literal["subject", "session"]
_EDGES_HZ = (1.0, 4.0, 8.0, 13.0, 20.0, 30.0, 40.0)
_EXPECTED = "no window of one trial in training and test"
_UNIT_EXPECTED = "recognising it gives no answer"
_MAX_TRIALS, _MAX_WINDOWS, _MIN_WINDOWS = 20, 600, 4
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
    found, n_trials, p = _against_exchanged(features, trials, seed)
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


def unit_identifiability(unit: Unit, blind: Blind, cells: Sequence[Cell], others: Sequence[AuditRow], seed: int) -> AuditRow:
    """Guess a window's subject (or session) from its band power, and see whether that would give the answer.

    Subjects are nearly always recognised. It becomes a leak where a subject stands in training and test *and* says the answer:
    one diagnosis, one attended side or one talker per subject. Then recognising the person scores without decoding anything.
    """
    control = f"{unit}_identifiability"
    told = next((score for score in blind.scores if score.name == UNIT_ATTRIBUTES[unit]), None)
    if told is None:
        observed = f"no {unit} tells anything"
        why = f"each {unit} of the test is new, or there is only one"
        return AuditRow(control, _UNIT_EXPECTED, observed, "pass", why)
    found, n_units, p = _recognised(unit, cells, seed)
    known = f"{found:.2f} of held-out windows traced to their {unit} (chance {1 / n_units:.2f}, p = {p:.2g})"
    observed = f"knowing the {unit} scores {told.mean:.3f} (luck up to {told.limit:.3f}); {known}"
    if not told.above:
        return AuditRow(control, _UNIT_EXPECTED, observed, "pass", f"who recognises the {unit} learns no answer by that")
    if timing_heard(others):
        why = f"the {unit} says the answer, but this system tells the true time of one voice from another, so it needs more"
        return AuditRow(control, _UNIT_EXPECTED, observed, "pass", why)
    if p < 0.05:
        why = f"{unit}s stand in training and test, say the answer and are recognised: no evidence of decoding"
        return AuditRow(control, _UNIT_EXPECTED, observed, "fail", why)
    why = f"the {unit} says the answer; band power does not recognise it here, but other traits may"
    return AuditRow(control, _UNIT_EXPECTED, observed, "skipped", why)


def _recognised(unit: Unit, cells: Sequence[Cell], seed: int) -> tuple[float, int, float]:
    """Share of windows traced to their unit, number of units, p against units exchanged at random."""
    rows = pd.concat([cell.test.rows.assign(_cell=k) for k, cell in enumerate(cells)], ignore_index=True)
    rows = rows.drop_duplicates(["dataset", "recording", "trial", "start"])
    names = pd.Series(unit_names(rows, unit), index=rows.index)
    counts = names.value_counts().sort_index()
    kept = counts.index[counts >= _MIN_WINDOWS][:_MAX_TRIALS]
    rows = rows[names.isin(kept)]
    if len(kept) < 2:
        return float("nan"), max(1, len(kept)), 1.0
    rows = rows.sample(min(len(rows), _MAX_WINDOWS), random_state=seed).sort_index().reset_index(drop=True)
    units = np.unique(unit_names(rows, unit), return_inverse=True)[1]
    features = log_band_power(replace(cells[0].test, rows=rows).eeg(BROAD), BROAD.sfreq)
    return _against_exchanged(features, units, seed)


def _against_exchanged(features: NDArray, units: NDArray, seed: int) -> tuple[float, int, float]:
    found = _identified(features, units, seed)
    rng = np.random.default_rng(seed)
    null = [_identified(features, rng.permutation(units), seed) for _ in range(_N_PERMUTED)]
    return found, int(units.max()) + 1, (1 + sum(value >= found for value in null)) / (1 + len(null))


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

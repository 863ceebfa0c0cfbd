"""Stimulus reconstruction: sound features read back linearly from EEG frames, and how well (Mesgarani and Chang 2012)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.floating]
PENALTIES = (1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0)


def lagged(frames: Frames, before: int, after: int) -> Frames:
    """Frames joined with their neighbours: (window, frame, dim) to (window, frame, dim x lag), zeros beyond the edges."""
    padded = np.pad(frames, ((0, 0), (before, after), (0, 0)))
    n = frames.shape[1]
    return np.concatenate([padded[:, k : k + n] for k in range(before + after + 1)], axis=2)


def centred(frames: Frames) -> Frames:
    """Each dimension without its mean over the window, in float64."""
    values = np.asarray(frames, np.float64)
    return values - values.mean(axis=1, keepdims=True)


class Reconstruction:
    """Ridge from EEG frames (window, frame, dim) to sound features (window, frame, feature), both centred per window.

    The penalty is the one that reconstructs ``validation`` best; where that is empty, the middle one.
    """

    def __init__(self, penalties: Sequence[float] = PENALTIES) -> None:
        self.penalties = tuple(penalties)

    def fit(self, train: tuple[Frames, Frames], validation: tuple[Frames, Frames]) -> Reconstruction:
        eeg, sound = (centred(part).reshape(-1, part.shape[-1]) for part in train)
        self._scale = np.sqrt(np.mean(eeg**2, axis=0)) + 1e-12
        eeg = eeg / self._scale
        values, vectors = np.linalg.eigh(eeg.T @ eeg / len(eeg))
        crossed = vectors.T @ (eeg.T @ sound) / len(eeg)
        solutions = {p: vectors @ (crossed / (values[:, None] + p)) for p in self.penalties}
        scores = {p: self._score(weights, *validation) for p, weights in solutions.items()} if len(validation[0]) else {}
        self.penalty = max(scores, key=scores.__getitem__) if scores else self.penalties[len(self.penalties) // 2]
        self.weights = solutions[self.penalty]
        return self

    def predict(self, eeg: Frames) -> NDArray[np.float64]:
        """(window, frame, feature), centred."""
        return self._applied(self.weights, eeg)

    def _applied(self, weights: NDArray[np.float64], eeg: Frames) -> NDArray[np.float64]:
        return np.asarray(centred(eeg) / self._scale @ weights)

    def _score(self, weights: NDArray[np.float64], eeg: Frames, sound: Frames) -> float:
        return float(np.nanmean(correlations(self._applied(weights, eeg), sound)))


def correlations(said: Frames, heard: Frames) -> NDArray[np.float64]:
    """Pearson correlation over time of each window and feature: (window, feature); NaN where one of them is constant."""
    said, heard = centred(said), centred(heard)
    power = np.sqrt((said**2).sum(axis=1) * (heard**2).sum(axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(power > 1e-12, (said * heard).sum(axis=1) / power, np.nan)


def variance_share(embeddings: NDArray[np.floating], groups: Sequence[object]) -> float:
    """Share of the embeddings' variance that lies between the groups, 0 to 1 (eta squared); (window, dim)."""
    values = np.asarray(embeddings, np.float64)
    values = values - values.mean(axis=0)
    _, number = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    between = sum((number == k).sum() * np.sum(values[number == k].mean(axis=0) ** 2) for k in range(number.max() + 1))
    return float(between / max(np.sum(values**2), 1e-24))

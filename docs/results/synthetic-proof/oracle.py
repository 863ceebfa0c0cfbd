"""The ceiling: a decoder that is told each listener's true responses and the covariance of the noise.

For each candidate it writes down the EEG that attending to it would give (its attended response plus the other stream's
ignored response, from the generator's own kernels), and takes the candidate whose rest, after whitening with the true
cross-spectrum of the noise, is the smallest: the likelihood ratio for Gaussian noise. It also hears what was said before
the window. Nothing can do better but by luck.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mindleaf.datasets.synthesis.hearing import Features
from mindleaf.datasets.synthesis.truth import Truth, heard_sounds, settings_of, truth

#: Seconds of EEG after the window, as the decoders read; and the band in which noise and answers are weighed, Hz.
CONTEXT_S = 0.4
BAND = (1.0, 30.0)


def oracle_scores(data: Path, tables: dict[float, pd.DataFrame]) -> dict[float, NDArray[np.float64]]:
    """Log-likelihood of each of two candidates being the attended one, (window, candidate), by window length in seconds."""
    config, seed = settings_of(data)
    heard = heard_sounds(data, config)
    scores = {window_s: np.zeros((len(rows), 2)) for window_s, rows in tables.items()}
    for subject in sorted({name for rows in tables.values() for name in rows["subject"]}):
        known = truth(config, seed, int(subject) - 1, heard)
        for window_s, rows in tables.items():
            mine = np.flatnonzero(rows["subject"] == subject)
            scores[window_s][mine] = _scores(known, heard, rows.iloc[mine], window_s, config.sfreq, config.trial_s)
    return scores


def _scores(
    known: Truth, heard: dict[str, Features], rows: pd.DataFrame, window_s: float, sfreq: int, trial_s: float
) -> NDArray[np.float64]:
    n = round((window_s + CONTEXT_S) * sfreq)
    spectrum = _Whitening(known, n, sfreq, round(trial_s * sfreq))
    first_of_trial = dict(zip(known.starts, known.presentations, strict=True))
    begins = np.array(known.starts)
    out = np.zeros((len(rows), 2))
    by_trial = [int(begins[begins <= round(start * sfreq)].max()) for start in rows["start"]]
    for start in sorted(set(by_trial)):
        here = [k for k, begin in enumerate(by_trial) if begin == start]
        names = [rows.iloc[here[0]][f"stimulus_{c}"] for c in (1, 2)]
        recorded = known.noise[:, start : start + round(trial_s * sfreq) + n].copy()
        shown = first_of_trial[start]
        attended = shown.pair.stimulus(shown.attended_talker)
        # Candidates are shuffled from window to window; answers are made once for each name.
        stories = {name: _answer(known, heard, name, next(x for x in names if x != name), recorded.shape) for name in names}
        recorded += stories[attended]
        for k in here:
            at = round(rows["start"].iloc[k] * sfreq) - start
            window = recorded[:, at : at + n]
            for c in (1, 2):
                rest = window - stories[rows.iloc[k][f"stimulus_{c}"]][:, at : at + n]
                out[k, c - 1] = -0.5 * spectrum.power(rest)
    return out


def _answer(known: Truth, heard: dict[str, Features], attended: str, ignored: str, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """The EEG of a whole trial in which ``attended`` is attended to and ``ignored`` is not."""
    total = np.zeros(shape)
    for name, stream in ((attended, "attended"), (ignored, "ignored")):
        answer = known.listener.response(heard[name], stream)[:, : shape[1]]
        total[:, : answer.shape[1]] += answer
    return total


class _Whitening:
    """Inverse square roots of the noise's cross-spectrum at the frequencies of ``BAND``, for windows of ``n`` samples."""

    def __init__(self, known: Truth, n: int, sfreq: int, n_trial: int) -> None:
        frequencies = np.fft.rfftfreq(n, 1 / sfreq)
        self.used = (frequencies >= BAND[0]) & (frequencies <= BAND[1])
        windows = [
            self._spectrum(known.noise[:, at : at + n])
            for start in known.starts
            for at in range(start, start + n_trial - n, max(n // 4, 1))
        ]
        stacked = np.stack(windows, axis=-1).transpose(1, 0, 2)  # (frequency, channel, window)
        cross = stacked @ stacked.conj().transpose(0, 2, 1) / len(windows)
        floor = 1e-4 * np.trace(cross, axis1=1, axis2=2).real[:, None, None] / cross.shape[1]
        self.roots = np.linalg.inv(np.linalg.cholesky(cross + floor * np.eye(cross.shape[1])))

    def _spectrum(self, window: NDArray[np.float64]) -> NDArray[np.complex128]:
        return np.fft.rfft(window - window.mean(axis=1, keepdims=True), axis=1)[:, self.used]

    def power(self, window: NDArray[np.float64]) -> float:
        """Power of a window after whitening, over channels and frequencies."""
        return float(2 * (np.abs(np.einsum("fcd,df->fc", self.roots, self._spectrum(window))) ** 2).sum())

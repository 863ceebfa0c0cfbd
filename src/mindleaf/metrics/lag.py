"""Does the sound line up with the EEG? The lag at which the brain follows the envelope, held against lags where it cannot.

Cross-correlation of envelope and EEG (the forward temporal response function without its regularisation: E. C. Lalor et al.,
J. Neurophysiol. 102 (2009), 349-359), root mean square over channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

#: Lags (s) at which cortex, or a copy of the sound in an EEG channel, follows it. Outside, clocks or onsets are wrong.
EXPECTED_S = (-0.05, 0.5)
#: Lags that are searched, and the nearest lag that counts as unrelated.
SEARCH_S, UNRELATED_S = 2.0, 4.0
#: Early and late parts of a recording that differ by more than this drift apart.
DRIFT_S = 0.2
#: How far above the 99.5 % point of unrelated lags a relation must stand: many recordings are looked at.
TOLD = 1.1
_DRAWS = 200
Status = Literal["aligned", "misaligned", "drifting", "not told"]


@dataclass(frozen=True)
class Lag:
    """``lag_s``: EEG after sound where the relation is strongest. ``strength``: over the 99.5 % point of unrelated lags."""

    lag_s: float
    strength: float
    status: Status
    seconds: float

    @property
    def told(self) -> bool:
        return self.strength > TOLD


def audio_lag(pieces: Sequence[tuple[NDArray, NDArray]], sfreq: float, seed: int = 0) -> Lag:
    """Lag between EEG (n_channels, n_times) and envelope (n_times,), over pieces in the order of time.

    "not told" where no lag stands out from unrelated ones: EEG follows sound weakly, so a short recording proves nothing.
    "drifting" where the first and the second half of the pieces are both told and differ. Pieces shorter than twice the
    unrelated lag are left out.
    """
    pieces = [piece for piece in pieces if len(piece[1]) >= 2 * UNRELATED_S * sfreq]
    whole = _strongest(pieces, sfreq, seed)
    if not whole.told or len(pieces) < 2:
        return whole
    early, late = (_strongest(half, sfreq, seed) for half in (pieces[: len(pieces) // 2], pieces[len(pieces) // 2 :]))
    if early.told and late.told and abs(early.lag_s - late.lag_s) > DRIFT_S:
        return Lag(late.lag_s - early.lag_s, whole.strength, "drifting", whole.seconds)
    return whole


def _strongest(pieces: Sequence[tuple[NDArray, NDArray]], sfreq: float, seed: int) -> Lag:
    seconds = sum(len(envelope) for _, envelope in pieces) / sfreq
    if not pieces:
        return Lag(0.0, 0.0, "not told", 0.0)
    related = [_circular(eeg, envelope) for eeg, envelope in pieces]
    reach = round(SEARCH_S * sfreq)
    lags = np.arange(-reach, reach + 1)
    curve = _power(related, lags, np.zeros(len(related), int))
    rng = np.random.default_rng(seed)
    free = np.array([rows.shape[0] - 2 * round(UNRELATED_S * sfreq) for rows in related])
    draws = round(UNRELATED_S * sfreq) + rng.integers(0, np.maximum(free, 1), (_DRAWS, len(related)))
    unrelated = np.quantile([_power(related, lags, shift).max() for shift in draws], 0.995)
    best = int(np.argmax(curve))
    lag_s, strength = float(lags[best] / sfreq), float(curve[best] / max(unrelated, 1e-30))
    inside = EXPECTED_S[0] <= lag_s <= EXPECTED_S[1]
    return Lag(lag_s, strength, "not told" if strength <= TOLD else "aligned" if inside else "misaligned", seconds)


def _circular(eeg: NDArray, envelope: NDArray) -> NDArray[np.float64]:
    """Circular cross-correlation, (lag, channel): row k is EEG k samples after the sound."""
    signal = _standard(np.asarray(eeg, np.float64).T)
    sound = _standard(np.asarray(envelope, np.float64)[:, None])
    spectrum = np.conj(np.fft.rfft(sound, axis=0)) * np.fft.rfft(signal, axis=0)
    return np.fft.irfft(spectrum, n=len(sound), axis=0)


def _standard(values: NDArray[np.float64]) -> NDArray[np.float64]:
    deviation = values.std(axis=0)
    return (values - values.mean(axis=0)) / np.where(deviation > 0, deviation, np.inf)


def _power(related: Sequence[NDArray], lags: NDArray, shifts: NDArray) -> NDArray[np.float64]:
    """Root mean square over channels of the summed cross-correlation, each piece moved by its own shift."""
    total = np.zeros((len(lags), related[0].shape[1]))
    for rows, shift in zip(related, shifts, strict=True):
        total += rows[(lags + shift) % len(rows)]
    return np.sqrt((total**2).mean(axis=1))

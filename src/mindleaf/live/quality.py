"""The quality gate: which channels of a stretch of EEG cannot be brain."""

from __future__ import annotations

from collections import deque

import numpy as np
from jaxtyping import Float

from mindleaf.live.settings import GateConfig

_MUSCLE_HZ = 30.0
#: How far around the line frequency belongs to it.
_LINE_WIDTH_HZ = 2.5
#: How far apart the rails of a short stretch are at least.
_RAILS_UV = 50.0


class Gate:
    """Judges a stretch of EEG hop by hop and remembers the last ``n_hops`` verdicts."""

    def __init__(self, sfreq: float, hop_s: float, n_hops: int, config: GateConfig) -> None:
        self._sfreq, self._hop_s, self._config = sfreq, hop_s, config
        self._reasons: deque[tuple[str, ...]] = deque(maxlen=n_hops)
        self.restart()

    def restart(self) -> None:
        """The next sample begins another stretch."""
        self.n_judged, self._n_samples = 0, 0
        self._parts: list[np.ndarray] = []
        self._reasons.clear()

    @property
    def room(self) -> int:
        """Samples until the end of the hop."""
        return round((self.n_judged + 1) * self._hop_s * self._sfreq) - self._n_samples

    def take(self, samples: Float[np.ndarray, "time channel"]) -> tuple[str, ...] | None:
        """At most ``room`` samples; the verdict on the hop where they complete it."""
        ends = len(samples) == self.room
        self._parts.append(samples)
        self._n_samples += len(samples)
        if not ends:
            return None
        reasons = judged(np.concatenate(self._parts), self._sfreq, self._config)
        self._reasons.append(reasons)
        self._parts, self.n_judged = [], self.n_judged + 1
        return reasons

    def over(self, stop: int, n_hops: int) -> tuple[str, ...]:
        """The first thing wrong with each channel in the ``n_hops`` hops before hop ``stop``."""
        newest = len(self._reasons) - (self.n_judged - stop)
        rows = list(self._reasons)[newest - n_hops : newest]
        return tuple(next((row[c] for row in rows if row[c]), "") for c in range(len(rows[0])))


def judged(samples: Float[np.ndarray, "time channel"], sfreq: float, gate: GateConfig) -> tuple[str, ...]:
    """For each channel what is wrong with it, "" where nothing: missing, flat, amplitude, railed, line noise, muscle.

    samples: microvolts, half a second or so; what is not finite counts as missing. The first reason that holds is told.
    """
    finite = np.isfinite(samples).all(axis=0)
    # An absurd value would overflow a square.
    values = np.clip(np.where(finite, samples, 0.0), -1e12, 1e12)
    straight = values - _lines(values)
    line, muscle = _bands(straight, sfreq, gate.line_hz)
    share, extent = _at_rails(values)
    # Stretches of a hop: an amplifier is railed for less than that. A slow wave's top is as flat where a step is a microvolt wide.
    n = max(2, len(values) // 4)
    for first in range(0, len(values) - n + 1, n // 2):
        there, wide = _at_rails(values[first : first + n])
        share = np.maximum(share, np.where(wide > _RAILS_UV, there, 0.0))
    checks = (
        ("missing", ~finite),
        ("flat", extent < gate.flat_uv),
        ("amplitude", np.ptp(straight, axis=0) > gate.amplitude_uv),
        ("railed", share > gate.railed),
        ("line noise", line > gate.line_uv),
        ("muscle", muscle > gate.muscle_uv),
    )
    return tuple(next((name for name, bad in checks if bad[c]), "") for c in range(samples.shape[1]))


def _at_rails(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Share of samples at the very highest or the very lowest value, and how far these are apart, each (channel,)."""
    high, low = values.max(axis=0), values.min(axis=0)
    return np.maximum((values == high).mean(axis=0), (values == low).mean(axis=0)), high - low


def _lines(values: np.ndarray) -> np.ndarray:
    """The straight line that fits each channel best."""
    times = np.arange(len(values)) - (len(values) - 1) / 2
    power = (times**2).sum()
    slope = times @ values / power if power else np.zeros(values.shape[1])
    return values.mean(axis=0) + times[:, None] * slope


def _bands(straight: np.ndarray, sfreq: float, line_hz: float) -> tuple[np.ndarray, np.ndarray]:
    """RMS at the line frequency and above 30 Hz without it, each (channel,)."""
    taper = np.hanning(len(straight) + 2)[1:-1, None]
    spectrum = np.abs(np.fft.rfft(straight * taper, axis=0)) ** 2
    frequencies = np.fft.rfftfreq(len(straight), 1 / sfreq)
    spectrum *= 2 / (len(straight) * (taper**2).sum())
    at_line = np.abs(frequencies - line_hz) <= _LINE_WIDTH_HZ
    high = (frequencies > _MUSCLE_HZ) & ~at_line
    return np.sqrt(spectrum[at_line].sum(axis=0)), np.sqrt(spectrum[high].sum(axis=0))

"""What a page is told: a session's events and snapshot as plain values for JSON, a few times a second.

``View.facts`` is told once, ``View.frame`` again and again with what is new since the last one. Units stand in the names;
seconds are those of the source's clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mindleaf.live.events import Decision, Frames, Gap, Mark, Refused
from mindleaf.live.overheard import Levels, Overheard
from mindleaf.live.session import Session
from mindleaf.montage import Montage

#: EEG is drawn at about this rate, Hz.
_DRAWN_HZ = 64.0
#: Seconds over which the rate of samples is measured, and answers over which their age is.
_RATE_S, _AGES = 5.0, 120
#: The middle of the electrodes' sphere in head coordinates (right, front, up), metres.
_CENTRE_M = (0.0, 0.016, 0.03)


class View:
    """Of one session that has not started; it listens in on the session's source."""

    def __init__(self, session: Session) -> None:
        self.session = session
        session.source = self._heard = Overheard(session.source)
        self._reader = session.subscribe()
        self._levels = Levels(session.source.sound)
        rate = session.decoder.eeg.rate
        self._every = max(1, round(rate / _DRAWN_HZ))
        self._eeg_rate, self._eeg_rest = rate / self._every, np.zeros((0, len(session.snapshot.channels)), np.float32)
        self._eeg_stop, self._newest = 0.0, 0.0
        self._band = Band(max(2, round(session.snapshot.window_s / session.snapshot.hop_s)))
        self._counted: deque[tuple[float, int]] = deque()
        self._answer_ms: deque[float] = deque(maxlen=_AGES)
        self._page_ms: deque[float] = deque(maxlen=_AGES)
        self._positions, self._begun = head_positions(session.snapshot.channels), datetime.now()

    def facts(self) -> dict[str, Any]:
        """What does not change while the session runs."""
        s = self.session.snapshot
        return {
            "source": s.source, "model": s.model, "candidates": list(s.candidates), "channels": list(s.channels),
            "positions": self._positions, "window_s": s.window_s, "hop_s": s.hop_s, "delay_s": s.delay_s,
            "eeg_hz": self._eeg_rate, "stream_hz": self.session.decoder.eeg.info.sfreq, "sound_hz": self._levels.rate,
            "sound_bands": self._levels.n_bands, "begun": self._begun.isoformat(timespec="seconds"),
        }  # fmt: skip

    def frame(self) -> dict[str, Any]:
        """How things stand, and what happened since the last call."""
        events, s = self._reader.get(), self.session.snapshot
        heard, levels = self._levels.take([self._heard.heard.popleft() for _ in range(len(self._heard.heard))])
        return {
            "now": round(s.now, 3), "running": s.running, "state": str(s.state), "reason": s.reason,
            "attended": s.attended, "recording": Path(s.recording).name, "complaint": s.complaint,
            "decisions": [self._decided(event, s.attended) for event in events if isinstance(event, Decision)],
            "marks": [{"at": event.at, "label": event.label} for event in events if isinstance(event, Mark)],
            "gaps": [{"kind": e.kind, "lost": e.lost, "at": e.stamp} for e in events if isinstance(e, Gap)],
            "refused": [{"kind": e.kind, "n": e.n_samples, "reason": e.reason} for e in events if isinstance(e, Refused)],
            "eeg": self._drawn([event for event in events if isinstance(event, Frames) and event.kind == "eeg"]),
            "sound": {"at": round(heard, 3), "levels": levels.tolist()},
            "health": self._health(), "latency_ms": self._latency(),
        }  # fmt: skip

    def _decided(self, event: Decision, attended: int) -> dict[str, Any]:
        self._answer_ms.append(1e3 * (event.at - event.stop))
        return {
            "at": round(event.stop, 3), "probability": _rounded(event.probability), "belief": _rounded(event.belief),
            "band": self._band.take(event), "choice": event.choice, "reason": event.reason,
            "channels": list(event.channels), "attended": attended,
        }  # fmt: skip

    def _drawn(self, parts: Sequence[Frames]) -> dict[str, Any]:
        """Filtered EEG in microvolts (frame, channel), each frame the mean of a few: enough against aliases in a drawing."""
        if parts and abs(parts[0].stamp - self._eeg_stop) > 0.5 / self._eeg_rate:
            self._eeg_rest = self._eeg_rest[:0]
        if parts:
            self._eeg_stop = parts[-1].stamp + len(parts[-1].values) / parts[-1].rate
            self._page_ms.append(1e3 * (self.session.source.clock() - self._eeg_stop))
        rows = np.concatenate([self._eeg_rest, *(event.values for event in parts)])
        n = len(rows) // self._every
        means = rows[: n * self._every].reshape(n, self._every, rows.shape[1]).mean(axis=1)
        self._eeg_rest = rows[n * self._every :]
        first = self._eeg_stop - len(self._eeg_rest) / self._every / self._eeg_rate - n / self._eeg_rate
        return {"at": round(first, 3), "uv": np.round(means.astype(np.float64), 1).tolist()}

    def _health(self) -> dict[str, Any]:
        s = self.session.snapshot
        accounts = dict(s.accounts)
        eeg = accounts.get("eeg")
        n = eeg.received if eeg else 0
        self._counted.append((s.now, n))
        while len(self._counted) > 2 and s.now - self._counted[0][0] > _RATE_S:
            self._counted.popleft()
        seconds = s.now - self._counted[0][0]
        decoder = self.session.decoder
        return {
            "rate_hz": round((n - self._counted[0][1]) / seconds, 1) if seconds > 0 else 0.0,
            "window_held": round(min(1.0, decoder.eeg.n_frames / (s.window_s * decoder.eeg.rate)), 3),
            "page_dropped": self._reader.dropped,
            "streams": [
                {"kind": k, "received": a.received, "lost": a.lost, "refused": a.refused, "repeated": a.repeated}
                for k, a in accounts.items()
            ],
        }  # fmt: skip

    def _latency(self) -> dict[str, list[float]]:
        """Median, 95th and 99th percentile of each leg, milliseconds."""
        median, p95, p99, _ = self.session.snapshot.step_ms
        return {
            "transport": _percentiles(self._heard.late_ms), "step": [median, p95, p99],
            "answer": _percentiles(self._answer_ms), "page": _percentiles(self._page_ms),
        }  # fmt: skip


class Band:
    """How far single windows scatter: mean and standard deviation of the log odds of the last ``n`` answers, as probabilities.

    Windows that overlap share EEG, so this is a range to be seen, not an interval of confidence.
    """

    def __init__(self, n: int) -> None:
        self._odds: deque[NDArray[np.float64]] = deque(maxlen=n)

    def take(self, event: Decision) -> list[list[float]]:
        """[low, high] for each candidate; [] where there is no answer."""
        if event.choice < 0:
            self._odds.clear()
            return []
        p = np.clip(event.probability, 1e-6, 1 - 1e-6)
        self._odds.append(np.log(p / (1 - p)))
        odds = np.array(self._odds)
        middle, spread = odds.mean(axis=0), odds.std(axis=0)
        return np.round(1 / (1 + np.exp(-np.stack([middle - spread, middle + spread], axis=1))), 4).tolist()


def head_positions(channels: Sequence[str]) -> list[list[float] | None]:
    """Where each electrode lies on a head seen from above, nose up, ears at radius 1; None where nobody knows."""
    places = Montage.from_names(channels)[0].positions - _CENTRE_M
    angle = np.arctan2(np.hypot(places[:, 0], places[:, 1]), places[:, 2]) / (np.pi / 2)
    around = np.arctan2(places[:, 1], places[:, 0])
    flat = np.stack([angle * np.cos(around), angle * np.sin(around)], axis=1)
    return [[round(float(x), 3), round(float(y), 3)] if np.isfinite(x) else None for x, y in flat]


def _percentiles(values: Iterable[float]) -> list[float]:
    kept = list(values)
    return np.percentile(kept, [50, 95, 99]).round(2).tolist() if kept else [0.0, 0.0, 0.0]


def _rounded(values: Iterable[float]) -> list[float]:
    return [round(value, 4) for value in values]

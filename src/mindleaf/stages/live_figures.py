"""What a session was worth, where it is known who was attended: accuracy, delays, bits a minute, calibration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mindleaf.live.events import Decision, Event, Mark
from mindleaf.metrics.calibration import calibration_error
from mindleaf.metrics.intervals import wide_interval
from mindleaf.metrics.switching import information_transfer_rate, minimum_expected_switch_duration

#: Answers of one stretch of attention in pieces of this length count as one observation.
_CLUSTER_S = 30.0
#: A turn has windows this near on both sides.
_NEAR_S = 2.0


@dataclass(frozen=True, eq=False)
class Answered:
    """Windows through which one candidate was attended: scores and probability (window, candidate), decided or not."""

    stop: NDArray[np.float64]
    attended: NDArray[np.intp]
    scores: NDArray[np.float64]
    probability: NDArray[np.float64]
    choice: NDArray[np.intp]
    delay_s: NDArray[np.float64]
    cluster: NDArray[np.intp]

    @property
    def decided(self) -> NDArray[np.bool_]:
        return self.choice >= 0


def answered(events: Sequence[Event], window_s: float) -> Answered:
    """The windows whose answer is known; those in which attention turned are left out."""
    turns = turns_of(events)
    rows: list[tuple[Decision, int, int]] = []
    for decision in (event for event in events if isinstance(event, Decision)):
        before = [k for k, (at, _) in enumerate(turns) if at <= decision.stop - window_s + 1e-6]
        inside = any(decision.stop - window_s + 1e-6 < at < decision.stop for at, _ in turns)
        if before and not inside and turns[before[-1]][1] >= 0:
            piece = int((decision.stop - turns[before[-1]][0]) // _CLUSTER_S)
            rows.append((decision, turns[before[-1]][1], 10_000 * before[-1] + piece))
    n = len(rows[0][0].scores) if rows else 2
    return Answered(
        stop=np.array([d.stop for d, _, _ in rows]),
        attended=np.array([who for _, who, _ in rows], np.intp),
        scores=np.array([d.scores for d, _, _ in rows]).reshape(-1, n),
        probability=np.array([d.probability for d, _, _ in rows]).reshape(-1, n),
        choice=np.array([d.choice for d, _, _ in rows], np.intp),
        delay_s=np.array([d.at - d.stop for d, _, _ in rows]),
        cluster=np.unique([piece for _, _, piece in rows], return_inverse=True)[1].astype(np.intp),
    )


def turns_of(events: Sequence[Event]) -> list[tuple[float, int]]:
    """When attention turned, and to which candidate, -1 for none."""
    marks = [event for event in events if isinstance(event, Mark) and event.label.startswith("attend:")]
    return sorted((mark.at, int(mark.label.removeprefix("attend:"))) for mark in marks)


def figures(events: Sequence[Event], window_s: float, seed: int = 0) -> dict[str, object]:
    """Figures of a session by name; those that nothing is known about are left out."""
    every = [event for event in events if isinstance(event, Decision)]
    found: dict[str, object] = {"windows": len(every)}
    if every:
        found["no_decision"] = float(np.mean([d.choice < 0 for d in every]))
        found["delay_s"] = float(np.median([d.at - d.stop for d in every]))
    rows = answered(events, window_s)
    if not rows.decided.any():
        return found
    kept, n_options = rows.decided, rows.scores.shape[1]
    right = (rows.probability[kept].argmax(axis=1) == rows.attended[kept]).astype(float)
    accuracy = float(right.mean())
    found |= {
        "answered": int(kept.sum()), "accuracy": accuracy, "ci95": interval(right, rows.cluster[kept], seed), "chance": 1 / n_options,
        "smoothed_accuracy": float((rows.choice[kept] == rows.attended[kept]).mean()),
        "bits_per_minute": information_transfer_rate(accuracy, n_options, window_s),
        "ece": calibration_error(rows.probability[kept].max(axis=1), right),
        "switch_delay_s": switch_delay(events),
    }  # fmt: skip
    if n_options == 2:
        found["minimum_expected_switch_s"] = minimum_expected_switch_duration([window_s], [accuracy])
    return found


def interval(right: NDArray[np.float64], cluster: NDArray[np.intp], seed: int) -> tuple[float, float]:
    """95 % interval of the mean over clusters: windows that overlap, or lie side by side, are not so many observations."""
    number, index = np.unique(cluster, return_inverse=True)
    totals, sizes = np.bincount(index, right, len(number)), np.bincount(index, minlength=len(number)).astype(float)
    return wide_interval(lambda counts: (counts @ totals) / (counts @ sizes), len(number), seed)


def switch_delay(events: Sequence[Event]) -> float:
    """Median seconds from a turn of attention until the choice follows; infinite where it mostly does not, NaN without turns.

    A turn counts where windows end on both sides of it: between two trials nobody turns.
    """
    turns = turns_of(events)
    ends = [*(at for at, _ in turns[1:]), np.inf]
    decisions, delays = [event for event in events if isinstance(event, Decision)], []
    for (at, who), until in zip(turns, ends, strict=True):
        after = [d.stop - at for d in decisions if at < d.stop <= until and d.choice == who]
        if any(at - _NEAR_S < d.stop <= at for d in decisions) and any(at < d.stop < at + _NEAR_S for d in decisions):
            delays.append(after[0] if after else np.inf)
    return float(np.median(delays)) if delays else float("nan")

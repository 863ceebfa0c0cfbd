"""Verdict: how a control's score becomes pass, fail or skipped. Tolerances come from the data, never from a fixed number."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mindleaf.metrics.chance import binomial_limit, binomial_two_sided
from mindleaf.metrics.intervals import careful_interval

Status = Literal["pass", "fail", "skipped"]
LEVEL = 0.99
_MIN_CLUSTERS = 4


@dataclass(frozen=True)
class AuditRow:
    """One control: what it must be, what it was, and what that means in plain words."""

    control: str
    expected: str
    observed: str
    status: Status
    why: str

    def to_json(self) -> dict:
        return asdict(self)


def skipped(control: str, expected: str, why: str) -> AuditRow:
    return AuditRow(control, expected, "not run", "skipped", why)


@dataclass(frozen=True)
class ControlScore:
    """Credit per window under a control and in the evaluation itself, on the same windows.

    control, real (n,)   credit whose mean is the primary metric
    correct (n,)         plain credit under the control, for the binomial test over windows
    chance               expected mean without information
    clusters (n,)        number of the trial or subject of each window
    null (draw,)         what the control's own predictions score when trials exchange labels; for systems that do not hear
    """

    control: NDArray[np.float64]
    real: NDArray[np.float64]
    correct: NDArray[np.float64]
    chance: float
    clusters: NDArray[np.intp]
    null: NDArray[np.float64] | None = None

    @property
    def observed(self) -> float:
        return float(self.control.mean())

    def interval(self, values: NDArray[np.float64], seed: int) -> tuple[float, float]:
        """99 % interval of a mean, no further than shares (or differences of shares) go; over windows where trials are too few to
        resample, which is then said."""
        clusters = self.clusters if self.clusters.max() + 1 >= _MIN_CLUSTERS else np.arange(len(values))
        low, high = careful_interval(values, clusters, seed, LEVEL)
        return max(low, 0.0 if values.min() >= 0 else -1.0), min(high, 1.0)

    def beyond_chance(self, seed: int) -> int:
        """+1 above chance, -1 below, 0 neither: both the interval over clusters and the binomial test over windows agree."""
        low, high = self.interval(self.control, seed)
        certain = binomial_two_sided(float(self.correct.sum()), len(self.correct), self.chance) < 1 - LEVEL
        return int(certain and low > self.chance) - int(certain and high < self.chance)

    def outlives(self, seed: int) -> bool:
        """Whether the score is still more than luck under the control: what it took away was not needed."""
        if self.null is None:
            return self.beyond_chance(seed) > 0
        return self.observed > float(np.quantile(self.null, 0.5 + LEVEL / 2)) + 1e-9

    @property
    def real_beyond_luck(self) -> bool:
        """Whether the system's own score reaches what luck over single windows exceeds once in twenty: a generous test."""
        return bool(self.real.mean() >= binomial_limit(self.chance, len(self.real)))

    def real_beyond_chance(self, seed: int) -> bool:
        return bool(self.interval(self.real, seed)[0] > self.chance)


def must_be_at_chance(control: str, score: ControlScore, seed: int, means_above: str, below_is_failure: bool) -> AuditRow:
    """Verdict on a control that removes what the answer should rest on.

    fail: the control differs from chance. skipped: the system scores more than luck over windows would, yet the control's
    interval also holds the system's score, so that the control has no power. pass: otherwise. ``below_is_failure`` is for systems that hear: below chance, too, the
    answer follows from something other than EEG; a classifier falls below chance from unequal class counts alone.
    """
    if score.null is not None:
        return _must_be_luck(control, score, score.null, means_above)
    low, high = score.interval(score.control, seed)
    expected = f"chance ({score.chance:.3f})"
    observed = f"{score.observed:.3f} [{low:.3f}, {high:.3f}]"
    side = score.beyond_chance(seed)
    if side > 0 or (side < 0 and below_is_failure):
        return AuditRow(control, expected, observed, "fail", means_above)
    if score.real_beyond_luck and low <= score.real.mean() <= high:
        return AuditRow(control, expected, observed, "skipped", _powerless(score))
    few = score.clusters.max() + 1 < _MIN_CLUSTERS
    note = " (interval over windows: there are fewer than four trials)" if few else ""
    return AuditRow(control, expected, observed, "pass", f"without this, the system knows nothing, as it should{note}")


def _must_be_luck(control: str, score: ControlScore, null: NDArray[np.float64], means_above: str) -> AuditRow:
    """Verdict by exchange: predictions that know nothing score the same when trials exchange labels.

    Right for classifiers, whose blind predictions are one class over and over: each trial is then all right or all wrong, and
    an interval over trials would be too wide to say anything. Below is no failure: unequal class counts do that.
    """
    low, high = (float(x) for x in np.quantile(null, [0.5 - LEVEL / 2, 0.5 + LEVEL / 2]))
    expected = f"luck ({low:.3f} to {high:.3f})"
    observed = f"{score.observed:.3f}"
    if score.observed > high + 1e-9:
        return AuditRow(control, expected, observed, "fail", means_above)
    if score.real_beyond_luck and high >= score.real.mean() - 1e-9:
        return AuditRow(control, expected, observed, "skipped", _powerless(score))
    return AuditRow(control, expected, observed, "pass", "without this, the system knows nothing, as it should")


def _powerless(score: ControlScore) -> str:
    few = f"too few independent trials ({score.clusters.max() + 1}) to tell this control from the system itself"
    return f"{few} ({score.real.mean():.3f}) at 99 %"

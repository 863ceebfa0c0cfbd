"""Calibration of one system's windows: its error, the interval of it, and what perfect calibration would show on the same windows."""

from __future__ import annotations

from functools import partial
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mindleaf.metrics import calibration
from mindleaf.metrics.intervals import wide_interval

#: What a system's scores are, where they speak of probabilities: logits (their softmax does) or the probabilities themselves.
ScoreKind = Literal["", "logits", "probabilities"]


def calibration_summary(
    predictions: pd.DataFrame, names: list[str], clusters: NDArray[np.intp], kind: ScoreKind, seed: int
) -> dict[str, dict]:
    """The metric ``ece`` of results.json by its name; empty where scores are no probabilities (``kind`` "") or nothing is scored.

    names    the score columns
    mean     pooled over folds: bins of a single fold would hold too few windows. ``ci95`` resamples clusters.
    if_calibrated, if_calibrated95    mean and 95th percentile of what a perfectly calibrated system would show by noise
    """
    if not kind or predictions.empty:
        return {}
    scores = predictions[names].to_numpy(dtype=float)
    scores = calibration.of_probabilities(scores) if kind == "probabilities" else scores
    sums, sizes = calibration.gaps(*calibration.top_label(predictions["answer"], scores), clusters)
    error = float(calibration.error_of_draws(sums, sizes, np.ones((1, len(sums))))[0])
    level, high = calibration.level_if_calibrated(sums, sizes, seed)
    interval = wide_interval(partial(calibration.error_of_draws, sums, sizes), len(sums), seed)
    return {
        "ece": {
            "mean": error, "sd": None, "ci95": [float(x) if np.isfinite(x) else None for x in interval], "chance": None,
            "over": "pooled", "lower_is_better": True, "n_bins": calibration.N_BINS, "if_calibrated": level, "if_calibrated95": high,
        }
    }  # fmt: skip

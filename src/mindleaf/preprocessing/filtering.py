"""A whole recording through a pipeline at once, for signals that fit in memory: the stream's kernels, one block long."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mindleaf.preprocessing.gaps import filled_blocks
from mindleaf.preprocessing.pipeline import Pipeline
from mindleaf.preprocessing.resampling import Resampling
from mindleaf.preprocessing.streaming import stream_view
from mindleaf.preprocessing.zero_phase import usable_band as usable_band

#: A channel of a window that varies less than this is flat (microvolts).
Z_FLOOR = 1e-6


def filled(signal: NDArray[np.floating]) -> NDArray[np.float64]:
    """Non-finite samples replaced, row by row: interpolated between neighbours, zeros where a whole row is missing.

    signal: (n_channels, n_times); returns a float64 copy.
    """
    rows = np.asarray(signal).T
    blocks = list(filled_blocks(lambda first, last: rows[first:last], len(rows), max(len(rows), 1)))
    return np.array(blocks[0].T if blocks else signal, dtype=np.float64)


def resample(signal: NDArray[np.floating], from_hz: float, to_hz: float) -> NDArray[np.float64]:
    """Polyphase resampling along time; sample k stands at second k / to_hz, with no drift. signal: (n_channels, n_times)."""
    rows = np.asarray(signal, np.float64).T
    blocks = Resampling(from_hz, to_hz).resampled([rows], len(rows), np.float64)
    return np.ascontiguousarray(np.concatenate(list(blocks)).T, dtype=np.float64)


def apply(pipeline: Pipeline, signal: NDArray[np.floating], sfreq: float) -> NDArray[np.float32]:
    """The view of one recording: (n_channels, n_times) microvolts at ``sfreq`` -> (n_channels, n_times') at ``pipeline.sfreq``."""
    rows = np.asarray(signal).T
    blocks = stream_view(pipeline, lambda first, last: rows[first:last], rows.shape[1], len(rows), sfreq)
    return np.ascontiguousarray(np.concatenate(list(blocks)).T)


def z_score(windows: NDArray[np.float32], floor: float = Z_FLOOR, copy: bool = True) -> NDArray[np.float32]:
    """Per window and channel: zero mean, unit deviation over the last axis; a flat channel becomes zeros.

    copy: False scores the windows where they lie, if they are contiguous float32.
    """
    from mindleaf.preprocessing.kernels import z_score_rows

    out = np.array(windows, np.float32, order="C") if copy else np.ascontiguousarray(windows, np.float32)
    if out.size:
        z_score_rows(out.reshape(-1, out.shape[-1]), floor)
    return out

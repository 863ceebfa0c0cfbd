"""Examples: rows of a window table together with the way to read what stands behind them.

Systems and the audit see data only through this class, so a control (another trial's EEG, noise, silence) is a change
of the examples, never of a system.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mindleaf.errors import BadInput
from mindleaf.preprocessing.filtering import z_score
from mindleaf.preprocessing.pipeline import Pipeline
from mindleaf.store.features import Frontend
from mindleaf.store.places import Places
from mindleaf.store.store import Store
from mindleaf.store.table import n_candidate_columns

_ALL = slice(None)
#: Interquartile range of the noise that a control puts in the EEG's place, microvolts.
_NOISE_SPREAD = 13.49


@dataclass(frozen=True, eq=False)
class Examples:
    """Windows of one length, prepared by a task.

    rows         a window table with ``answer`` (0-based index of the right candidate, -1 for none) and ``target``
                 (class index, -1 for none)
    classes      names of the classes ``target`` counts
    eeg_rows     rows to read the EEG from instead of ``rows`` (a control); same length
    replace_eeg  "noise": Gaussian EEG drawn per window; "zero": zeros
    channels     the channels to read; empty for those that all recordings of the store have
    """

    store: Store
    rows: pd.DataFrame
    classes: tuple[str, ...] = ()
    eeg_rows: pd.DataFrame | None = None
    replace_eeg: Literal["", "noise", "zero"] = ""
    channels: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def facts(self) -> dict:
        return self.store.facts

    @property
    def answers(self) -> NDArray[np.int64]:
        return self._column("answer")

    @property
    def labels(self) -> NDArray[np.int64]:
        return self._column("target")

    def _column(self, name: str) -> NDArray[np.int64]:
        return self.rows[name].to_numpy(np.int64) if name in self.rows else np.full(len(self.rows), -1)

    @property
    def n_candidates(self) -> int:
        return n_candidate_columns(self.rows)

    @cached_property
    def window_s(self) -> float:
        lengths = (self.rows["stop"] - self.rows["start"]).round(6).unique()
        if len(lengths) != 1:
            raise BadInput(f"wanted windows of one length, got {len(lengths)} lengths; cut them with store.windows(window_s).")
        return float(lengths[0])

    @cached_property
    def channel_names(self) -> tuple[str, ...]:
        """``channels``, or those that every recording of the store has, in the first one's order."""
        if self.channels:
            return self.channels
        montages = [recording.montage.names for recording in self.store.recordings.values()]
        shared = set(montages[0]).intersection(*montages[1:])
        if not shared:
            raise BadInput(f"{self.store.path}: the recordings have no channel in common; prepare them apart.")
        return tuple(name for name in montages[0] if name in shared)

    @cached_property
    def _places(self) -> Places:
        return Places.of(self.rows if self.eeg_rows is None else self.eeg_rows)

    @cached_property
    def streams(self) -> tuple[NDArray[np.object_], NDArray[np.float64]]:
        """Stimulus of every candidate and the second of it at which the window begins, each (n, candidate)."""
        columns = range(1, self.n_candidates + 1)
        ids = np.empty((len(self.rows), self.n_candidates), object)
        starts = np.empty(ids.shape)
        for k in columns:
            ids[:, k - 1], starts[:, k - 1] = self.rows[f"stimulus_{k}"], self.rows[f"audio_start_{k}"]
        return ids, starts

    def eeg(self, pipeline: Pipeline, context_s: float = 0.0, at: NDArray[np.integer] | slice = _ALL) -> NDArray[np.float32]:
        """(n, channel, time) under the pipeline, of all windows or of those ``at`` some places in the table.

        ``context_s`` more seconds after each window (zeros past the trial).
        """
        if self.replace_eeg:
            n = round(self.window_s * pipeline.sfreq) + round(context_s * pipeline.sfreq)
            return self._replaced(self._places[at], n, pipeline)
        return self.store.view(pipeline).read(self._places[at], self.channel_names, context_s)

    def _replaced(self, places: Places, n: int, pipeline: Pipeline) -> NDArray[np.float32]:
        out = np.zeros((len(places), len(self.channel_names), n), np.float32)
        if self.replace_eeg == "noise":
            # A window's noise depends on the window alone, so that reading in parts gives the same noise.
            for target, recording, start in zip(out, places.recordings, places.starts, strict=True):
                seed = [round(start * 1000), *recording.encode()]
                target[:] = 10.0 * np.random.default_rng(seed).standard_normal(target.shape, np.float32)
        if pipeline.normalise == "recording":
            return out / _NOISE_SPREAD
        return z_score(out) if pipeline.normalise == "window" else out

    def audio(self, frontend: Frontend, context_s: float = 0.0, at: NDArray[np.integer] | slice = _ALL) -> NDArray[np.float32]:
        """Frames of every candidate: (n, candidate, feature, frame), one stack per window."""
        n_frames = round((self.window_s + context_s) * frontend.frame_rate)
        features = self.store.features(frontend)
        if not self.n_candidates:
            raise BadInput(f"{self.store.path}: these windows have no candidate stimuli; choose a task that needs no audio.")
        ids, starts = (part[at] for part in self.streams)
        return np.stack([features.read(*stream, n_frames) for stream in zip(ids.T, starts.T, strict=True)], axis=1)

    def take(self, positions: Sequence[int] | NDArray[np.intp]) -> Examples:
        """The examples at these positions, in this order."""
        chosen = np.asarray(positions, dtype=np.intp)
        eeg_rows = None if self.eeg_rows is None else self.eeg_rows.iloc[chosen].reset_index(drop=True)
        return replace(self, rows=self.rows.iloc[chosen].reset_index(drop=True), eeg_rows=eeg_rows)

    def with_rows(self, rows: pd.DataFrame) -> Examples:
        return replace(self, rows=rows)

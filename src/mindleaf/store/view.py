"""View: the signals of a store under one pipeline, and batched reading of windows from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mindleaf.errors import BadInput
from mindleaf.preprocessing.filtering import apply, z_score
from mindleaf.preprocessing.pipeline import Pipeline
from mindleaf.store.files import made_or_read, replacing, safe_name

if TYPE_CHECKING:
    from mindleaf.store.store import Store


class View:
    """Filtered and resampled signals, one file per recording, made when first read."""

    def __init__(self, store: Store, pipeline: Pipeline) -> None:
        self.store = store
        self.pipeline = pipeline
        self.sfreq = pipeline.sfreq
        self._folder = store.path / "views" / pipeline.fingerprint()
        self._open: dict[str, NDArray[np.float32]] = {}

    def signal(self, recording: str) -> NDArray[np.float32]:
        """One recording under the pipeline: (n_times, n_channels), memory-mapped."""
        if recording not in self._open:
            # The content hash is part of the name: a recording prepared anew never meets its old view.
            path = self._folder / f"{safe_name(recording)}-{self.store.recordings[recording].sha256[:12]}.npy"
            self._open[recording] = made_or_read(path, lambda: self._build(recording, path), mmap_mode="r")
        return self._open[recording]

    def _build(self, recording: str, path) -> None:
        stored = self.store.recordings[recording]
        view = apply(self.pipeline, self.store.signal(recording).T, stored.sfreq)
        with replacing(path) as temporary, temporary.open("wb") as handle:
            np.save(handle, np.ascontiguousarray(view.T), allow_pickle=False)

    def read(self, rows: pd.DataFrame, channel_names: Sequence[str], context_s: float = 0.0) -> NDArray[np.float32]:
        """Windows of equal length: (n, channel, time), channels in the order asked for.

        ``context_s`` more seconds are read after each window; past the trial's end they are zeros.
        """
        if rows.empty:
            return np.zeros((0, len(channel_names), 0), np.float32)
        length_s = float((rows["stop"] - rows["start"]).iloc[0])
        n = round(length_s * self.sfreq) + round(context_s * self.sfreq)
        out = np.zeros((len(rows), n, len(channel_names)), np.float32)
        ends = rows["trial_stop"] if "trial_stop" in rows else rows["stop"]
        columns = zip(rows["recording"], rows["start"], ends, strict=True)
        for target, (recording, start, end) in zip(out, columns, strict=True):
            signal = self.signal(recording)
            first = round(start * self.sfreq)
            last = min(first + n, round(end * self.sfreq), len(signal))
            if last > first:
                target[: last - first] = signal[first:last, self._columns(recording, tuple(channel_names))]
        windows = np.ascontiguousarray(out.transpose(0, 2, 1))
        return z_score(windows) if self.pipeline.normalise == "window" else windows

    def _columns(self, recording: str, channel_names: tuple[str, ...]) -> list[int] | slice:
        names = self.store.recordings[recording].montage.names
        if names == channel_names:
            return slice(None)
        missing = [name for name in channel_names if name not in names]
        if missing:
            raise BadInput(f"recording {recording} has no channel {missing[0]!r}; it has {', '.join(names[:8])} ...")
        place = {name: k for k, name in enumerate(names)}
        return [place[name] for name in channel_names]

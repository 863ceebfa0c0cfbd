"""View: the signals of a store under one pipeline, and batched reading of windows from them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mindleaf.errors import BadInput, ReadError
from mindleaf.preprocessing.filtering import z_score
from mindleaf.preprocessing.pipeline import Pipeline
from mindleaf.preprocessing.robust import RobustScale, robust_scale
from mindleaf.preprocessing.streaming import stream_view, view_length
from mindleaf.store.encoding import SignalArray
from mindleaf.store.files import safe_name
from mindleaf.store.gather import ViewSignal, open_view, places_of, write_view
from mindleaf.store.rooms import Rooms

if TYPE_CHECKING:
    from mindleaf.store.store import Store

#: Changes when the same pipeline gives other numbers or lies on disk in another way: old views are then not found.
ALGORITHM = 3


class View:
    """Filtered and resampled signals, one file per recording, made when first read."""

    def __init__(self, store: Store, pipeline: Pipeline) -> None:
        self.store = store
        self.pipeline = pipeline
        self.sfreq = pipeline.sfreq
        self._folder = store.path / "views" / pipeline.fingerprint()
        self._open: dict[str, SignalArray | NDArray[np.float32]] = {}
        self._rooms = Rooms()
        self._scales: dict[str, RobustScale] = {}
        self._places: dict[tuple[tuple[str, ...], tuple[str, ...]], NDArray[np.int64]] = {}

    def signal(self, recording: str) -> SignalArray | NDArray[np.float32]:
        """One recording under the pipeline: (n_times, n_channels), read from disk where it is indexed."""
        if recording not in self._open:
            stored = self.store.recordings[recording]
            # The content hash is part of the name: a recording prepared anew never meets its old view.
            path = self._folder / f"{safe_name(recording)}-{stored.sha256[:12]}-v{ALGORITHM}.npy"
            n_times = view_length(self.pipeline, stored.n_times, stored.sfreq)
            try:
                self._open[recording] = open_view(path, n_times)
            except ReadError:
                # Missing, cut short or with a flipped bit: a view can always be made again.
                self._build(recording, path, n_times)
                self._open[recording] = open_view(path, n_times)
        return self._open[recording]

    def _build(self, recording: str, path: Path, n_times: int) -> None:
        stored, signal = self.store.recordings[recording], self.store.signal(recording)
        n_channels = len(stored.montage.names)
        blocks = stream_view(self.pipeline, lambda first, last: signal[first:last], n_channels, stored.n_times, stored.sfreq)
        # A store that saves bytes has views that save bytes.
        write_view(path, blocks, n_channels, n_times, "int16" if str(signal.dtype) == "int16" else "float32")

    def read(self, rows: pd.DataFrame, channel_names: Sequence[str], context_s: float = 0.0) -> NDArray[np.float32]:
        """Windows of equal length: (n, channel, time), channels in the order asked for.

        ``context_s`` more seconds are read after each window; past the trial's end they are zeros.
        """
        if rows.empty:
            return np.zeros((0, len(channel_names), 0), np.float32)
        names = tuple(channel_names)
        starts, stops = rows["start"].to_numpy(float), rows["stop"].to_numpy(float)
        ends = rows["trial_stop"].to_numpy(float) if "trial_stop" in rows else stops
        n = round((stops[0] - starts[0]) * self.sfreq) + round(context_s * self.sfreq)
        firsts = np.rint(starts * self.sfreq).astype(np.int64)
        lasts = np.minimum(firsts + n, np.rint(ends * self.sfreq).astype(np.int64))
        out = self._rooms.room((len(rows), len(names), n))
        # A batch is small: a dictionary groups it in a tenth of the time that a table takes.
        places_by_recording: dict[str, list[int]] = {}
        for place, recording in enumerate(rows["recording"].tolist()):
            places_by_recording.setdefault(recording, []).append(place)
        for recording, listed in places_by_recording.items():
            places = np.array(listed)
            self._gather(recording, names, firsts[places], lasts[places], places, out)
            if self.pipeline.normalise == "recording":
                self._scale(recording, names, (lasts - firsts)[places], places, out)
        return z_score(out, copy=False) if self.pipeline.normalise == "window" else out

    def _gather(
        self, recording: str, names: tuple[str, ...], firsts: NDArray, lasts: NDArray, places: NDArray, out: NDArray
    ) -> None:
        signal, columns = self.signal(recording), self._columns(recording, names)
        if isinstance(signal, ViewSignal):
            signal.windows(firsts, lasts, places, columns, out)
            return
        for place, first, last in zip(places, firsts, lasts, strict=True):
            part = signal[first : max(first, last), columns]
            out[place, :, : len(part)], out[place, :, len(part) :] = part.T, 0.0

    def _scale(self, recording: str, names: tuple[str, ...], lengths: NDArray, places: NDArray, out: NDArray) -> None:
        """Divide by what the whole recording looks like; what lies past the trial's end stays zero."""
        if recording not in self._scales:
            signal = self.signal(recording)
            self._scales[recording] = robust_scale(lambda first, last: signal[first:last], len(signal))
        out[places] = self._scales[recording].apply(out[places], self._columns(recording, names))
        for place, length in zip(places, lengths, strict=True):
            out[place, :, max(0, length) :] = 0.0

    def _columns(self, recording: str, channel_names: tuple[str, ...]) -> NDArray[np.int64]:
        names = self.store.recordings[recording].montage.names
        if (names, channel_names) not in self._places:
            places = places_of(channel_names, names)
            if isinstance(places, str):
                raise BadInput(f"recording {recording} has no channel {places!r}; it has {', '.join(names[:8])} ...")
            self._places[names, channel_names] = places
        return self._places[names, channel_names]

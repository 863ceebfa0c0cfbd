"""View: the signals of a store under one pipeline, and batched reading of windows from them."""

from __future__ import annotations

import threading
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
from mindleaf.store.files import safe_name
from mindleaf.store.gather import ViewSignal, open_view, places_of, windows_of, write_view
from mindleaf.store.places import Places
from mindleaf.store.rooms import Rooms

if TYPE_CHECKING:
    from mindleaf.store.store import Store

#: Changes when the same pipeline gives other numbers or lies on disk in another way: old views are then not found.
ALGORITHM = 4


class Plan:
    """How channels of given names are read: where the recordings lie, and where the channels stand in them."""

    def __init__(self, n_channels: int) -> None:
        self.numbers: dict[str, int] = {}
        self.sources = np.empty((0, 5), np.int64)
        #: Recordings of equal montages share their row of columns.
        self.kinds: dict[tuple[str, ...], int] = {}
        self.columns = np.empty((0, n_channels), np.int64)
        #: Whether the signals hold int16: the compiled loop reads one kind at a time.
        self.coded = False


class View:
    """Filtered and resampled signals, one file per recording, made when first read."""

    def __init__(self, store: Store, pipeline: Pipeline) -> None:
        self.store = store
        self.pipeline = pipeline
        self.sfreq = pipeline.sfreq
        self._folder = store.path / "views" / pipeline.fingerprint()
        self._open: dict[str, ViewSignal] = {}
        self._rooms = Rooms()
        self._scales: dict[str, RobustScale] = {}
        self._plans: dict[tuple[str, ...], Plan] = {}
        # A plan grows while other threads read: a number is given out when what it stands for is in its place.
        self._lock = threading.Lock()

    def signal(self, recording: str) -> ViewSignal:
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

    def read(self, windows: pd.DataFrame | Places, channel_names: Sequence[str], context_s: float = 0.0) -> NDArray[np.float32]:
        """Windows of equal length: (n, channel, time), channels in the order asked for.

        windows: rows of a window table, or the ``Places`` of them, which is faster where many batches come from one table.
        ``context_s`` more seconds are read after each window; past the trial's end they are zeros.
        """
        places = windows if isinstance(windows, Places) else Places.of(windows)
        if not len(places):
            return np.zeros((0, len(channel_names), 0), np.float32)
        names = tuple(channel_names)
        n = round((places.stops[0] - places.starts[0]) * self.sfreq) + round(context_s * self.sfreq)
        firsts = np.rint(places.starts * self.sfreq).astype(np.int64)
        lasts = np.minimum(firsts + n, np.rint(places.ends * self.sfreq).astype(np.int64))
        out, recordings = self._rooms.room((len(places), len(names), n)), places.recordings.tolist()
        plan = self._plans.get(names) or self._plans.setdefault(names, Plan(len(names)))
        numbers = [plan.numbers.get(recording, -1) for recording in recordings]
        if -1 in numbers:
            with self._lock:
                numbers = [self._number(recording, names) for recording in recordings]
        sources = plan.sources[numbers]
        windows_of(sources, plan.columns, firsts, lasts, out, coded=plan.coded)
        if self.pipeline.normalise == "recording":
            self._scale(recordings, sources[:, -1], lasts - firsts, plan, out)
        return z_score(out, copy=False) if self.pipeline.normalise == "window" else out

    def _number(self, recording: str, names: tuple[str, ...]) -> int:
        """Where a recording stands among those from which channels of these names are read; kept, as every batch asks."""
        there, plan = self.store.recordings[recording].montage.names, self._plans[names]
        if recording in plan.numbers:
            return plan.numbers[recording]
        if there not in plan.kinds:
            places = places_of(names, there)
            if isinstance(places, str):
                raise BadInput(f"recording {recording} has no channel {places!r}; it has {', '.join(there[:8])} ...")
            plan.columns = np.concatenate([plan.columns, places[None]])
            plan.kinds[there] = len(plan.kinds)
        signal = self.signal(recording)
        if plan.numbers and plan.coded != (signal.dtype == "int16"):
            raise BadInput(
                f"{self.store.path}: recording {recording} is kept as {signal.dtype}, others are not; prepare the store again."
            )
        plan.coded = signal.dtype == "int16"
        plan.sources = np.concatenate([plan.sources, [signal.source(plan.kinds[there])]])
        return plan.numbers.setdefault(recording, len(plan.numbers))

    def _scale(
        self, recordings: list[str], kinds: NDArray[np.int64], lengths: NDArray[np.int64], plan: Plan, out: NDArray[np.float32]
    ) -> None:
        """Divide by what the whole recording looks like; what lies past the trial's end stays zero."""
        for place, (recording, kind, length) in enumerate(zip(recordings, kinds, lengths, strict=True)):
            if recording not in self._scales:
                self._scales[recording] = _scale_of(self.signal(recording))
            out[place] = self._scales[recording].apply(out[place], plan.columns[kind])
            out[place, :, max(0, length) :] = 0.0


def _scale_of(signal: ViewSignal) -> RobustScale:
    return robust_scale(lambda first, last: signal[first:last], len(signal))

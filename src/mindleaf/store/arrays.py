"""Windows in memory where a system looks for a store: arrays and MNE Epochs as ``Examples``."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
from einops import rearrange
from jaxtyping import Float
from numpy.typing import NDArray

from mindleaf.errors import BadInput
from mindleaf.montage import Montage
from mindleaf.preprocessing.filtering import apply, z_score
from mindleaf.preprocessing.pipeline import Pipeline
from mindleaf.preprocessing.robust import robust_scale
from mindleaf.store.examples import Examples
from mindleaf.store.places import Places
from mindleaf.store.store import Store, StoredRecording
from mindleaf.store.view import View

#: Signals (window x channel) that are filtered side by side; bounds memory.
_ROWS = 4096
_NAME = "arrays"


@dataclass(frozen=True, eq=False)
class Windows:
    """signal: (window, channel, time) in microvolts, finite; sfreq in Hz; the channels' names and places."""

    signal: Float[np.ndarray, "window channel time"]
    sfreq: float
    montage: Montage

    @property
    def window_s(self) -> float:
        return self.signal.shape[2] / self.sfreq

    def under(self, pipeline: Pipeline) -> Float[np.ndarray, "window channel time"]:
        """The windows filtered, resampled and scaled, each by itself: what comes out of one depends on no other.

        So a pipeline that scales by the whole recording scales by the window here.
        """
        signal, n_channels = self.signal, self.signal.shape[1]
        if pipeline.reference == "average":
            signal = signal - signal.mean(axis=1, keepdims=True)
        rows, alone = rearrange(signal, "w c t -> (w c) t"), pipeline.model_copy(update={"reference": "recorded"})
        parts = [apply(alone, rows[k : k + _ROWS], self.sfreq) for k in range(0, len(rows), _ROWS)]
        views = rearrange(np.concatenate(parts), "(w c) t -> w c t", c=n_channels)
        if pipeline.normalise == "recording":
            channels = np.arange(n_channels)
            scales = [robust_scale(lambda first, last, view=view: view[:, first:last].T, view.shape[1]) for view in views]  # type: ignore[misc]
            return np.stack([scale.apply(view, channels) for scale, view in zip(scales, views, strict=True)])
        return z_score(views) if pipeline.normalise == "window" else views

    def examples(self, labels: NDArray[np.integer], classes: Sequence[str], paradigm: str = "") -> Examples:
        """As systems read them. labels: (window,) index into ``classes``; paradigm: what was done, as data sets state it."""
        starts = np.arange(len(self.signal)) * self.window_s
        rows = pd.DataFrame({"start": starts, "stop": starts + self.window_s, "target": labels})
        for column, value in {"dataset": _NAME, "subject": "", "session": "", "run": "", "recording": _NAME}.items():
            rows[column] = value
        rows["trial"] = rows.index.astype(str)
        return Examples(ArrayStore(self, paradigm), rows, tuple(classes))


class ArrayView:
    """Windows under one pipeline, made once; read like ``store.view.View``."""

    def __init__(self, windows: Windows, pipeline: Pipeline) -> None:
        self.windows, self.sfreq, self._signal = windows, pipeline.sfreq, windows.under(pipeline)

    def read(self, places: Places, channel_names: Sequence[str], context_s: float = 0.0) -> NDArray[np.float32]:
        """(n, channel, time), channels in the order asked for; zeros where a window has no more samples."""
        numbers = np.rint(places.starts / self.windows.window_s).astype(np.int64)
        channels = [self.windows.montage.index(name) for name in channel_names]
        n = round(self.windows.window_s * self.sfreq) + round(context_s * self.sfreq)
        out = np.zeros((len(numbers), len(channels), n), np.float32)
        out[..., : self._signal.shape[2]] = self._signal[numbers[:, None], channels, :n]
        return out


@dataclass(eq=False)
class ArrayStore(Store):
    """A store that lies in memory: one recording, windows end to end in it, none of which touches its neighbours."""

    held: Windows
    paradigm: str = ""
    path: Path = field(default=Path(_NAME), init=False)

    def __post_init__(self) -> None:
        self.manifest = {"dataset": _NAME, "facts": {"paradigm": self.paradigm}, "recordings": [], "stimuli": []}
        self._array_views: dict[str, ArrayView] = {}

    @cached_property
    def recordings(self) -> dict[str, StoredRecording]:
        """The one recording; of its montage alone systems read."""
        signal = self.held.signal
        entry: dict[str, Any] = dict.fromkeys(("subject", "session", "run", "file", "sha256"), "")
        recording = StoredRecording(
            **entry, id=_NAME, sfreq=self.held.sfreq, montage=self.held.montage, issues=(),
            n_times=signal.shape[0] * signal.shape[2], dtype=str(signal.dtype),
        )  # fmt: skip
        return {_NAME: recording}

    def view(self, pipeline: Pipeline) -> View:
        """The windows under the pipeline."""
        key = pipeline.fingerprint()
        if key not in self._array_views:
            self._array_views[key] = ArrayView(self.held, pipeline)
        return cast(View, self._array_views[key])


def montage_of(n_channels: int, names: Sequence[str] | None, stacklevel: int = 4) -> Montage:
    """The montage of an array's channels; without names ch1, ch2 ... at unknown places, and a warning that says so.

    Raises BadInput where there are not as many names as channels, or two mean the same.
    """
    if names is None:
        warnings.warn(
            f"channel_names was left out: the {n_channels} channel(s) are called ch1.. and have no place on the head; give their "
            "names, so that what a model knows of electrodes counts.",
            stacklevel=stacklevel,
        )
        names = [f"ch{number}" for number in range(1, n_channels + 1)]
    if isinstance(names, str) or len(names) != n_channels:
        raise BadInput(
            f"wanted a name for each of {n_channels} channel(s), got {names!r}; give channel_names in the array's order."
        )
    return Montage.from_names(list(names))[0]


def epochs_windows(epochs: Any) -> Windows:
    """MNE Epochs (volts) as windows in microvolts: their EEG channels, with the positions they have."""
    eeg = epochs.copy().load_data().pick("eeg")
    return Windows(1e6 * eeg.get_data(copy=False), float(eeg.info["sfreq"]), montage_in(eeg.info))


def montage_in(info: Any) -> Montage:
    """The channels that MNE's description holds, with the positions it knows."""
    positions = np.array([channel["loc"][:3] for channel in info["chs"]])
    positions[~np.any(positions, axis=1)] = np.nan
    return Montage.from_names(info["ch_names"], positions)[0]

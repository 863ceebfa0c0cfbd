"""Store: each recording once, broadband, with the table of its trials; views and features are made on demand."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mindleaf.errors import BadInput, ReadError
from mindleaf.montage import Montage
from mindleaf.preprocessing.pipeline import Pipeline
from mindleaf.store.encoding import StoredSignal, open_signal_array
from mindleaf.store.features import Features, Frontend
from mindleaf.store.integrity import bytes_sha256, check_once, damaged_part, damaged_parts, samples_sha256, signal_sha256
from mindleaf.store.table import cut_windows
from mindleaf.store.view import View

FORMAT_VERSION = 2


@dataclass(frozen=True)
class StoredRecording:
    """What the manifest says of one recording; its signal lies in ``signals/``."""

    id: str
    subject: str
    session: str
    run: str
    sfreq: float
    montage: Montage
    n_times: int
    file: str
    sha256: str
    dtype: str
    issues: tuple[dict, ...]


@dataclass(frozen=True)
class StoredStimulus:
    """What the manifest says of one stimulus: a waveform at 16 kHz or an envelope at its own rate."""

    id: str
    kind: str
    sample_rate: float
    auditory_type: str
    n_samples: int
    file: str
    sha256: str


class Store:
    """A prepared data set, opened for reading. Raises BadInput where ``path`` is no complete store."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        manifest = self.path / "manifest.json"
        if not manifest.is_file():
            raise BadInput(
                f"{self.path}: wanted a store (a folder with manifest.json), found none; make one with "
                f"'mindleaf prepare DATASET --root PATH --out {self.path}'."
            )
        try:
            self.manifest = json.loads(manifest.read_text())
        except ValueError as error:
            raise damaged_part(manifest, type(error).__name__) from error
        if self.manifest.get("format_version") != FORMAT_VERSION:
            raise BadInput(
                f"{self.path}: store format {self.manifest.get('format_version', 'unknown')}, this version reads {FORMAT_VERSION}; prepare it again."
            )
        self._views: dict[str, View] = {}
        self._features: dict[str, Features] = {}

    @property
    def dataset(self) -> str:
        return self.manifest["dataset"]

    @property
    def facts(self) -> dict:
        return self.manifest["facts"]

    @property
    def content_sha256(self) -> str:
        return self.manifest["content_sha256"]

    @cached_property
    def index(self) -> pd.DataFrame:
        """The trial table, one row per trial (columns: see ``store.table``)."""
        path = self._place(self.manifest["trials"]["file"])
        check_once(path, self.manifest["trials"]["file_sha256"], bytes_sha256)
        return pd.read_parquet(path).astype({"attended": np.int64, "n_candidates": np.int64})

    @cached_property
    def recordings(self) -> dict[str, StoredRecording]:
        return {entry["id"]: _stored_recording(entry) for entry in self.manifest["recordings"]}

    @cached_property
    def stimuli(self) -> dict[str, StoredStimulus]:
        return {entry["id"]: StoredStimulus(**entry) for entry in self.manifest["stimuli"]}

    def windows(
        self,
        window_s: float,
        hop_s: float | None = None,
        start_s: float = 0.0,
        first_only: bool = False,
        stop_s: float | None = None,
    ) -> pd.DataFrame:
        """Windows of ``window_s`` seconds cut from the trials; see ``store.table.cut_windows``."""
        return cut_windows(self.index, window_s, hop_s, start_s, first_only, stop_s)

    def recording_windows(self, window_s: float, hop_s: float | None = None) -> pd.DataFrame:
        """Windows (end to end, or every ``hop_s``) over whole recordings, trials or not: what self-supervised training reads."""
        rows = [
            {
                "dataset": self.dataset,
                "subject": r.subject,
                "session": r.session,
                "run": r.run,
                "recording": r.id,
                "trial": "",
                "start": 0.0,
                "stop": r.n_times / r.sfreq,
                "attended": 0,
                "n_candidates": 0,
                "label": "",
            }
            for r in self.recordings.values()
        ]
        return cut_windows(pd.DataFrame(rows), window_s, hop_s)

    def signal(self, recording: str) -> StoredSignal:
        """The broadband signal of one recording: (n_times, n_channels) float32 microvolts, read from disk where it is indexed.

        A signal's hash is checked when this process first opens it; raises ReadError where it is damaged.
        """
        stored = self.recordings[recording]
        path = self._place(stored.file)
        check_once(path, stored.sha256, signal_sha256)
        return open_signal_array(path)

    def samples(self, stimulus: str) -> NDArray[np.float32]:
        """The samples of one stimulus, (n_samples,), memory-mapped; checked like a signal."""
        if stimulus not in self.stimuli:
            raise BadInput(f"stimulus {stimulus!r} is not in {self.path}; it holds {len(self.stimuli)} stimuli.")
        path = self._place(self.stimuli[stimulus].file)
        check_once(path, self.stimuli[stimulus].sha256, samples_sha256)
        return np.load(path, mmap_mode="r", allow_pickle=False)

    def _place(self, file: str) -> Path:
        """Where a part lies; a manifest from elsewhere may not point out of its store."""
        if Path(file).is_absolute() or ".." in Path(file).parts:
            raise ReadError(f"{self.path / 'manifest.json'}: names a part outside its store ({file}); prepare the store again.")
        return self.path / file

    def view(self, pipeline: Pipeline) -> View:
        """The filtered and resampled signals under a pipeline, built on first use and kept."""
        key = pipeline.fingerprint()
        if key not in self._views:
            self._views[key] = View(self, pipeline)
        return self._views[key]

    def features(self, frontend: Frontend) -> Features:
        """Frames of whole stimuli under an audio frontend, computed once per stimulus content."""
        key = frontend.fingerprint()
        if key not in self._features:
            self._features[key] = Features(self, frontend)
        return self._features[key]

    def verify(self, progress: Callable[[str], None] | None = None) -> list[str]:
        """Names of the parts whose content no longer has the recorded hash; empty where all is well. Reads everything."""
        return damaged_parts(self, progress)

    def __repr__(self) -> str:
        hours = sum(r.n_times / r.sfreq for r in self.recordings.values()) / 3600
        return f"Store({self.dataset}: {len(self.recordings)} recordings, {hours:.2f} h, {len(self.index)} trials, {len(self.stimuli)} stimuli)"


def _stored_recording(entry: dict) -> StoredRecording:
    names = tuple(entry["channel_names"])
    positions = np.array(entry["positions"], dtype=float).reshape(len(names), 3)
    return StoredRecording(
        id=entry["id"],
        subject=entry["subject"],
        session=entry["session"],
        run=entry["run"],
        sfreq=entry["sfreq"],
        montage=Montage(names, positions),
        n_times=entry["n_times"],
        file=entry["file"],
        sha256=entry["sha256"],
        dtype=entry["dtype"],
        issues=tuple(entry["issues"]),
    )

"""Embeddings on their way into an .npz file: vectors wait on disk, so memory does not grow with them."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray


class EmbeddingFile(AbstractContextManager["EmbeddingFile"]):
    """Collects windows and, when it is left without an error, writes the file; ``np.load`` reads it without pickles."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._vectors = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__
        self._rows: list[pd.DataFrame] = []
        self._channels: dict[str, tuple[str, ...]] = {}
        self._shape = (0, 0)

    def __enter__(self) -> Self:
        # What cannot be written here is refused before the work.
        self.path.touch()
        return self

    def add(self, vectors: NDArray[np.float32], rows: pd.DataFrame, channel_names: Sequence[str]) -> None:
        """vectors: (window, width); rows: what is known of each window, always in the same columns."""
        self._vectors.write(np.ascontiguousarray(vectors, np.float32).tobytes())
        self._rows.append(rows)
        self._shape = (self._shape[0] + len(vectors), vectors.shape[1])
        self._channels |= dict.fromkeys(rows["recording"], tuple(channel_names))

    def __exit__(self, kind: Any, *_: object) -> None:
        with self._vectors:
            if kind is None:
                self._write()

    def _write(self) -> None:
        with zipfile.ZipFile(self.path, "w") as archive:
            with archive.open("embedding.npy", "w", force_zip64=True) as entry:
                header = {
                    "descr": np.lib.format.dtype_to_descr(np.dtype(np.float32)),
                    "fortran_order": False,
                    "shape": self._shape,
                }
                np.lib.format.write_array_header_1_0(entry, header)
                self._vectors.seek(0)
                shutil.copyfileobj(self._vectors, entry)
            for name, array in self._described().items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                    np.lib.format.write_array(entry, array, allow_pickle=False)

    def _described(self) -> dict[str, NDArray[Any]]:
        rows = pd.concat(self._rows, ignore_index=True)
        columns: dict[str, NDArray[Any]] = {
            str(name): rows[name].to_numpy(float if name == "onset_s" else str) for name in rows if name != "window_s"
        }
        channels = [(name, channel) for name, channels in self._channels.items() for channel in channels]
        return columns | {
            "window_s": np.array(rows["window_s"].iloc[0]),
            "channel_recording": np.array([name for name, _ in channels]),
            "channel_names": np.array([channel for _, channel in channels]),
        }

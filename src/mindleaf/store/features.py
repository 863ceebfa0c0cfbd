"""Features: frames of whole stimuli, computed once per stimulus content by a callable the cache knows nothing about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from mindleaf.errors import BadInput
from mindleaf.store.files import made_or_read, replacing

if TYPE_CHECKING:
    from mindleaf.store.store import Store


class Frontend(Protocol):
    """What turns a whole stimulus into frames; frame f stands at second f / frame_rate."""

    @property
    def frame_rate(self) -> float: ...

    @property
    def n_features(self) -> int: ...

    @property
    def accepts(self) -> frozenset[str]: ...

    def fingerprint(self) -> str: ...

    def __call__(self, samples: NDArray[np.float32], sample_rate: float, kind: str) -> NDArray[np.float32]: ...


class Features:
    """Cached frames under ``features/<frontend fingerprint>/<stimulus sha256>.npy``."""

    def __init__(self, store: Store, frontend: Frontend) -> None:
        self.store = store
        self.frontend = frontend
        self._folder = store.path / "features" / frontend.fingerprint()
        self._frames: dict[str, NDArray[np.float32]] = {}

    def frames(self, stimulus: str) -> NDArray[np.float32]:
        """All frames of one stimulus: (feature, frame)."""
        if stimulus not in self._frames:
            samples = self.store.samples(stimulus)
            stored = self.store.stimuli[stimulus]
            if stored.kind not in self.frontend.accepts:
                raise BadInput(
                    f"stimulus {stimulus!r} is kept as {stored.kind}, this audio encoder needs "
                    f"{' or '.join(sorted(self.frontend.accepts))}; choose the envelope encoder."
                )
            path = self._folder / f"{stored.sha256}.npy"

            def make() -> None:
                frames = self.frontend(np.asarray(samples), stored.sample_rate, stored.kind).astype(np.float32)
                with replacing(path) as temporary, temporary.open("wb") as handle:
                    np.save(handle, frames, allow_pickle=False)

            self._frames[stimulus] = made_or_read(path, make)
        return self._frames[stimulus]

    def read(self, stimuli: Sequence[str], starts: Sequence[float], n_frames: int) -> NDArray[np.float32]:
        """Slices of equal length: (n, feature, frame); zeros before the stimulus begins and after it ends."""
        out = np.zeros((len(stimuli), self.frontend.n_features, n_frames), np.float32)
        for target, stimulus, start in zip(out, stimuli, starts, strict=True):
            frames = self.frames(stimulus)
            first = round(start * self.frontend.frame_rate)
            low, high = max(first, 0), min(first + n_frames, frames.shape[1])
            if high > low:
                target[:, low - first : high - first] = frames[:, low:high]
        return out

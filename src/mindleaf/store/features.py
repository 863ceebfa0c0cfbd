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


#: Stimuli whose frames stay open at once; each holds a file.
_KEPT_OPEN = 256


class Features:
    """Cached frames under ``features/<frontend fingerprint>/<stimulus sha256>.npy``.

    Keyed by content: stimuli that sound the same share a file, whatever they are called. Files are mapped, not read, with
    the features of one frame beside each other, so that memory does not grow with the stimuli and a window is one run of
    bytes. Raises BadInput where the frontend cannot take a stimulus of this kind.
    """

    def __init__(self, store: Store, frontend: Frontend) -> None:
        self.store = store
        self.frontend = frontend
        self._folder = store.path / "features" / frontend.fingerprint()
        self._open: dict[str, NDArray[np.float32]] = {}

    def frames(self, stimulus: str) -> NDArray[np.float32]:
        """All frames of one stimulus: (feature, frame)."""
        stored = self.store.stimuli.get(stimulus)
        content = stored.sha256 if stored else ""
        if content not in self._open:
            if len(self._open) >= _KEPT_OPEN:
                self._open.pop(next(iter(self._open)))
            self._open[content] = self._made_or_read(stimulus)
        return self._open[content]

    def _made_or_read(self, stimulus: str) -> NDArray[np.float32]:
        samples, stored = self.store.samples(stimulus), self.store.stimuli[stimulus]
        if stored.kind not in self.frontend.accepts:
            raise BadInput(
                f"stimulus {stimulus!r} is kept as {stored.kind}, this audio encoder needs "
                f"{' or '.join(sorted(self.frontend.accepts))}; choose the envelope encoder."
            )
        path = self._folder / f"{stored.sha256}.npy"

        def make() -> None:
            frames = self.frontend(np.asarray(samples), stored.sample_rate, stored.kind)
            with replacing(path) as temporary, temporary.open("wb") as handle:
                np.save(handle, np.asfortranarray(frames, np.float32), allow_pickle=False)

        return made_or_read(path, make, mmap_mode="r")

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

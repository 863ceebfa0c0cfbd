"""Searching one space: a description finds windows, a window finds descriptions, sounds, other windows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from mindleaf.errors import BadInput
from mindleaf.store.examples import Examples
from mindleaf.systems.one_space import OneSpace, Placed

Side = Literal["eeg", "sound"]
_SHOWN = ("subject", "recording", "trial", "start", "stop", "stimulus_1", "audio_start_1")


@dataclass(frozen=True, eq=False)
class Space:
    """Windows where they lie, by their EEG and by the sound that was heard in them.

    windows   subject, recording, trial, start and stop in seconds, the sound and its second, and the label where there is one
    """

    model: OneSpace
    windows: pd.DataFrame
    placed: Placed

    @classmethod
    def of(cls, model: OneSpace, examples: Examples) -> Space:
        rows = examples.rows[[name for name in (*_SHOWN, "label") if name in examples.rows]]
        return cls(model, rows.rename(columns={"stimulus_1": "sound", "audio_start_1": "sound_start"}), model.place(examples))

    def find(self, description: str, among: Side = "eeg", top: int = 5) -> pd.DataFrame:
        """The ``top`` windows whose EEG (or sound) lies nearest to a description, best first, with the cosine."""
        return self._nearest(self.model.describe(description)[0], among, top)

    def like(self, window: int, of: Side = "sound", among: Side = "eeg", top: int = 5) -> pd.DataFrame:
        """The ``top`` windows whose EEG (or sound) lies nearest to the sound (or EEG) of window number ``window``."""
        if not 0 <= window < len(self.windows):
            raise BadInput(f"wanted the number of a window, 0 to {len(self.windows) - 1}, got {window}; see .windows.")
        return self._nearest(self._side(of)[window], among, top)

    def describe(self, *descriptions: str, of: Side = "eeg") -> pd.DataFrame:
        """Cosine of each window's EEG (or sound) with each description: one row for each window."""
        if not descriptions:
            raise BadInput("wanted descriptions to choose from, got none; give one or more texts.")
        likeness = self._side(of) @ self.model.describe(*descriptions).T
        return pd.DataFrame(likeness, columns=list(descriptions), index=self.windows.index)

    def _nearest(self, vector: np.ndarray, among: Side, top: int) -> pd.DataFrame:
        likeness = self._side(among) @ vector
        order = np.argsort(-likeness, kind="stable")[:top]
        return self.windows.iloc[order].assign(cosine=likeness[order])

    def _side(self, name: Side) -> np.ndarray:
        if name not in ("eeg", "sound"):
            raise BadInput(f"wanted eeg or sound, got {name!r}; say of which of them.")
        return self.placed.eeg if name == "eeg" else self.placed.sound

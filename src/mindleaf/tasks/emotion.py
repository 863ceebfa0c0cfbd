"""Emotion: how did this window make the listener feel? Asked of EEG, of the sound, and of both, side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from mindleaf.tasks.candidates import candidate_fields, candidate_numbers
from mindleaf.tasks.classify import Classify
from mindleaf.tasks.match_mismatch import attended_streams


@dataclass(frozen=True)
class Emotion(Classify):
    """Classes are the values of the column "emotion", of "label" where there is none, or of the one named: ``emotion:valence``.

    The sound that was heard becomes the one candidate of a window, so that systems that hear can answer, too. Where some windows have a
    sound, those without are left out: all systems answer the same windows. A clip's sound alone gives the clip's
    label, so split by stimulus (``leave_one_stimulus_out``); where a split does not, the audio-only row shows it.
    """

    name: ClassVar[str] = "emotion"

    def cannot(self, windows: pd.DataFrame) -> str:
        return Classify(self._named(windows)).cannot(with_heard_sound(windows))

    def posed(self, windows: pd.DataFrame, seed: int) -> pd.DataFrame:
        return super().posed(with_heard_sound(windows), seed)

    def classes(self, windows: pd.DataFrame) -> tuple[str, ...]:
        return super().classes(with_heard_sound(windows))

    @classmethod
    def variants(cls, windows: pd.DataFrame) -> list[Emotion]:  # type: ignore[override]
        return [cls()] if "emotion" in windows else []

    def _labels(self, windows: pd.DataFrame) -> pd.Series:
        return Classify(self._named(windows))._labels(windows)

    def _named(self, windows: pd.DataFrame) -> str:
        return self.column or ("emotion" if "emotion" in windows else "label")


def with_heard_sound(windows: pd.DataFrame) -> pd.DataFrame:
    """The windows with the sound that was heard as their one candidate; all of them, without candidates, where none has one."""
    named = [f"{field}_{k}" for field in candidate_fields(windows) for k in candidate_numbers(windows)]
    heard = attended_streams(windows)
    if heard.empty:
        return windows.drop(columns=named).assign(n_candidates=0, attended=0)
    sound = {f"{field}_1": heard[field] for field in ("stimulus", "side", "talker", "audio_start")}
    rest = heard.drop(columns=[*named, "stimulus", "side", "talker", "audio_start"])
    return rest.assign(**sound, n_candidates=1, attended=1)

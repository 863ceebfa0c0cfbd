"""Trials and sounds of one BIDS recording, from its events table and the folder stimuli."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mindleaf.errors import ReadError
from mindleaf.reading.audio import SUFFIXES, AudioFile, load_samples, open_audio
from mindleaf.reading.presence import present_file
from mindleaf.recording import AuditoryType, Candidate, Issue, Stimulus, Trial

#: Suffixes of stimulus files that are seen, not heard.
SEEN_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".mp4", ".avi", ".mov", ".mkv")
#: Sound that ends earlier than its trial by no more than this is silence at the end, not a mistake.
TOLERANCE_S = 0.05


@dataclass(frozen=True)
class _Sound:
    stimulus: Stimulus
    seconds: float


@dataclass(frozen=True)
class TrialReader:
    """Reads the trials of one recording.

    folder     where the sounds are; source names the events table in errors
    task       label of the one trial that stands for a recording without trials
    seconds    length of the recording
    """

    folder: Path
    source: str
    task: str
    seconds: float

    def read(self, table: pd.DataFrame | None) -> tuple[tuple[Trial, ...], tuple[Stimulus, ...], list[Issue]]:
        """Trials, the sounds they use, and what was odd. ``table`` has numeric onset and duration, all else is text."""
        rows = pd.DataFrame() if table is None else table[np.isfinite(table["onset"]) & (table["duration"] > 0)]
        if rows.empty:
            why = "no events table" if table is None else "no event with a duration"
            text = f"There is {why}: the whole recording is one trial labelled {self.task!r}."
            return (Trial("whole", 0.0, self.seconds, {"label": self.task}),), (), [Issue("whole_recording", text)]
        cut = _Cut()
        sounds: dict[str, _Sound] = {}
        trials, other_media = [], set()
        names = _names(rows)
        for (_, row), name in zip(rows.iterrows(), names, strict=True):
            candidates, media = self._candidates(row, sounds)
            other_media |= media
            duration = self._common_duration(name, row, candidates, sounds, cut)
            if duration > 0:
                attended = self._attended(name, row, len(candidates))
                trials.append(Trial(name, float(row["onset"]), duration, _labels(row), candidates, attended))
        issues = cut.issues()
        if other_media:
            issues.append(Issue("stimuli_not_sound", f"{len(other_media)} stimulus files are not sound and were not used."))
        return tuple(trials), tuple(sound.stimulus for sound in sounds.values()), issues

    def _candidates(self, row: pd.Series, sounds: dict[str, _Sound]) -> tuple[tuple[Candidate, ...], set[str]]:
        """The streams of a row, and the stimulus files of it that are not sound. New sounds join ``sounds``."""
        files: list[str] = []
        while isinstance(named := row.get(f"stimulus_{len(files) + 1}"), str):
            files.append(named)
        if not files and isinstance(named := row.get("stim_file"), str):
            if self._sound_file(named) is None:
                return (), {named}
            files = [named]
        candidates = []
        for k, named in enumerate(files, start=1):
            path = self._sound_file(named)
            if path is None:
                raise ReadError(f"{self.source}: wanted a sound in column stimulus_{k}, got {named!r}; put it in stim_file.")
            identity = path.relative_to(self.folder).with_suffix("").as_posix()
            if identity not in sounds:
                sounds[identity] = _sound(identity, path, competing=len(files) > 1)
            offset = _number(row.get(f"audio_start_{k}"), 0.0)
            candidates.append(Candidate(identity, _text(row.get(f"side_{k}")), _text(row.get(f"talker_{k}")), offset))
        return tuple(candidates), set()

    def _sound_file(self, named: str) -> Path | None:
        """The file an events table names, with or without suffix and leading "stimuli/"; None where it is no sound."""
        relative = Path(named.strip().replace("\\", "/").removeprefix("/").removeprefix("stimuli/"))
        if ".." in relative.parts:
            raise ReadError(f"{self.source}: wanted a file below {self.folder}, got {named!r}; name sounds below it.")
        path = self.folder / relative
        if path.suffix.lower() in SUFFIXES:
            return present_file(path, "a sound that the events table names")
        for suffix in SUFFIXES:
            if (with_suffix := path.with_name(path.name + suffix)).exists():
                return present_file(with_suffix, "a sound that the events table names")
        if path.exists() or path.suffix.lower() in SEEN_SUFFIXES:
            return None
        raise ReadError(f"{path}.wav: wanted a sound that {self.source} names, there is no such file; check the folder stimuli.")

    def _common_duration(
        self, name: str, row: pd.Series, candidates: tuple[Candidate, ...], sounds: dict[str, _Sound], cut: _Cut
    ) -> float:
        """Seconds that the trial, its sounds and the recording all have; notes in ``cut`` what is missing."""
        onset, duration = float(row["onset"]), float(row["duration"])
        common = min(duration, self.seconds - onset) if onset >= 0 else 0.0
        if common < duration - TOLERANCE_S:
            cut.outside.append((name, duration - common))
        for candidate in candidates:
            heard = sounds[candidate.stimulus].seconds - candidate.offset
            if heard < duration - TOLERANCE_S:
                cut.short_sounds.append((name, candidate.stimulus, duration - heard))
                common = min(common, heard)
        return max(common, 0.0)

    def _attended(self, name: str, row: pd.Series, n_candidates: int) -> int:
        attended = _number(row.get("attended"), 1.0 if n_candidates == 1 else 0.0)
        if attended != int(attended) or not 0 <= attended <= n_candidates:
            got = f"got {row['attended']!r}; count streams from 1."
            raise ReadError(f"{self.source}: trial {name}: attended must be 0 to {n_candidates}, {got}")
        return int(attended)


class _Cut:
    """Trials that had to be cut: (trial, stimulus, seconds missing) and (trial, seconds missing)."""

    def __init__(self) -> None:
        self.short_sounds: list[tuple[str, str, float]] = []
        self.outside: list[tuple[str, float]] = []

    def issues(self) -> list[Issue]:
        issues = []
        if self.short_sounds:
            trial, stimulus, missing = max(self.short_sounds, key=lambda found: found[2])
            n_trials = len({found[0] for found in self.short_sounds})
            text = f"Sound ends before the EEG in {n_trials} trials, most in trial {trial}: {stimulus} lacks {missing:.2f} s; "
            issues.append(Issue("audio_short", text + "these trials were cut to what both have."))
        if self.outside:
            trial, missing = max(self.outside, key=lambda found: found[1])
            text = f"{len(self.outside)} trials lie partly outside the recording, most trial {trial} with {missing:.2f} s; "
            issues.append(Issue("trial_outside", text + "they were cut or left out."))
        return issues


def _sound(identity: str, path: Path, competing: bool) -> _Sound:
    header = _header(path, path.stat().st_mtime_ns)
    kind: AuditoryType = "competing_speech" if competing else "unknown"
    return _Sound(Stimulus(identity, header.sample_rate, partial(load_samples, path), "audio", kind), header.duration)


@lru_cache(maxsize=4096)
def _header(path: Path, changed: int) -> AudioFile:
    """Header of a sound; ``changed`` (modification time) makes the memory forget a rewritten file."""
    return open_audio(path)


def _names(rows: pd.DataFrame) -> list[str]:
    """Trial ids: the column "trial" where it tells rows apart, their number otherwise."""
    if "trial" in rows and rows["trial"].notna().all() and rows["trial"].is_unique:
        return [str(name) for name in rows["trial"]]
    return [str(number) for number in range(1, len(rows) + 1)]


def _labels(row: pd.Series) -> dict[str, str]:
    first = next((row[name] for name in ("label", "trial_type", "value") if isinstance(row.get(name), str)), "")
    condition = {"condition": row["condition"]} if isinstance(row.get("condition"), str) else {}
    return {"label": first, **condition}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Any, otherwise: float) -> float:
    number = pd.to_numeric(value, errors="coerce") if isinstance(value, str) else np.nan
    return float(number) if np.isfinite(number) else otherwise

"""Spans: windows that follow one another in a trial, put back together into continuous signals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mindleaf.preprocessing.pipeline import Pipeline
from mindleaf.store.examples import Examples
from mindleaf.store.features import Frontend


@dataclass(frozen=True)
class TrialSignals:
    """All of one trial that is at hand, as continuous pieces.

    eeg[i]: (time, channel) float64 as the pipeline gives it; audio[i]: (time, feature) of the attended candidate.
    """

    trial: tuple[str, str, str]
    eeg: tuple[NDArray[np.float64], ...]
    audio: tuple[NDArray[np.float64], ...]

    def z_scored(self) -> tuple[TrialSignals, NDArray[np.float64]]:
        """Every channel and feature to zero mean and unit deviation over the trial's pieces, and the channels' deviations.

        Gains differ between subjects and caps; one trial is the smallest unit over which they may be called constant.
        A flat channel becomes zeros and has deviation 0.
        """
        eeg, deviation = _standardised(self.eeg)
        return replace(self, eeg=eeg, audio=_standardised(self.audio)[0]), deviation

    def halved(self) -> tuple[TrialSignals, TrialSignals]:
        """The trial in two: its pieces, or where there is only one, that piece cut in the middle."""
        if len(self.eeg) == 1:
            middle = len(self.eeg[0]) // 2
            parts = ((0, middle), (middle, None))
            return tuple(replace(self, eeg=(self.eeg[0][a:b],), audio=(self.audio[0][a:b],)) for a, b in parts)  # type: ignore[return-value]
        middle = (len(self.eeg) + 1) // 2
        first = replace(self, eeg=self.eeg[:middle], audio=self.audio[:middle])
        return first, replace(self, eeg=self.eeg[middle:], audio=self.audio[middle:])


def joined(train: Examples, validation: Examples) -> Examples:
    """Training and validation data in one: for systems that choose their settings inside the training data."""
    if not len(validation) or validation.store.path != train.store.path or validation.replace_eeg != train.replace_eeg:
        return train
    eeg_rows = None
    if train.eeg_rows is not None or validation.eeg_rows is not None:
        parts = [part.rows if part.eeg_rows is None else part.eeg_rows for part in (train, validation)]
        eeg_rows = pd.concat(parts, ignore_index=True)
    return replace(train, rows=pd.concat([train.rows, validation.rows], ignore_index=True), eeg_rows=eeg_rows)


def trial_signals(examples: Examples, pipeline: Pipeline, frontend: Frontend) -> Iterator[TrialSignals]:
    """The trials of the examples that have an answer, one at a time; overlapping windows count once."""
    starts = examples.rows["start"].to_numpy(float)
    for trial, positions in sorted(answered_trials(examples).items()):
        part = examples.take(sorted(positions, key=lambda k: float(starts[k])))
        eeg = part.eeg(pipeline).transpose(0, 2, 1).astype(np.float64)
        audio = part.audio(frontend)[np.arange(len(part)), part.answers].transpose(0, 2, 1).astype(np.float64)
        first = np.round(part.rows["start"].to_numpy(float) * pipeline.sfreq).astype(int)
        pieces = _runs(first, eeg.shape[1], _breaks(part))
        yield TrialSignals(
            trial, tuple(_stitched(eeg, first, run) for run in pieces), tuple(_stitched(audio, first, run) for run in pieces)
        )


def answered_trials(examples: Examples) -> dict[tuple[str, str, str], list[int]]:
    """Positions of the windows that have an answer, by trial (dataset, recording, trial)."""
    keys = (examples.rows[name] for name in ("dataset", "recording", "trial"))
    out: dict[tuple[str, str, str], list[int]] = {}
    for position, (answer, *trial) in enumerate(zip(examples.answers, *keys, strict=True)):
        if answer >= 0:
            out.setdefault((trial[0], trial[1], trial[2]), []).append(position)
    return out


def _breaks(part: Examples) -> NDArray[np.bool_]:
    """Whether window k + 1 is not the continuation of window k: its audio, or the EEG a control put in place, jumps."""
    rows, pick = part.rows, (np.arange(len(part)), part.answers)
    columns = range(1, part.n_candidates + 1)
    stimulus = np.stack([rows[f"stimulus_{k}"].to_numpy(str) for k in columns], axis=1)[pick]
    clock = np.stack([rows[f"audio_start_{k}"].to_numpy(float) for k in columns], axis=1)[pick] - rows["start"].to_numpy(float)
    out = (stimulus[1:] != stimulus[:-1]) | (np.abs(np.diff(clock)) > 1e-3)
    if part.eeg_rows is not None:
        shift = part.eeg_rows["start"].to_numpy(float) - rows["start"].to_numpy(float)
        source = part.eeg_rows["recording"].to_numpy(str)
        out |= (np.abs(np.diff(shift)) > 1e-3) | (source[1:] != source[:-1])
    return out


def _runs(first: NDArray[np.integer], length: int, breaks: NDArray[np.bool_]) -> list[NDArray[np.intp]]:
    """Numbers of the windows of each continuous run; windows that touch or overlap belong together."""
    apart = (first[1:] > first[:-1] + length) | breaks
    return np.split(np.arange(len(first)), np.flatnonzero(apart) + 1)


def _stitched(windows: NDArray, first: NDArray[np.integer], run: NDArray[np.intp]) -> NDArray:
    """(window, time, column) of one run -> (time, column)."""
    start, length = first[run[0]], windows.shape[1]
    out = np.empty((first[run[-1]] - start + length, windows.shape[2]))
    for k in run:
        out[first[k] - start : first[k] - start + length] = windows[k]
    return out


def _standardised(pieces: tuple[NDArray, ...]) -> tuple[tuple[NDArray, ...], NDArray]:
    whole = np.concatenate(pieces)
    mean, deviation = whole.mean(axis=0), whole.std(axis=0)
    scale = np.divide(1.0, deviation, out=np.zeros_like(deviation), where=deviation > 1e-9)
    return tuple((piece - mean) * scale for piece in pieces), deviation

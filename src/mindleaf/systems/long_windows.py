"""Longer windows out of the windows at hand, never beyond them: what a curriculum begins with."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from mindleaf.errors import BadInput
from mindleaf.store.examples import Examples


def lengthened(examples: Examples, window_s: float) -> Examples:
    """Windows of ``window_s`` seconds that begin where those of ``examples`` begin and lie wholly inside them.

    Windows of one trial that touch or overlap and go on with the same sounds make one stretch; what lies between
    stretches (another part of a split) is never read. Raises BadInput where no stretch is that long.
    """
    order = examples.rows.reset_index(drop=True).sort_values(["dataset", "recording", "trial", "start"], kind="stable").index
    in_time = examples.take(order.to_numpy())
    rows, eeg = in_time.rows, in_time.eeg_rows
    trials = list(zip(*(rows[name] for name in ("dataset", "recording", "trial")), strict=True))
    attended, candidates = (pd.Series(part) for part in zip(*_heard(in_time), strict=True))
    begins = _changes(pd.Series(trials)) | _changes(attended) | (rows["start"] > rows["stop"].shift(fill_value=-np.inf) + 1e-6)
    if eeg is not None:
        begins |= _changes(eeg["recording"]) | ((eeg["start"] - rows["start"]).diff().abs() > 1e-3)
    if (_changes(candidates) & ~begins).any():
        raise BadInput(
            "a curriculum wants candidates that go on from window to window, those of this task are drawn anew for each; leave "
            "curriculum out."
        )
    stretch_stop = rows.groupby(begins.cumsum())["stop"].transform("max")
    fits = (rows["start"] + window_s <= stretch_stop + 1e-6).to_numpy()
    if not fits.any():
        longest = float((stretch_stop - rows["start"]).max()) if len(rows) else 0.0
        raise BadInput(
            f"{examples.store.path}: the curriculum wants windows of {window_s:g} s, the longest stretch of training data is "
            f"{longest:g} s; set curriculum to shorter lengths."
        )

    def longer(table: pd.DataFrame) -> pd.DataFrame:
        kept = table[fits].reset_index(drop=True)
        return kept.assign(stop=kept["start"] + window_s)

    return replace(examples, rows=longer(rows), eeg_rows=None if eeg is None else longer(eeg))


def _changes(column: pd.Series) -> pd.Series:
    return column != column.shift()


def _heard(examples: Examples) -> list[tuple[tuple[str, float], frozenset[tuple[str, float]]]]:
    """What is attended to, and all candidates, whatever their order; each with the time at which the sound began."""
    rows, start = examples.rows, examples.rows["start"]
    streams = [
        list(zip(rows[f"stimulus_{k}"], (rows[f"audio_start_{k}"] - start).round(3), strict=True))
        for k in range(1, examples.n_candidates + 1)
    ]
    windows = zip(examples.answers, zip(*streams, strict=True), strict=True)
    return [(sounds[answer] if answer >= 0 else ("", 0.0), frozenset(sounds)) for answer, sounds in windows]

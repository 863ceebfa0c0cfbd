"""Match or mismatch: is this the sound the listener attended to, or the same voice from elsewhere?"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from mindleaf.errors import BadInput
from mindleaf.tasks.candidates import candidate_fields, candidate_numbers, of_attended, shuffled
from mindleaf.tasks.task import Asks, Task

_TOLERANCE_S = 1e-6
_ATTEMPTS = 20


@dataclass(frozen=True)
class MatchMismatch(Task):
    """Two candidates: the window's own attended sound, and sound of the same stimulus at least a window away.

    Windows are paired so that each one's sound is the other's mismatch: heard alone, no sound is more often right than
    wrong. Partners come from the same subject and part of a fold: from the same trial where it has several windows,
    else from the same stimulus, else from the same talker; a window without any partner is left out with a warning.
    """

    name: ClassVar[str] = "match_mismatch"
    asks: ClassVar[Asks] = "candidates"
    # A partner from training would be the wrong one of two to whoever remembers what was right there.
    within_part: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.column:
            raise BadInput(f"match_mismatch takes no column, got {self.column!r}; say match_mismatch.")

    def cannot(self, windows: pd.DataFrame) -> str:
        streams = attended_streams(windows)
        if streams.empty:
            return "wanted windows with a stimulus that is attended, got none."
        if (mismatches(streams, seed=0) < 0).all():
            return "wanted other sound of the same stimulus or talker, at least a window away, got none; take shorter windows."
        return ""

    def posed(self, windows: pd.DataFrame, seed: int) -> pd.DataFrame:
        streams = attended_streams(windows)
        partner = mismatches(streams, seed)
        alone = partner < 0
        if alone.any():
            warnings.warn(f"match_mismatch: left out {alone.sum()} windows that no other window can stand against.", stacklevel=3)
        own, other = streams[~alone].reset_index(drop=True), streams.iloc[partner[~alone]].reset_index(drop=True)
        columns = [f"{field}_{k}" for field in candidate_fields(windows) for k in candidate_numbers(windows)]
        rows = own.drop(columns=[*columns, "stimulus", "side", "talker", "audio_start"], errors="ignore")
        for field in ("stimulus", "talker", "audio_start"):
            rows[f"{field}_1"], rows[f"{field}_2"] = own[field], other[field]
        rows["side_1"] = rows["side_2"] = own["side"]
        rows["n_candidates"], rows["attended"], rows["target"] = 2, 1, -1
        return shuffled(rows, 2, seed)

    def classes(self, windows: pd.DataFrame) -> tuple[str, ...]:
        return ()

    def chance(self, rows: pd.DataFrame) -> float:
        return 0.5

    def not_applicable(self, rows: pd.DataFrame, system_asks: Asks) -> str:
        return "" if system_asks == "candidates" else "match or mismatch can only be told by a system that hears the candidates"


def attended_streams(windows: pd.DataFrame) -> pd.DataFrame:
    """The rows with an attended stream (or a single one), with its stimulus, side, talker and audio_start in plain columns."""
    if not candidate_numbers(windows) or "audio_start_1" not in windows:
        return windows.iloc[:0]
    attended = windows["attended"].fillna(0).astype(int)
    single = (attended == 0) & (windows["n_candidates"].fillna(0) == 1)
    streams = windows.assign(attended=attended.mask(single, 1))
    streams = streams[streams["attended"] > 0].reset_index(drop=True)
    starts = streams[[f"audio_start_{k}" for k in candidate_numbers(streams)]].to_numpy(dtype=float)
    streams["audio_start"] = starts[np.arange(len(streams)), streams["attended"] - 1]
    for field in ("stimulus", "side", "talker"):
        streams[field] = of_attended(streams, field)
    return streams[streams["stimulus"] != ""].reset_index(drop=True)


def mismatches(streams: pd.DataFrame, seed: int) -> np.ndarray:
    """For each row of ``attended_streams`` the row whose sound stands against it, shape (n,); -1 where there is none."""
    partner = np.full(len(streams), -1, dtype=np.intp)
    window_s = float((streams["stop"] - streams["start"]).max()) if len(streams) else 0.0
    # A partner of the same stimulus stands elsewhere in the trial, so that the time in the trial says the answer. The audit's row
    # shortcuts looks for that; the decision on verdicts of the audit says why partners are not drawn from the same time.
    for level, columns in enumerate((["recording", "trial", "stimulus"], ["stimulus"], ["talker"])):
        pending = streams[partner < 0]
        for number, (_, rows) in enumerate(pending.groupby(["dataset", "subject", *columns], sort=True)):
            _pair_up(rows, partner, window_s, np.random.default_rng((seed, level, number)))
    return partner


def _pair_up(rows: pd.DataFrame, partner: np.ndarray, window_s: float, rng: np.random.Generator) -> None:
    """Pair the different pieces of sound in ``rows`` at random, each with one a window away; write partners in place."""
    keys = list(zip(rows["stimulus"], rows["audio_start"].round(6), strict=True))
    pieces = sorted(set(keys))
    other = _partners(pieces, window_s, rng)
    holders: dict[tuple, list[int]] = {}
    for row, key in zip(rows.index, keys, strict=True):
        holders.setdefault(key, []).append(row)
    number = {piece: position for position, piece in enumerate(pieces)}
    for row, key in zip(rows.index, keys, strict=True):
        against = other[number[key]]
        if against >= 0:
            partner[row] = rng.choice(holders[pieces[against]])


def _partners(pieces: list[tuple[str, float]], window_s: float, rng: np.random.Generator) -> list[int]:
    """For each piece (stimulus, second) the number of another, in pairs; an odd one out joins a pair as a ring of three."""
    n = len(pieces)

    def apart(a: int, b: int) -> bool:
        return pieces[a][0] != pieces[b][0] or abs(pieces[a][1] - pieces[b][1]) >= window_s - _TOLERANCE_S

    for attempt in range(_ATTEMPTS + 1):
        # The last attempt needs no luck: sorted pieces against those half a list away.
        order = list(rng.permutation(n)) if attempt < _ATTEMPTS else _interleaved_halves(n)
        rings = [order[start : start + 2] for start in range(0, n - n % 2, 2)]
        if n % 2 and rings:
            rings[-1] = [*rings[-1], order[-1]]
        if rings and all(apart(ring[i - 1], ring[i]) for ring in rings for i in range(len(ring))):
            found = [-1] * n
            for ring in rings:
                for i in range(len(ring)):
                    found[ring[i - 1]] = int(ring[i])
            return found
    return [-1] * n


def _interleaved_halves(n: int) -> list[int]:
    half = n // 2
    return [number for pair in zip(range(half), range(half, 2 * half), strict=True) for number in pair] + list(range(2 * half, n))

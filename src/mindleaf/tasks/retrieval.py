"""Retrieval: which of several sounds was heard? Two or three by forced choice, or a whole pool to rank (MindMix, A.3, A.4).

Where no trial brings its own wrong sounds, windows are put into groups whose members all have the same candidates: the sounds of
the group, each of which is the answer of exactly one window. Whatever orders such candidates by their sound alone gives
every window of the group the same order, and so is right exactly as often as chance, however well it remembers sounds.
Groups hold windows of one subject and of one part of a fold: who listens, and what this listener heard before, says nothing.
"""

from __future__ import annotations

import warnings
from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mindleaf.errors import BadInput
from mindleaf.tasks.attention import Attention
from mindleaf.tasks.candidates import candidate_fields, candidate_numbers, of_attended, shuffled
from mindleaf.tasks.match_mismatch import attended_streams
from mindleaf.tasks.pools import POOL_SIZE, choice_groups, pool_groups, pool_size
from mindleaf.tasks.task import Asks, Task

#: Column with the number of the group whose windows share their candidates.
POOL = "pool"
#: Sounds of different kinds (speech, music) are told apart without any detail; the store adds the kind where it knows it.
_SCOPE = ("dataset", "subject", "kind")


class Drawn(Task):
    """Base of the tasks whose wrong candidates are sounds of other windows of the same part of a fold."""

    asks: ClassVar[Asks] = "candidates"
    within_part: ClassVar[bool] = True

    @abstractmethod
    def groups(self, streams: pd.DataFrame, seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Positions of the candidates, (n, K), and the group number (n,) of each row of ``attended_streams``; -1: left out."""

    def posed(self, windows: pd.DataFrame, seed: int) -> pd.DataFrame:
        streams = _streams(windows)
        candidates, group = self.groups(streams, seed)
        kept = np.flatnonzero(group >= 0)
        n_candidates = candidates.shape[1]
        if len(streams) - len(kept) >= max(n_candidates, 0.1 * len(streams)):
            share = f"{len(streams) - len(kept)} of {len(streams)}"
            warnings.warn(
                f"{self.title}: left out {share} windows whose subject heard too little else; fewer folds help.", stacklevel=3
            )
        return shuffled(_with_candidates(streams, kept, candidates[kept]).assign(pool=group[kept]), n_candidates, seed)

    def classes(self, windows: pd.DataFrame) -> tuple[str, ...]:
        return ()

    def chance(self, rows: pd.DataFrame) -> float:
        return float((1.0 / rows["n_candidates"]).mean())

    def not_applicable(self, rows: pd.DataFrame, system_asks: Asks) -> str:
        return (
            "" if system_asks == "candidates" else "which sound was heard can only be told by a system that hears the candidates"
        )


@dataclass(frozen=True)
class RetrievalDuo(Drawn):
    """Which of two sounds was heard?

    Where trials present two sounds of which one is attended (two instruments of a piece), these two are the candidates.
    Elsewhere the wrong one is what the subject heard in another trial, from another stimulus.
    """

    name: ClassVar[str] = "retrieval_duo"
    n_candidates: ClassVar[int] = 2

    def __post_init__(self) -> None:
        if self.column:
            raise BadInput(f"{self.name} takes no column, got {self.column!r}; say {self.name}.")

    def cannot(self, windows: pd.DataFrame) -> str:
        if len(self._with_own(windows)):
            return ""
        streams = _streams(windows)
        if len(streams) and (self.groups(streams, seed=0)[1] >= 0).any():
            return ""
        return f"wanted subjects who attended to {self.n_candidates} stimuli or more, got none."

    def posed(self, windows: pd.DataFrame, seed: int) -> pd.DataFrame:
        own = self._with_own(windows)
        return Attention().posed(own, seed).assign(target=-1) if len(own) else super().posed(windows, seed)

    def groups(self, streams: pd.DataFrame, seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        candidates = np.full((len(streams), self.n_candidates), -1, dtype=np.intp)
        group = np.full(len(streams), -1, dtype=np.intp)
        for number, rows in enumerate(_scopes(streams)):
            for members in choice_groups(streams["stimulus"].to_numpy(str)[rows], self.n_candidates, (seed, number)):
                candidates[rows[members]], group[rows[members]] = rows[members], group.max(initial=-1) + 1
        return candidates, group

    def constant_attribute(self, rows: pd.DataFrame) -> list[str]:
        """As in attention where trials bring their own sounds; drawn ones are as often wrong as right."""
        return [] if POOL in rows else Attention().constant_attribute(rows)

    def _with_own(self, windows: pd.DataFrame) -> pd.DataFrame:
        """Windows whose trial presents as many sounds as are asked for, one of them attended."""
        if not {"n_candidates", "attended"} <= set(windows) or len(candidate_numbers(windows)) < self.n_candidates:
            return windows.iloc[:0]
        return windows[(windows["n_candidates"] == self.n_candidates) & (windows["attended"].fillna(0) >= 1)]


@dataclass(frozen=True)
class RetrievalTrio(RetrievalDuo):
    """Which of three sounds was heard? As ``retrieval_duo``."""

    name: ClassVar[str] = "retrieval_trio"
    n_candidates: ClassVar[int] = 3


@dataclass(frozen=True)
class RetrievalPool(Drawn):
    """Where does the sound that was heard stand among K sounds of the test part?

    K is 50, or what ``retrieval_pool:K`` says, or, with a warning, as many as there are. Sounds of a pool never overlap; pieces of one stimulus
    at different times may be among them. The last pool of a subject is filled up with sounds of its other windows,
    drawn at random, so that no window is left out. Training needs no pool: there the candidates are the sound that was heard.
    """

    name: ClassVar[str] = "retrieval_pool"

    def __post_init__(self) -> None:
        if self.column and (not self.column.isdecimal() or int(self.column) < 2):
            raise BadInput(
                f"retrieval_pool takes the number of sounds to rank, 2 or more, got {self.column!r}; say retrieval_pool:50."
            )

    def cannot(self, windows: pd.DataFrame) -> str:
        streams = _streams(windows)
        if len(streams) and self._size(streams) >= 2:
            return ""
        return "wanted subjects who attended to two sounds or more, got none."

    def posed(self, windows: pd.DataFrame, seed: int) -> pd.DataFrame:
        size = self._size(_streams(windows))
        if size < self._wanted:
            warnings.warn(
                f"{self.title}: wanted pools of {self._wanted} sounds, but {size} is what subjects' sounds allow in one part of the data; "
                "chance and ranks follow from that; fewer folds allow more.",
                stacklevel=3,
            )
        return super().posed(windows, seed)

    def learned(self, windows: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
        streams = _streams(windows)
        own = np.arange(len(streams))
        return shuffled(_with_candidates(streams, own, own[:, None]), 1, seed) if len(own) else windows.iloc[:0]

    def groups(self, streams: pd.DataFrame, seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        size, window_s = self._size(streams), _window_s(streams)
        candidates = np.full((len(streams), size), -1, dtype=np.intp)
        group = np.full(len(streams), -1, dtype=np.intp)
        for number, rows in enumerate(_scopes(streams)):
            for asked, members in pool_groups(*_pieces(streams, rows), window_s, size, (seed, number)):
                candidates[rows[asked]], group[rows[asked]] = rows[members], group.max(initial=-1) + 1
        return candidates, group

    @property
    def _wanted(self) -> int:
        return int(self.column or POOL_SIZE)

    def _size(self, streams: pd.DataFrame) -> int:
        """The K that all pools have: what was asked for, or what (nearly) every subject's sounds allow."""
        counts = [pool_size(*_pieces(streams, rows), _window_s(streams)) for rows in _scopes(streams)]
        return min(self._wanted, min((n for n in counts if 2 * n >= max(counts)), default=0))


def _streams(windows: pd.DataFrame) -> pd.DataFrame:
    streams = attended_streams(windows)
    return streams.assign(kind=of_attended(streams, "kind")) if "kind_1" in streams else streams


def _scopes(streams: pd.DataFrame) -> list[NDArray[np.intp]]:
    """Positions of the windows that may stand against each other."""
    columns = [name for name in _SCOPE if name in streams]
    return [np.asarray(rows, dtype=np.intp) for _, rows in sorted(streams.groupby(columns, sort=True).indices.items())]


def _pieces(streams: pd.DataFrame, rows: NDArray[np.intp]) -> tuple[NDArray, NDArray]:
    return streams["stimulus"].to_numpy(str)[rows], streams["audio_start"].to_numpy(float)[rows]


def _window_s(streams: pd.DataFrame) -> float:
    return float((streams["stop"] - streams["start"]).max()) if len(streams) else 0.0


def _with_candidates(streams: pd.DataFrame, kept: NDArray[np.intp], candidates: NDArray[np.intp]) -> pd.DataFrame:
    """Rows ``kept`` with the sounds at ``candidates`` (n, K); each row's own sound, wherever it stands, is the attended one."""
    named = [f"{field}_{k}" for field in candidate_fields(streams) for k in candidate_numbers(streams)]
    plain = ["stimulus", "side", "talker", "audio_start", "kind"]
    rows = streams.drop(columns=[*named, *plain], errors="ignore").iloc[kept].reset_index(drop=True)
    own = streams.iloc[kept].reset_index(drop=True)
    columns: dict[str, object] = {}
    for k in range(candidates.shape[1]):
        sound = streams.iloc[candidates[:, k]].reset_index(drop=True)
        columns |= {f"{field}_{k + 1}": sound[field] for field in ("stimulus", "talker", "audio_start")}
        columns[f"side_{k + 1}"] = own["side"]
    attended = (candidates == kept[:, None]).argmax(axis=1) + 1
    return pd.concat([rows, pd.DataFrame(columns)], axis=1).assign(n_candidates=candidates.shape[1], attended=attended, target=-1)

"""Montage: channel names and where they sit on the head; what became of every name a file brought."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mindleaf.errors import BadInput

if TYPE_CHECKING:
    import mne

# 10-20 and 10-10 positions from front to back, then mastoids (M) and ear lobes (A).
_TEN_TEN = """
Fp1 Fpz Fp2 AF9 AF7 AF5 AF3 AF1 AFz AF2 AF4 AF6 AF8 AF10 F9 F7 F5 F3 F1 Fz F2 F4 F6 F8 F10
FT9 FT7 FC5 FC3 FC1 FCz FC2 FC4 FC6 FT8 FT10 T9 T7 C5 C3 C1 Cz C2 C4 C6 T8 T10
TP9 TP7 CP5 CP3 CP1 CPz CP2 CP4 CP6 TP8 TP10 P9 P7 P5 P3 P1 Pz P2 P4 P6 P8 P10
PO9 PO7 PO5 PO3 PO1 POz PO2 PO4 PO6 PO8 PO10 O1 Oz O2 I1 Iz I2 M1 M2 A1 A2
"""
# The rows between them (10-5): row name, numbers. Each lateral name also exists with "h", half a step nearer the midline.
_TEN_FIVE_ROWS = (
    """
AFp 9 7 5 3 1 z 2 4 6 8 10|AFF 9 7 5 3 1 z 2 4 6 8 10|FFT 9 7 8 10|FFC 5 3 1 z 2 4 6|FTT 9 7 8 10|FCC 5 3 1 z 2 4 6
TTP 9 7 8 10|CCP 5 3 1 z 2 4 6|TPP 9 7 8 10|CPP 5 3 1 z 2 4 6|PPO 9 7 5 3 1 z 2 4 6 8 10|POO 9 7 5 3 1 z 2 4 6 8 10
OI 1 z 2
""".replace("\n", "|")
    .strip("|")
    .split("|")
)


#: How far from an electrode of the table a channel may sit to be taken for it, metres.
_NEAR_M = 0.015
_EARS = frozenset({"M1", "M2", "A1", "A2"})


def _ten_five() -> list[str]:
    whole = [f"{row}{number}" for row, *numbers in map(str.split, _TEN_FIVE_ROWS) for number in numbers]
    return whole + [f"{name}h" for name in [*_TEN_TEN.split(), *whole] if name not in _EARS and not name.endswith("z")]


#: The electrode table. The order is part of every trained model: append, never reorder.
ELECTRODES: tuple[str, ...] = (*_TEN_TEN.split(), *_ten_five())
#: Row for channels that are not in the table.
OTHER = len(ELECTRODES)
#: Older 10-20 names and what they are called today (Nuwer 2018, IFCN 10-10 guideline).
ALIASES: dict[str, str] = {"T3": "T7", "T4": "T8", "T5": "P7", "T6": "P8"}

_ROW = {name: row for row, name in enumerate(ELECTRODES)}
_CANONICAL = {name.casefold(): name for name in ELECTRODES} | {old.casefold(): new for old, new in ALIASES.items()}
_REFERENCE = re.compile(r"[-_ ](ref|le|lef|av|avg|ar|car|cref|ler|m1|m2|a1|a2|a1a2|m1m2|a1\+a2|m1\+m2)$", re.IGNORECASE)
_BIOSEMI = re.compile(r"[A-H]([1-9]|[12][0-9]|3[0-2])")
# BioSemi names that no other system uses (E1 is an eye channel in sleep recordings); one of them tells that A1, C3
# and F4 are BioSemi's too.
_ONLY_BIOSEMI = re.compile(r"A([3-9]|[12][0-9]|3[0-2])|[BD]([1-9]|[12][0-9]|3[0-2])")


def clean_name(raw: str) -> str:
    """The name a channel goes by: "EEG Fp1" -> "Fp1", "Fc5." -> "FC5", "EEG FP1-REF" -> "Fp1", "T3" -> "T7".

    A reference is cut off only from a scalp electrode ("F4-M1" -> "F4"), so bipolar names ("Fpz-Cz", "A2-A1") stay.
    Unknown names come back as written, without an "EEG" in front. Raises BadInput on an empty name.
    """
    plain = _plain(raw)
    return _CANONICAL.get(plain.casefold(), plain)


def electrode_index(name: str) -> int:
    """Row of the electrode table, OTHER for a name that is not in it.

    A BioSemi "C3" is not the 10-20 "C3": where the other names are at hand use ``electrode_indices``.
    """
    return _ROW.get(clean_name(name), OTHER)


def electrode_indices(names: Sequence[str]) -> NDArray[np.int64]:
    """Rows of the electrode table for a whole set of channels, shape (n,); BioSemi's A1..H32 are OTHER."""
    biosemi = is_biosemi(names)
    rows = [OTHER if biosemi and _BIOSEMI.fullmatch(name) else electrode_index(name) for name in names]
    return np.array(rows, dtype=np.int64)


def is_biosemi(names: Sequence[str]) -> bool:
    """Whether the names are BioSemi's A1..H32, in which "A1" is no ear and "C3" no 10-20 position."""
    return any(_ONLY_BIOSEMI.fullmatch(name.strip()) for name in names)


@lru_cache(maxsize=8)
def layout_positions(layout: str = "10-5") -> Mapping[str, NDArray[np.float64]]:
    """Positions in metres, head coordinates, of a standard layout: "10-5" or a name MNE knows ("biosemi128").

    Raises BadInput for a layout that MNE does not have.
    """
    import mne

    known = mne.channels.get_builtin_montages()
    name = ("colin27_1005" if "colin27_1005" in known else "standard_1005") if layout == "10-5" else layout
    if name not in known:
        raise BadInput(f"layout {layout!r} is not known; there are: 10-5, {', '.join(known)}.")
    standard = mne.channels.make_standard_montage(name)
    info = mne.create_info(standard.ch_names, 1.0, "eeg", verbose="error")
    info.set_montage(standard, verbose="error")
    return {channel["ch_name"]: np.array(channel["loc"][:3]) for channel in info["chs"]}


@dataclass(frozen=True)
class ChannelReport:
    """What became of the channels of a file.

    matched       found in the electrode table, under their cleaned name
    aliased       raw name -> today's name, for names that mean another one ("T3" -> "T7")
    other         kept under their own name, not in the table
    interpolated, dropped   filled in later by those who interpolate or drop channels
    """

    matched: tuple[str, ...] = ()
    aliased: Mapping[str, str] = field(default_factory=dict)
    other: tuple[str, ...] = ()
    interpolated: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()

    def __str__(self) -> str:
        aliased = tuple(f"{raw}={name}" for raw, name in self.aliased.items())
        parts = [f"{len(self.matched)} matched"]
        for word, names in (
            ("aliased", aliased),
            ("other", self.other),
            ("interpolated", self.interpolated),
            ("dropped", self.dropped),
        ):
            if names:
                parts.append(f"{len(names)} {word} ({_shortened(names)})")
        return ", ".join(parts)


@dataclass(frozen=True, eq=False)
class Montage:
    """Channel names, in the order of the signal's rows, and positions (n, 3) in metres, head coordinates; NaN where unknown.

    Raises BadInput for a name that is empty or comes twice, and for positions of the wrong shape or not in metres.
    """

    names: tuple[str, ...]
    positions: NDArray[np.float64]
    #: None: read off the names. ``select`` hands it on, so that a BioSemi "C3" taken alone stays one.
    biosemi: bool | None = None

    def __post_init__(self) -> None:
        for number, name in enumerate(self.names, start=1):
            if not isinstance(name, str) or not name.strip():
                raise BadInput(f"channel without a name: channel {number} of {len(self.names)}; name it in the file.")
        twice = sorted({name for name in self.names if self.names.count(name) > 1})
        if twice:
            raise BadInput(f"channel names must differ, {', '.join(twice)} came twice; rename or drop one of them.")
        positions = np.array(self.positions, dtype=np.float64)
        if positions.shape != (len(self.names), 3):
            raise BadInput(f"positions: wanted shape ({len(self.names)}, 3), got {positions.shape}; give one row per channel.")
        if np.any(np.abs(positions) > 1.0):
            farthest = np.nanmax(np.abs(positions))
            raise BadInput(f"positions: wanted metres from the head's centre, got {farthest:g}; divide millimetres by 1000.")
        positions.flags.writeable = False
        object.__setattr__(self, "names", tuple(self.names))
        object.__setattr__(self, "positions", positions)
        object.__setattr__(self, "biosemi", is_biosemi(self.names) if self.biosemi is None else self.biosemi)

    @classmethod
    def from_names(cls, raw_names: Sequence[str], positions: ArrayLike | None = None) -> tuple[Montage, ChannelReport]:
        """Clean the names of a file and place them; rows of ``positions`` (metres, head coordinates) win over the table.

        Raises BadInput for an empty name or two raw names that mean the same channel.
        """
        names, report = _clean_all(raw_names)
        given = np.full((len(names), 3), np.nan) if positions is None else np.array(positions, dtype=np.float64)
        if given.shape == (len(names), 3):
            known = set(report.matched) | set(report.aliased.values())
            for row in np.flatnonzero(np.isnan(given).any(axis=1)):
                given[row] = layout_positions()[names[row]] if names[row] in known else np.nan
        return cls(names, given), report

    @property
    def indices(self) -> NDArray[np.int64]:
        """Rows of the electrode table, shape (n,), OTHER where there is none."""
        other = [bool(self.biosemi) and _BIOSEMI.fullmatch(name) is not None for name in self.names]
        rows = [OTHER if is_other else electrode_index(name) for name, is_other in zip(self.names, other, strict=True)]
        return np.array(rows, dtype=np.int64)

    @cached_property
    def nearest_indices(self) -> NDArray[np.int64]:
        """``indices``, and for unknown names at a known place the row of the nearest electrode no other channel has taken.

        Only electrodes within 15 mm count; whatever is farther, or has no position, stays OTHER. So a BioSemi cap shares
        what a model has learned about the places under it.
        """
        from scipy.optimize import linear_sum_assignment

        rows = self.indices
        lost = np.flatnonzero((rows == OTHER) & np.isfinite(self.positions).all(axis=1))
        free = np.setdiff1d(np.arange(len(ELECTRODES)), rows)
        if not len(lost):
            return rows
        table = np.array([layout_positions().get(ELECTRODES[row], np.full(3, np.nan)) for row in free])
        distance = np.linalg.norm(self.positions[lost, None] - table, axis=-1)
        distance = np.where(np.isfinite(distance), distance, np.inf).clip(max=1.0)
        which, taken = linear_sum_assignment(distance)
        near = distance[which, taken] <= _NEAR_M
        rows[lost[which[near]]] = free[taken[near]]
        return rows

    def index(self, name: str) -> int:
        """Row of a channel, by its name or any spelling of it; raises BadInput listing the channels."""
        for spelling in (name, clean_name(name)):
            if spelling in self.names:
                return self.names.index(spelling)
        raise BadInput(f"channel {name!r} is not in this montage; there are: {', '.join(self.names)}.")

    def select(self, names: Sequence[str]) -> Montage:
        """The montage of the given channels, in the given order."""
        rows = [self.index(name) for name in names]
        return Montage(tuple(self.names[row] for row in rows), self.positions[rows].reshape(-1, 3), self.biosemi)

    def info(self, sfreq: float) -> mne.Info:
        """MNE's description of these channels at ``sfreq`` Hz, all of type EEG, with the positions that are known."""
        import mne

        info = mne.create_info(list(self.names), sfreq, "eeg", verbose="error")
        where = {name: place for name, place in zip(self.names, self.positions, strict=True) if not np.isnan(place).any()}
        if where:
            info.set_montage(mne.channels.make_dig_montage(where, coord_frame="head"), on_missing="ignore", verbose="error")
        return info

    def __len__(self) -> int:
        return len(self.names)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Montage):
            return NotImplemented
        same_places = self.names == other.names and np.array_equal(self.positions, other.positions, equal_nan=True)
        return same_places and self.biosemi == other.biosemi

    def __hash__(self) -> int:
        return hash(self.names)

    def __repr__(self) -> str:
        placed = int((~np.isnan(self.positions).any(axis=1)).sum())
        return f"Montage({len(self.names)} channels, {placed} with a position: {_shortened(self.names)})"


def _plain(raw: str) -> str:
    """The name without an "EEG" in front, dots behind, and a reference where a scalp electrode stands before it."""
    name = raw.strip() if isinstance(raw, str) else ""
    if not name:
        raise BadInput("channel without a name: every channel needs one; name it in the file or drop it.")
    bare = re.sub(r"^EEG[\s:_-]+", "", name, flags=re.IGNORECASE).strip()
    if bare and not bare.isdigit():
        name = bare
    name = name.rstrip(".") or name
    stem = _REFERENCE.sub("", name).strip()
    canonical = _CANONICAL.get(stem.casefold())
    return stem if canonical is not None and canonical not in _EARS else name


def _clean_all(raw_names: Sequence[str]) -> tuple[tuple[str, ...], ChannelReport]:
    names: dict[str, str] = {}
    matched, other, aliased = [], [], {}
    biosemi = is_biosemi([raw for raw in raw_names if isinstance(raw, str)])
    for number, raw in enumerate(raw_names, start=1):
        if not isinstance(raw, str) or not raw.strip():
            raise BadInput(f"channel without a name: channel {number} of {len(raw_names)}; name it in the file or drop it.")
        name = raw.strip() if biosemi and _BIOSEMI.fullmatch(raw.strip()) else clean_name(raw)
        if name in names:
            raise BadInput(f"channels {names[name]!r} and {raw!r} both mean {name}; rename or drop one of them.")
        names[name] = raw
        if name not in _ROW or (biosemi and _BIOSEMI.fullmatch(name)):
            other.append(name)
        elif _plain(raw).upper() in ALIASES:
            aliased[raw] = name
        else:
            matched.append(name)
    return tuple(names), ChannelReport(matched=tuple(matched), aliased=aliased, other=tuple(other))


def _shortened(names: Sequence[str], limit: int = 6) -> str:
    return " ".join(names[:limit]) + (f" and {len(names) - limit} more" if len(names) > limit else "")

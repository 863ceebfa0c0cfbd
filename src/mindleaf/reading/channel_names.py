"""Do the channel names look undamaged? Names outside the electrode table, without their other side, or written unlike the rest."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection
from typing import Any

from mindleaf.montage import ELECTRODES, OTHER, clean_name, electrode_indices
from mindleaf.reading.notes import note

#: One of these may stand alone: the other one was the reference.
_REFERENCES = frozenset({"A1", "A2", "M1", "M2", "TP9", "TP10", "FT9", "FT10", "T9", "T10", "P9", "P10"})
_FEWEST_LATERAL = 4
_MOST_ALONE = 2


def name_notes(names: list[str], types: list[str], known: Collection[str]) -> list[dict[str, Any]]:
    """Issues of the names of a whole file; ``known`` are names outside the table that belong in it. A file of other names is left in peace."""
    torn = [name for name in names if "  " in name.strip() or not name.isprintable() or "\ufffd" in name]
    notes = (
        [note("label_characters", f"label_characters: {len(torn)} channel names hold characters or blanks no name has", torn)]
        if torn
        else []
    )
    scalp = [name for name, kind in zip(names, types, strict=True) if kind == "eeg" and name.strip()]
    rows = electrode_indices(scalp)
    unknown = [name for name, row in zip(scalp, rows, strict=True) if row == OTHER and name not in known]
    if len(unknown) and 2 * len(unknown) <= len(scalp):
        text = f"channel_unknown: not in the electrode table: {', '.join(unknown)}; kept under this name"
        notes.append(note("channel_unknown", text, unknown))
    there = {ELECTRODES[row]: name for name, row in zip(scalp, rows, strict=True) if row != OTHER}
    return notes + _alone_notes(there) + _style_notes(there) + _type_notes(names, types)


def _partner(electrode: str) -> str | None:
    """The electrode on the other side: F4 for F3, AFF5h for AFF6h; None on the midline."""
    match = re.fullmatch(r"([A-Za-z]+?)(\d+)(h?)", electrode)
    if not match:
        return None
    number = int(match.group(2))
    return f"{match.group(1)}{number + 1 if number % 2 else number - 1}{match.group(3)}"


def _alone_notes(there: dict[str, str]) -> list[dict[str, Any]]:
    """Caps are symmetric: one or two electrodes without the other side are a damaged name, a bad channel left out, or a reference."""
    lateral = {electrode: partner for electrode in there if (partner := _partner(electrode)) and electrode not in _REFERENCES}
    alone = [there[electrode] for electrode, partner in lateral.items() if partner not in there]
    if not 1 <= len(alone) <= _MOST_ALONE or len(lateral) - len(alone) < _FEWEST_LATERAL:
        return []
    text = f"channel_alone: {', '.join(alone)} without the electrode on the other side; left out, or a damaged name"
    return [note("channel_alone", text, alone)]


def _style_notes(there: dict[str, str]) -> list[dict[str, Any]]:
    """FP1 beside Fp2, or one cz among Fz and Pz: letters that differ where people write them alike."""
    odd = []
    midline = {name: _style(electrode, name) for electrode, name in there.items() if electrode.endswith("z")}
    usual = Counter(midline.values()).most_common(1)[0][0] if midline else ""
    if len(midline) > 1:
        odd = [name for name, style in midline.items() if style != usual]
    for electrode, name in there.items():
        partner = _partner(electrode)
        if partner in there and _style(electrode, name) != _style(partner or "", there[partner]):
            odd.append(name)
    if not odd or len(odd) > _MOST_ALONE:
        return []
    text = f"label_letters: {', '.join(odd)} written with other letters than the rest; check these names"
    return [note("label_letters", text, odd)]


def _style(electrode: str, name: str) -> str:
    """How the electrode's part of the name is written beside the table's spelling, and what stands around it."""
    place = name.casefold().find(electrode.casefold())
    if place < 0:
        return "alias"
    part = name[place : place + len(electrode)]
    # Against the table's own letters: POz and Oz are written alike, POZ and Oz are not.
    written = {electrode: "table", electrode.upper(): "capital", electrode.lower(): "small"}.get(part, part)
    # C4-M1 beside C3-M2: the reference may lie on the other side too.
    around = re.sub(r"\d", "#", name[:place] + "|" + name[place + len(electrode) :])
    return f"{written} {around}"


def _type_notes(names: list[str], types: list[str]) -> list[dict[str, Any]]:
    """An electrode of the table among EEG that the file calls something else."""
    rows = electrode_indices([name if name.strip() else "?" for name in names])
    counts = Counter(types)
    odd = [
        name
        for name, kind, row in zip(names, types, rows, strict=True)
        if row != OTHER and kind != "eeg" and clean_name(name) not in _REFERENCES
    ]
    if not odd or len(odd) > _MOST_ALONE or counts["eeg"] < _FEWEST_LATERAL:
        return []
    return [note("type_differs", f"type_differs: {', '.join(odd)} is an electrode by its name and no EEG by the file", odd)]

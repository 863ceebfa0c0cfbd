"""Overlap: what training and test share, against what the protocol says they may share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mindleaf.evaluation.verdict import AuditRow
from mindleaf.fold import Fold
from mindleaf.store.store import Store

_UNITS: dict[str, list[str]] = {
    "subject": ["dataset", "subject"],
    "session": ["dataset", "subject", "session"],
    "recording": ["dataset", "recording"],
    "trial": ["dataset", "recording", "trial"],
}
#: A split by the first is also a split by these.
_IMPLIED = {
    "subject": ("session", "recording", "trial"), "session": ("trial",), "recording": ("trial",), "dataset": ("subject", "audio", "trial"),
    "stimulus": ("audio", "trial"), "pair": ("stimulus", "audio", "trial"),
}  # fmt: skip
MARK_MEANS = {
    "LEAKY": "windows of one trial stand in training and test: EEG recognises its own trial, so this score says nothing new",
    "WITHIN-TRIAL": "training and test come from the same trial, cut apart in time: good for this trial, no evidence for another",
}


def group_overlap(folds: Sequence[Fold], store: Store, test_store: Store | None) -> AuditRow:
    """Units that training (with validation) and test share, in any fold; a fail where the declared group is among them."""
    declared = {word for fold in folds for word in fold.group.replace("+", ",").replace(" ", "").split(",")}
    forbidden = declared | {"trial"} | {unit for word in declared for unit in _IMPLIED.get(word, ())}
    shared: dict[str, int] = {}
    overlap_s = 0.0
    for fold in folds:
        known = _described(pd.concat([fold.train, fold.validation]), store)
        test = _described(fold.test, test_store or store)
        for unit, found in _shared_units(known, test).items():
            shared[unit] = max(shared.get(unit, 0), len(found))
        overlap_s = max(overlap_s, shared_seconds(known, test))
    observed = ", ".join(f"{unit} {n}" for unit, n in shared.items()) + f", time {overlap_s:.1f} s"
    expected = "no shared " + ", ".join(sorted(forbidden & {*shared, "trial"}))
    marks = sorted({fold.mark for fold in folds} - {""})
    if marks:
        return AuditRow("group_overlap", expected, observed, "fail", "; ".join(f"{mark}: {MARK_MEANS[mark]}" for mark in marks))
    broken = [unit for unit in forbidden if shared.get(unit, 0)]
    if broken or overlap_s > 1e-6:
        what = ", ".join(sorted(broken)) or "time"
        return AuditRow(
            "group_overlap", expected, observed, "fail", f"training and test share what this protocol keeps apart: {what}"
        )
    why = "training and test share nothing that the protocol keeps apart"
    if shared.get("audio"):
        why += (
            "; they share audio, so whoever remembers which clip was attended needs no EEG (the zeroed-EEG control would show it)"
        )
    return AuditRow("group_overlap", expected, observed, "pass", why)


def shared_sounds(folds: Sequence[Fold], store: Store, test_store: Store | None) -> int:
    """Sounds, by content, that stand in training (with validation) and test, of the fold that has most."""
    most = 0
    for fold in folds:
        known = _described(pd.concat([fold.train, fold.validation]), store)
        test = _described(fold.test, test_store or store)
        most = max(
            most, len({sound for row in known["_audio"] for sound in row} & {sound for row in test["_audio"] for sound in row})
        )
    return most


def shared_seconds(known: pd.DataFrame, test: pd.DataFrame) -> float:
    """Seconds of the same recording that lie in both tables of spans, per recording added up, the largest."""
    pairs = known.merge(test, on=["dataset", "recording"], suffixes=("_a", "_b"))
    if pairs.empty:
        return 0.0
    common = np.minimum(pairs["stop_a"], pairs["stop_b"]) - np.maximum(pairs["start_a"], pairs["start_b"])
    return float(pd.Series(np.maximum(common, 0.0)).groupby([pairs["dataset"], pairs["recording"]]).sum().max())


def _described(spans: pd.DataFrame, store: Store) -> pd.DataFrame:
    """Spans with the columns of their trials; the spans keep their own start and stop."""
    keys = ["dataset", "recording", "trial"]
    trials = store.index.drop(columns=["start", "stop"])
    return _with_audio(spans[[*keys, "start", "stop"]].merge(trials, on=keys, how="left"), store)


def _with_audio(table: pd.DataFrame, store: Store) -> pd.DataFrame:
    """The stimuli of each row by name, which means something within a data set only, and by content."""
    columns = [c for c in table.columns if c.startswith("stimulus_")]
    names = [sorted({row[c] for c in columns if isinstance(row[c], str) and row[c]}) for row in table.to_dict("records")]
    sha = {name: stored.sha256 for name, stored in store.stimuli.items()}
    stimuli = [[(dataset, name) for name in own] for dataset, own in zip(table["dataset"], names, strict=True)]
    audio = [[sha.get(name, name) for name in own] for own in names]
    return table.assign(_stimuli=pd.Series(stimuli, index=table.index), _audio=pd.Series(audio, index=table.index))


def _shared_units(known: pd.DataFrame, test: pd.DataFrame) -> dict[str, set]:
    out: dict[str, set] = {}
    for unit, columns in _UNITS.items():
        sides = [set(table[columns].itertuples(index=False, name=None)) for table in (known, test)]
        # A data set without sessions has one unnamed session per subject, which is no session to share.
        named = {key for key in sides[0] & sides[1] if key[-1] != ""}
        out[unit] = named
    for unit, column in (("stimulus", "_stimuli"), ("audio", "_audio")):
        out[unit] = {x for xs in known[column] for x in xs} & {x for xs in test[column] for x in xs}
    return out

"""Channels of a Temple University Hospital file, as they stand in its header."""

from __future__ import annotations

SCALP = ["FP1", "FP2", "F3", "F4", "C3", "C4", "P3", "P4", "O1", "O2", "F7", "F8", "T3", "T4", "T5", "T6"]
MIDLINE = ["FZ", "CZ", "PZ"]


def channel_names(reference: str = "REF") -> list[str]:
    """Scalp electrodes in the files' order with ears, eyes, heart, sphenoid and numbered leads among them."""
    others = ["A1", "A2", "EKG1", "ROC", "LOC", "T1", "T2", "26"]
    names = [f"EEG {name}-{reference}" for name in [*SCALP, *others[:2], *MIDLINE, *others[2:]]]
    return [*names, "PHOTIC-REF"]

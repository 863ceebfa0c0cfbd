"""HR-EEG4EMO, described by recordings.tsv and trials.tsv: film clips, pleasant or unpleasant."""

from __future__ import annotations

from pathlib import Path

from .described import write_described
from .expected import Expected


def write(root: Path) -> Expected:
    """128 electrodes of an EGI net, placed by its layout; the sound of a clip is the only candidate."""
    labels = [{"label": "positive"}, {"label": "negative"}]
    return write_described(root, [f"E{k}" for k in range(1, 129)], 250.0, labels, ("film",), "other", "GSN-HydroCel-128")

"""PME4, described by recordings.tsv and trials.tsv: posed emotions; the voice recorded beside the EEG is no stimulus."""

from __future__ import annotations

from pathlib import Path

from .described import write_described
from .expected import Expected

EMOTIONS = ("anger", "fear", "disgust", "sadness", "happiness", "surprise", "neutral")


def write(root: Path) -> Expected:
    """Eight channels, every emotion once."""
    return write_described(
        root, ["Fp1", "Fp2", "F3", "F4", "T7", "T8", "O1", "O2"], 250.0, [{"label": emotion} for emotion in EMOTIONS]
    )

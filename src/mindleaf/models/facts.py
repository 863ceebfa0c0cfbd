"""ModelFacts: what the data decided about a model, as against what a person decided (its config)."""

from __future__ import annotations

import hashlib

from pydantic import Field

from mindleaf.config import Config
from mindleaf.montage import ELECTRODES
from mindleaf.tasks.wording import Wording


def electrode_table_id() -> str:
    """Twelve hex digits of the electrode table's names in order: a model's rows mean nothing under another table."""
    return hashlib.sha256("\n".join(ELECTRODES).encode()).hexdigest()[:12]


class ModelFacts(Config):
    """sfreq in Hz; ``frame_rate`` of the audio frames in Hz; ``audio``: name of the audio encoder; ``subjects`` in the order of
    ``Batch.subject``; ``text``, ``text_width``: the text encoder and the width of its vectors; ``tasks`` in the order of ``Batch.task``;
    ``pipeline``: the name of the one that the EEG went through, where a model has more than one to choose from; ``n_tokens``: of a
    window, where a model reads them by their place."""

    n_electrodes: int = Field(default_factory=lambda: len(ELECTRODES))
    electrode_table: str = Field(default_factory=electrode_table_id)
    sfreq: float = 200.0
    n_audio_features: int = 0
    frame_rate: float = 50.0
    audio: str = ""
    audio_fingerprint: str = ""
    subjects: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    text: str = ""
    text_fingerprint: str = ""
    text_width: int = 0
    tasks: tuple[Wording, ...] = ()
    pipeline: str = ""
    n_tokens: int = 0

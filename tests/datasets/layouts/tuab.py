"""TUAB: edf/{train,eval}/{normal,abnormal}/01_tcp_ar/SUBJECT_SESSION_TOKEN.edf."""

from __future__ import annotations

from pathlib import Path

from .expected import Expected, ExpectedTrial
from .hospital_edf import write_edf
from .tuh_names import channel_names

SECONDS, SFREQ, IMPULSE_S = 5, 250.0, 2.2
FILES = (
    ("train", "normal", "aaaaaaaq", "s004"),
    ("train", "abnormal", "aaaaaaaq", "s005"),
    ("eval", "abnormal", "aaaaamye", "s001"),
)


def write(root: Path) -> Expected:
    """Two patients; one is normal on one day and abnormal on another, as happens in the corpus."""
    trials = []
    for seed, (partition, label, subject, session) in enumerate(FILES):
        path = root / "edf" / partition / label / "01_tcp_ar" / f"{subject}_{session}_t000.edf"
        write_edf(path, channel_names(), SECONDS, SFREQ, [IMPULSE_S], seed)
        labels = {"label": label, "partition": partition}
        trials.append(ExpectedTrial(f"sub-{subject}_ses-{session[1:]}_run-000", "1", 0.0, SECONDS, labels, impulse_s=IMPULSE_S))
    return Expected(("aaaaaaaq", "aaaaamye"), 3, 19, SFREQ, tuple(trials))

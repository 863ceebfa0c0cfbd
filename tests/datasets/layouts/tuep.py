"""TUEP as released since version 2: 00_epilepsy/SUBJECT/SESSION_YEAR/MONTAGE/SUBJECT_SESSION_TOKEN.edf."""

from __future__ import annotations

from pathlib import Path

from .expected import Expected, ExpectedTrial
from .hospital_edf import write_edf
from .tuh_names import channel_names

SECONDS, SFREQ, IMPULSE_S = 6, 250.0, 3.4
FILES = (
    ("00_epilepsy", "aaaaaanr", "s001_2003", "02_tcp_le", "s001_t001", "LE"),
    ("00_epilepsy", "aaaaaanr", "s001_2003", "02_tcp_le", "s001_t002", "LE"),
    ("01_no_epilepsy", "aaaaaebo", "s001_2006", "01_tcp_ar", "s001_t000", "REF"),
)


def write(root: Path) -> Expected:
    """Two patients, three files, against linked ears and against a common reference."""
    trials = []
    for seed, (group, subject, session, montage, token, reference) in enumerate(FILES):
        path = root / group / subject / session / montage / f"{subject}_{token}.edf"
        write_edf(path, channel_names(reference), SECONDS, SFREQ, [IMPULSE_S], seed)
        recording = f"sub-{subject}_ses-{token[1:4]}_run-{token[6:]}"
        trials.append(ExpectedTrial(recording, "1", 0.0, SECONDS, {"label": group[3:]}, impulse_s=IMPULSE_S))
    return Expected(("aaaaaanr", "aaaaaebo"), 3, 19, SFREQ, tuple(trials))

"""SEED-V: EEG_raw/1_1_20180804.cnt (subject, session, date), 1000 Hz, 62 electrodes with M1, M2, VEO and HEO."""

from __future__ import annotations

from pathlib import Path

from .expected import Expected, ExpectedTrial
from .seed_files import CNT_RATE, write_session

SECONDS, IMPULSE_S = 102.4, 40.1


def write(root: Path) -> Expected:
    """Two people's first session, cut off behind the first clip (30 to 102 s): the other clips have no signal."""
    trials = []
    for s in (1, 16):
        write_session(
            root / "EEG_raw" / f"{s}_1_20180804.cnt", SECONDS, [30.0 + IMPULSE_S], [(30_012, 1), (102_010, 2)],
            ["M1", "M2", "VEO", "HEO"], s,
        )  # fmt: skip
        labels = {"label": "happy", "clip": "1-01"}
        trials.append(ExpectedTrial(f"sub-{s:02d}_ses-1", "01", 30.0, 72.0, labels, impulse_s=IMPULSE_S))
    return Expected(("01", "16"), 2, 62, float(CNT_RATE), tuple(trials), issues=("events_outside",))

"""CHB-MIT: chb01/chb01_03.edf and chb01/chb01-summary.txt, T8-P8 twice, dummy channels, four spellings of a summary."""

from __future__ import annotations

import itertools
from pathlib import Path

from .expected import Expected, ExpectedTrial
from .hospital_edf import write_edf

SFREQ, IMPULSE_S, SECONDS = 256.0, 2.1, 30
CHANNELS = [
    "FP1-F7", "F7-T7", "T7-P7", "P7-O1", "FP1-F3", "F3-C3", "C3-P3", "P3-O1", "FP2-F4", "F4-C4", "C4-P4", "P4-O2", "FP2-F8",
    "F8-T8", "T8-P8", "P8-O2", "FZ-CZ", "CZ-PZ", "P7-T7", "T7-FT9", "FT9-FT10", "FT10-T8", "T8-P8",
]  # fmt: skip
WITH_DUMMIES = [*CHANNELS[:4], "-", *CHANNELS[4:8], "-", *CHANNELS[8:], "ECG", "VNS"]
TOP = "Data Sampling Rate: 256 Hz\n*************************\n\nChannels in EDF Files:\n**********************\nChannel 1: FP1-F7\n\n"
#: Case -> (file, channels, seizures).
FILES = {
    "chb01": ("chb01_03", CHANNELS, [(9, 15)]),
    "chb21": ("chb21_19", WITH_DUMMIES, []),
    "chb24": ("chb24_01", WITH_DUMMIES, [(5, 11), (19, 25)]),
}


def write(root: Path) -> Expected:
    """One file of each of three cases: one seizure, none (the girl of case 1 again), two without numbers or times of day."""
    (root / "RECORDS").write_text("chb01/chb01_03.edf\n")
    trials = []
    for seed, (case, (stem, channels, seizures)) in enumerate(FILES.items()):
        edges = [0, *(edge for seizure in seizures for edge in seizure), SECONDS]
        spans = list(itertools.pairwise(edges))
        write_edf(root / case / f"{stem}.edf", channels, SECONDS, SFREQ, [start + IMPULSE_S for start, _ in spans], seed)
        (root / case / f"{case}-summary.txt").write_text(TOP + _block(stem, seizures, clock=case != "chb24"))
        subject = "01" if case == "chb21" else case[3:]
        trials += [
            ExpectedTrial(
                f"sub-{subject}_ses-{case[3:]}_run-{stem[6:]}", f"{k:02d}", start, end - start,
                {"label": "background" if k % 2 else "seizure"}, impulse_s=IMPULSE_S,
            )
            for k, (start, end) in enumerate(spans, start=1)
        ]  # fmt: skip
    return Expected(("01", "24"), 3, 22, SFREQ, tuple(trials))


def _block(stem: str, seizures: list[tuple[int, int]], clock: bool) -> str:
    times = "File Start Time: 13:43:04\nFile End Time: 24:43:04\n" if clock else ""
    lines = [f"Seizure Start Time: {start} seconds\nSeizure End Time: {end} seconds\n" for start, end in seizures]
    return f"File Name: {stem}.edf\n{times}Number of Seizures in File: {len(seizures)}\n{''.join(lines)}\n"

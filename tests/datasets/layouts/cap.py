"""CAP: n1.edf with RemLogic's n1.txt: times of day over midnight, with and without a column of positions, both separators."""

from __future__ import annotations

from pathlib import Path

from .expected import Expected, ExpectedTrial
from .hospital_edf import write_edf

SFREQ, IMPULSE_S = 512.0, 17.2
CHANNELS = {
    "n1": ["ROC-LOC", "Fp2-F4", "F4-C4", "C4-P4", "P4-O2", "C4-A1", "EMG1-EMG2", "ECG1-ECG2", "TIB sx", "SAO2", "HR", "A1"],
    "sdb3": ["Fp2-F4", "F4-C4", "C4-P4", "P4-O2", "C4A1", "EOG dx", "EKG", "PLETH"],
}
TOP = "\tRemLogic Event Export\n\nPatient:\tJane Roe\nPatient ID:\t007\nRecording Date:\t01/01/2000\n\nEvents Included:\nSLEEP-S0\n\n"


def write(root: Path) -> Expected:
    """A healthy night scored 23:59:10, 23:59:40, 00:00:10 (the file begins at 23:58:50), and one written with dots."""
    write_edf(root / "n1.edf", CHANNELS["n1"], 120, SFREQ, [20.0 + 30.0 * k + IMPULSE_S for k in range(3)], 0, "23:58:50")
    rows = [
        "W\tN/A\t23:59:10\tSLEEP-S0\t30\tROC-LOC",
        "S2\tSupine\t23:59:40\tSLEEP-S2\t30\tROC-LOC",
        "S2\tSupine\t23:59:51\tMCAP-A1\t5\tC4-A1",
        "S4\tUnknown Position\t00:00:10\tSLEEP-S4\t30\tROC-LOC",
        "MT\tSupine\t00:00:40\tSLEEP-MT\t10\tROC-LOC",
    ]
    header = "Sleep Stage\tPosition\tTime [hh:mm:ss]\tEvent\tDuration[s]\tLocation\n"
    (root / "n1.txt").write_text(TOP + header + "\n".join(rows) + "\n", encoding="latin-1")
    write_edf(root / "sdb3.edf", CHANNELS["sdb3"], 64, SFREQ, [2.0 + 30.0 * k + IMPULSE_S for k in range(2)], 1, "01:00:00")
    rows = ["R\t01.00.02\tSLEEP-REM\t30\tEEG-C4-A1", "S1\t01.00.32\tSLEEP-S1\t30\tEEG-C4-A1"]
    header = "Sleep Stage\tTime [hh:mm:ss]\tEvent\tDuration [s]\tLocation\n"
    (root / "sdb3.txt").write_text(TOP + header + "\n".join(rows) + "\n", encoding="latin-1")
    trials = [
        *((f"{k + 1:04d}", 20.0 + 30.0 * k, "n1", stage, "healthy") for k, stage in enumerate(("W", "S2", "S4"))),
        *((f"{k + 1:04d}", 2.0 + 30.0 * k, "sdb3", stage, "sleep_disordered_breathing") for k, stage in enumerate(("R", "S1"))),
    ]
    made = tuple(
        ExpectedTrial(f"sub-{name}", trial, onset, 30.0, {"label": stage, "group": group}, impulse_s=IMPULSE_S)
        for trial, onset, name, stage, group in trials
    )
    return Expected(("n1", "sdb3"), 2, 5, SFREQ, made)

"""HMC: recordings/SN001.edf with its eight channels, SN001_sleepscoring.txt (and .edf, which is not read)."""

from __future__ import annotations

from pathlib import Path

from .expected import Expected, ExpectedTrial
from .hospital_edf import write_edf

SFREQ, IMPULSE_S = 256.0, 11.3
CHANNELS = ["EEG F4-M1", "EEG C4-M1", "EEG O2-M1", "EEG C3-M2", "EMG chin", "EOG E1-M2", "EOG E2-M2", "ECG"]
NIGHTS = {"001": ("W", "N1", "N2"), "154": ("W", "N3", "R")}


def write(root: Path) -> Expected:
    """Two nights of three epochs, the mark "lights off" between them."""
    trials = []
    for seed, (subject, stages) in enumerate(NIGHTS.items()):
        path = root / "recordings" / f"SN{subject}.edf"
        write_edf(path, CHANNELS, 90, SFREQ, [30.0 * k + IMPULSE_S for k in range(3)], seed, "22:10:00")
        lines = ["Date, Time, Recording onset, Duration, Annotation, Linked channel"]
        for k, stage in enumerate(stages):
            lines.append(f"01.01.01, 22.1{k // 2}.{30 * (k % 2):02d}, {30 * k}, 30, Sleep stage {stage}, ")
            if k == 0:
                lines.append("01.01.01, 22.10.16.280, 16.28, 0, Lights off@@EEG F4-A1, EEG F4-A1")
        path.with_name(f"SN{subject}_sleepscoring.txt").write_text("\n".join(lines) + "\n")
        path.with_name(f"SN{subject}_sleepscoring.edf").write_bytes(b"not read")
        trials += [
            ExpectedTrial(f"sub-{subject}", f"{k + 1:04d}", 30.0 * k, 30.0, {"label": stage}, impulse_s=IMPULSE_S)
            for k, stage in enumerate(stages)
        ]
    return Expected(("001", "154"), 2, 4, SFREQ, tuple(trials))

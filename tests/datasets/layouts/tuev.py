"""TUEV: edf/train/SUBJECT/SUBJECT_RUN.edf, edf/eval/NUMBER/bckg_NUMBER_a_.edf, a .rec table without header beside each."""

from __future__ import annotations

from pathlib import Path

from .expected import Expected, ExpectedTrial
from .hospital_edf import write_edf
from .tuh_names import channel_names

SECONDS, SFREQ, IMPULSE_S = 12, 250.0, 0.5
#: channel, start, stop, label; the first mark stands on two channels.
MARKS = ((1, 1.0, 2.0, 1), (14, 1.0, 2.0, 1), (3, 4.3, 5.3, 6), (0, 7.0, 8.0, 4))
TRIALS = ((1.0, "spsw", "F7-T3 FP1-F3"), (4.3, "bckg", "T5-O1"), (7.0, "eyem", "FP1-F7"))
FILES = (("train", "aaaaaaar", "aaaaaaar_00000001", "00000001"), ("eval", "032", "bckg_032_a_", "bckg-032-a"))


def write(root: Path) -> Expected:
    """One patient of each partition, three events each."""
    trials = []
    for seed, (partition, subject, stem, run) in enumerate(FILES):
        path = root / "edf" / partition / subject / f"{stem}.edf"
        write_edf(path, channel_names(), SECONDS, SFREQ, [onset + IMPULSE_S for onset, _, _ in TRIALS], seed)
        path.with_suffix(".rec").write_text("".join(f"{c},{start},{stop},{label}\n" for c, start, stop, label in MARKS))
        trials += [
            ExpectedTrial(
                f"sub-{subject}_run-{run}", f"{k:04d}", onset, 1.0,
                {"label": label, "channels": channels, "partition": partition}, impulse_s=IMPULSE_S,
            )
            for k, (onset, label, channels) in enumerate(TRIALS, start=1)
        ]  # fmt: skip
    return Expected(("aaaaaaar", "032"), 2, 19, SFREQ, tuple(trials))

"""Dreyer2023: Signals/DATA A/A1/A1_R1_acquisition.gdf, and subject 61 as a BIDS copy in EDF with a table of events."""

from __future__ import annotations

from pathlib import Path

import edfio
import numpy as np

from .expected import Expected, ExpectedTrial, eeg
from .gdf_files import write_gdf

SFREQ, IMPULSE_S = 512, 0.9
EEG = [
    "Fz",
    "FCz",
    "Cz",
    "CPz",
    "Pz",
    "C1",
    "C3",
    "C5",
    "C2",
    "C4",
    "C6",
    "F4",
    "FC2",
    "FC4",
    "FC6",
    "CP2",
    "CP4",
    "CP6",
    "P4",
    "F3",
    "FC1",
    "FC3",
    "FC5",
    "CP1",
    "CP3",
    "CP5",
    "P3",
]
CHANNELS = ["Fz", "FCz", "Cz", "CPz", "Pz", *EEG[5:11], "EOG1", "EOG2", "EOG3", "EMGg", "EMGd", *EEG[11:]]
LABELS = {769: "left", 770: "right"}


def write(root: Path) -> Expected:
    trials = []
    folder = root / "BCI Database" / "Signals" / "DATA A" / "A1"
    for run, name, codes in ((1, "R1_acquisition", [769, 770]), (3, "R3_onlineT", [770, 769])):
        starts, signal = _run(run)
        events = [(10, 32769, 0)]
        for start, code in zip(starts, codes, strict=True):
            events += [(start - 3 * SFREQ, 768, 0), (start - SFREQ, 33282, 0), (start, code, 0), (start + 640, 781, 0)]
        write_gdf(folder / f"A1_{name}.gdf", CHANNELS, SFREQ, signal, events)
        trials += _promised(f"sub-01_run-R{run}", starts, codes)
    write_gdf(folder / "A1_CE_baseline.gdf", CHANNELS, SFREQ, eeg(32, 1024, SFREQ, []), [(5, 33030, 0)])
    starts, signal = _run(61)
    _write_bids(root / "sub-61" / "eeg", starts, signal)
    trials += _promised("sub-61_run-R1", starts, [769, 770])
    return Expected(("01", "61"), 3, 27, float(SFREQ), tuple(trials))


def _run(seed: int) -> tuple[list[int], np.ndarray]:
    starts = [1601 + seed, 1601 + seed + 2900]
    return starts, eeg(len(CHANNELS), 7680, SFREQ, [start / SFREQ + IMPULSE_S for start in starts], seed)


def _write_bids(folder: Path, starts: list[int], signal: np.ndarray) -> None:
    folder.mkdir(parents=True)
    signals = [
        edfio.EdfSignal(row, SFREQ, label=name, physical_dimension="uV", physical_range=(-3276.8, 3276.7))
        for row, name in zip(signal, CHANNELS, strict=True)
    ]
    edfio.Edf(signals).write(folder / "sub-61_task-R1acquisition_eeg.edf")
    lines = ["onset\tduration\ttrial_type\tvalue\tsample"]
    lines += [f"{start / SFREQ:.6f}\t0.0\t{code}\t{code}\t{start}" for start, code in zip(starts, (769, 770), strict=True)]
    (folder / "sub-61_task-R1acquisition_events.tsv").write_text("\n".join(lines) + "\n")


def _promised(recording: str, starts: list[int], codes: list[int]) -> list[ExpectedTrial]:
    return [
        ExpectedTrial(recording, f"{k:02d}", start / SFREQ, 5.0, {"label": LABELS[code]}, impulse_s=IMPULSE_S)
        for k, (start, code) in enumerate(zip(starts, codes, strict=True), start=1)
    ]

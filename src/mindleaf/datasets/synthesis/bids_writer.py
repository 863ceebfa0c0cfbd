"""Simulated sessions as BIDS files: BrainVision signal, events, channels, electrodes, sidecars, sounds."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pybv
from numpy.typing import NDArray
from scipy.io import wavfile

from mindleaf.datasets.synthesis.design import Presentation
from mindleaf.datasets.synthesis.head import REFERENCE, Head
from mindleaf.datasets.synthesis.session import Session
from mindleaf.datasets.synthesis.speech import SAMPLE_RATE

#: One least significant bit of the 16-bit signal file, in microvolts.
RESOLUTION_UV = 0.05
#: Where the simulated amplifier saturates, in microvolts.
RANGE_UV = 1600.0
EVENT_COLUMNS = {
    "onset": "Second of the recording at which both stories start.",
    "duration": "Seconds both stories play.",
    "sample": "Onset as a sample of the recording, counted from 0.",
    "trial_type": "Side on which the attended talker sits: attend_left or attend_right.",
    "trial": "Number of the trial in the order of presentation.",
    "stim_file": "Sound of the attended talker, relative to the folder stimuli.",
    "stimulus_1": "Stimulus id of stream 1 (its sound is stimuli/<id>.wav).",
    "stimulus_2": "Stimulus id of stream 2.",
    "side_1": "Side of stream 1: left or right.",
    "side_2": "Side of stream 2.",
    "talker_1": "Voice of stream 1: male or female.",
    "talker_2": "Voice of stream 2.",
    "story_1": "Story read in stream 1.",
    "story_2": "Story read in stream 2.",
    "attended": "Number of the attended stream, 1 or 2.",
    "label": "Side of the attended stream.",
    "condition": "Voice and side of the attended stream.",
}


@dataclass(frozen=True)
class Description:
    """What the sidecars say of an experiment; ``event_columns`` explains every column of its events tables."""

    name: str
    task: str
    instruction: str
    readme: str
    event_columns: dict[str, str]


LISTENING = Description(
    "Synthetic two-talker listening experiment",
    "listening",
    "Attend to one of two talkers, left or right.",
    "Simulated EEG of listeners who attend to one of two talkers. Every sound and every signal is computer-made.\n"
    "Both talkers start together at the onset of a trial; code/synthetic.json holds the settings and the seed.\n",
    EVENT_COLUMNS,
)


def write_dataset_files(root: Path, described: Description, n_subjects: int, generated_by: dict[str, Any]) -> None:
    """dataset_description.json, README, participants.tsv and .json, task-TASK_events.json."""
    _json(
        root / "dataset_description.json",
        {
            "Name": described.name,
            "BIDSVersion": "1.9.0",
            "DatasetType": "raw",
            "License": "CC0",
            "Authors": ["mindleaf"],
            "GeneratedBy": [generated_by],
        },
    )
    (root / "README").write_text(described.readme)
    subjects = pd.DataFrame({"participant_id": [f"sub-{n + 1:02d}" for n in range(n_subjects)], "species": "simulated"})
    subjects.to_csv(root / "participants.tsv", sep="\t", index=False)
    _json(root / "participants.json", {"species": {"Description": "Simulated: no living participant."}})
    columns = {name: {"Description": text} for name, text in described.event_columns.items()}
    _json(root / f"task-{described.task}_events.json", columns)


def write_sound(root: Path, stimulus: str, audio: NDArray[np.float32]) -> None:
    """stimuli/<id>.wav, 16 kHz, mono, 16 bit."""
    folder = root / "stimuli"
    folder.mkdir(exist_ok=True)
    wavfile.write(folder / f"{stimulus}.wav", SAMPLE_RATE, np.round(audio * 32767).astype(np.int16))


def write_listener(
    root: Path,
    subject: int,
    head: Head,
    session: Session,
    presentations: list[Presentation],
    sfreq: int,
    trial_s: float,
    line_frequency: float,
) -> None:
    """Everything under sub-XX/eeg; the truth about attention stands in events.tsv and nowhere else."""
    events = _events(session, presentations, sfreq, trial_s)
    write_subject(root, LISTENING, subject, head, session.signal, events, sfreq, line_frequency)


def write_subject(
    root: Path,
    described: Description,
    subject: int,
    head: Head,
    signal: NDArray[np.float64],
    events: pd.DataFrame,
    sfreq: int,
    line_frequency: float,
) -> None:
    """Everything under sub-XX/eeg. ``signal``: (channel, time) microvolts; ``events``: what events.tsv holds."""
    name = f"sub-{subject + 1:02d}"
    folder = root / name / "eeg"
    folder.mkdir(parents=True)
    stem = f"{name}_task-{described.task}"
    names = list(head.montage.names)
    pybv.write_brainvision(
        data=np.clip(signal, -RANGE_UV, RANGE_UV) * 1e-6,
        sfreq=float(sfreq),
        ch_names=names,
        fname_base=f"{stem}_eeg",
        folder_out=folder,
        unit="µV",
        resolution=RESOLUTION_UV,
        fmt="binary_int16",
    )
    seconds = signal.shape[1] / sfreq
    _json(folder / f"{stem}_eeg.json", _signal_facts(described, sfreq, line_frequency, len(names), seconds))
    events.to_csv(folder / f"{stem}_events.tsv", sep="\t", index=False)
    channels = {"name": names, "type": "EEG", "units": "µV", "sampling_frequency": sfreq, "status": "good"}
    pd.DataFrame(channels).to_csv(folder / f"{stem}_channels.tsv", sep="\t", index=False)
    _electrodes(folder, name, head)


def _signal_facts(described: Description, sfreq: int, line_frequency: float, n_channels: int, seconds: float) -> dict[str, Any]:
    return {
        "TaskName": described.task,
        "TaskDescription": described.instruction,
        "EEGReference": f"mean of {' and '.join(REFERENCE)}",
        "SamplingFrequency": sfreq,
        "PowerLineFrequency": line_frequency,
        "SoftwareFilters": "n/a",
        "RecordingType": "continuous",
        "RecordingDuration": seconds,
        "EEGPlacementScheme": "10-10",
        "EEGChannelCount": n_channels,
        "EOGChannelCount": 0,
        "Manufacturer": "simulated",
    }


def _events(session: Session, presentations: list[Presentation], sfreq: int, trial_s: float) -> pd.DataFrame:
    rows = []
    for number, (start, shown) in enumerate(zip(session.starts, presentations, strict=True), start=1):
        row = {
            "onset": start / sfreq,
            "duration": trial_s,
            "sample": start,
            "trial_type": f"attend_{shown.attended_side}",
            "trial": number,
            "stim_file": f"{shown.pair.stimulus(shown.attended_talker)}.wav",
            "attended": shown.attended,
            "label": shown.attended_side,
            "condition": f"{shown.attended_talker}_{shown.attended_side}",
        }
        for k, talker in enumerate(shown.order, start=1):
            row |= {f"stimulus_{k}": shown.pair.stimulus(talker), f"side_{k}": shown.side(talker)}
            row |= {f"talker_{k}": talker, f"story_{k}": shown.pair.story(talker)}
        rows.append(row)
    return pd.DataFrame(rows, columns=list(EVENT_COLUMNS))


def _electrodes(folder: Path, name: str, head: Head) -> None:
    """Positions in metres in the CapTrak system, which is MNE's head coordinate frame."""
    positions = head.montage.positions
    table = pd.DataFrame({"name": head.montage.names, **{axis: positions[:, k] for k, axis in enumerate("xyz")}})
    table.round(6).to_csv(folder / f"{name}_space-CapTrak_electrodes.tsv", sep="\t", index=False)
    _json(
        folder / f"{name}_space-CapTrak_coordsystem.json",
        {
            "EEGCoordinateSystem": "CapTrak",
            "EEGCoordinateUnits": "m",
            "AnatomicalLandmarkCoordinates": {"NAS": [0.0, 0.1, 0.0], "LPA": [-0.08, 0.0, 0.0], "RPA": [0.08, 0.0, 0.0]},
            "AnatomicalLandmarkCoordinateSystem": "CapTrak",
            "AnatomicalLandmarkCoordinateUnits": "m",
        },
    )


def _json(path: Path, values: dict[str, Any]) -> None:
    path.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

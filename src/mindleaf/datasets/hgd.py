"""High-Gamma: fourteen subjects move hands or feet or rest (Schirrmeister et al. 2017), EDF+."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from mindleaf.datasets.dataset import (
    Archive,
    Dataset,
    DatasetFacts,
    Hours,
    Source,
    TableHours,
    matching_files,
    numbered,
    recording_of,
    relative_names,
)
from mindleaf.errors import BadInput
from mindleaf.reading.signals import open_signal
from mindleaf.recording import Recording, Trial

TRIAL_S = 4.0
#: Annotation -> label.
_LABELS = {"right_hand": "right", "left_hand": "left", "rest": "rest", "feet": "feet"}


def sources(root: Path) -> Iterator[Source]:
    """One source a file: train/N.edf and test/N.edf of subject N."""
    paths = matching_files(root, "hgd", "**/train/*.edf", "**/test/*.edf")
    for path in sorted((path for path in paths if path.stem.isdigit()), key=numbered):
        yield Source(relative_names(root, path)[0], partial(_open, root, path))


def _open(root: Path, path: Path) -> list[Recording]:
    file = open_signal(path, event_labels=tuple(_LABELS))
    # Every signal carries its kind: "EEG Fp1", "EOG EOGh", "EMG EMG_RH".
    file = file.pick([name for name in file.channel_names if name.split(" ")[0] not in ("EOG", "EMG")]).pick_types("eeg")
    cues = sorted((event for event in file.events if event.label in _LABELS), key=lambda event: event.onset)
    if not cues:
        raise BadInput(f"hgd: {path.name} holds none of the marks {', '.join(_LABELS)}; get the file again.")
    trials = tuple(
        Trial(f"{number:03d}", cue.onset, TRIAL_S, labels={"label": _LABELS[cue.label]})
        for number, cue in enumerate(cues, start=1)
        if cue.onset + TRIAL_S <= file.duration + 0.5 / file.sfreq
    )
    subject, part = path.stem.zfill(2), path.parent.name
    return [
        recording_of(
            file,
            dataset="hgd",
            subject=subject,
            run=part,
            trials=trials,
            source_files=relative_names(root, path),
        )
    ]


DATASET = Dataset(
    facts=DatasetFacts(
        name="hgd",
        title="High-Gamma Dataset",
        citation="Schirrmeister RT, Springenberg JT, Fiederer LDJ, et al. (2017). Deep learning with convolutional neural "
        "networks for EEG decoding and visualization. Hum Brain Mapp 38, 5391-5420.",
        licence="CC BY 4.0",
        access="open",
        n_subjects=14,
        n_recordings=28,
        n_channels=128,
        sfreq=500.0,
        hours=28.7,
        reference="as recorded; not named in the files",
        line_frequency=50.0,
        paradigm="executed movement",
        labels=tuple(_LABELS.values()),
        interval=(0.0, TRIAL_S),
        files=("train/1.edf ... train/14.edf", "test/1.edf ... test/14.edf"),
        url="https://web.gin.g-node.org/robintibor/high-gamma-dataset/",
        stimuli="arrows on a screen; not in the files",
        exclusions=(("EOG and EMG channels (five of 133)", "not EEG"),),
        counted=(
            Hours("trials of 4 s", 13440, TRIAL_S),
            Hours("pauses between the trials", 13440, 3.69),
        ),
        table1=TableHours(1, 28.7, "Table 1 counts whole files and 133 channels, EOG and EMG among them; 128 are EEG"),
        archives=(Archive("moabb", "Schirrmeister2017"),),
        notes=(
            "The movements are executed, not imagined, though the set is mostly filed under motor imagery.",
            "The 128 channels hold the mastoids M1 and M2.",
            "train and test are the first and the last runs of one session: about 880 and 160 trials.",
        ),
        unverified=(
            "the layout on real files (read here on files written after MOABB's code)",
            "13440 trials (MOABB's count) and the length of the pauses, taken so that the sum is Table 1's",
        ),
    ),
    sources=sources,
)

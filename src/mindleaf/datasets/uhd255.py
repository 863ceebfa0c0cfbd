"""Ultra-high-density EEG of auditory attention (Mundanad Narayanan et al. 2021): 255 channels, two stories at once, Curry 7 files."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
from mindleaf.errors import BadInput, ReadError
from mindleaf.montage import Montage
from mindleaf.reading.audio import load_samples, open_audio
from mindleaf.reading.child import guarded
from mindleaf.reading.presence import present_file
from mindleaf.reading.signals import open_signal
from mindleaf.recording import Candidate, Recording, Stimulus, Trial

LOCATIONS = "eeg255ch_locs.csv"
#: Two further electrodes beside the scalp.
EXTRA = frozenset({"XtraL", "XtraR"})
#: Pulses come every ten seconds while the stories play: they go on for at most this long after the last one.
PULSE_S = 10.0
_NAME = re.compile(r"S(\d+)_AAD_([12])([LR])\.dat")
_SIDES = {"L": "left", "R": "right"}
_RADIUS_M, _RIM_DEG = 0.095, 115.0


def sources(root: Path) -> Iterator[Source]:
    """One source a recording; the archives S*.tar.gz have to be unpacked first."""
    found = [path for path in matching_files(root, "uhd255", "**/S*_AAD_[12][LR].dat") if _NAME.fullmatch(path.name)]
    sounds = {path.stem: path for path in sorted(root.glob("**/part[12]_track[12]_dry.wav"))}
    locations = next(iter(sorted(root.glob(f"**/{LOCATIONS}"))), None)
    for path in sorted(found, key=numbered):
        yield Source(relative_names(root, path)[0], partial(_open, root, path, sounds, locations))


def read_locations(path: Path) -> dict[str, NDArray[np.float64]]:
    """Channel -> place in metres, head frame, from angles in degrees: Theta from the vertex, Phi from the right ear to the nose."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
        angles = [(row["Channel Name"].strip(), float(row["Theta"]), float(row["Phi"])) for row in rows]
    except (OSError, KeyError, ValueError, AttributeError) as error:
        raise ReadError(
            f"{path}: wanted the columns Channel Name, Theta, Phi with angles ({error}); unpack misc.zip again."
        ) from error
    theta, phi = np.deg2rad([row[1] for row in angles]), np.deg2rad([row[2] for row in angles])
    # The head frame's origin is level with the points before the ears, which lie on the rim of this sphere, not at its centre.
    height = np.cos(theta) - np.cos(np.deg2rad(_RIM_DEG))
    places = _RADIUS_M * np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), height], axis=1)
    return {name: place for (name, _, _), place in zip(angles, places, strict=True)}


def played_span(trigger: NDArray[np.float32]) -> tuple[int, int]:
    """Samples of the first and the last change away from the trigger channel's usual value."""
    values, counts = np.unique(trigger, return_counts=True)
    away = trigger != values[counts.argmax()]
    starts = np.flatnonzero(away & ~np.concatenate([[False], away[:-1]]))
    if not len(starts):
        raise ReadError("no pulse in the trigger channel")
    return int(starts[0]), int(starts[-1])


def read_played_span(path: str) -> list[int]:
    """In the child: the first and last pulse of the channel Trigger, as the authors' own script finds start and end."""
    head = Path(path).with_suffix(".dap").read_text(encoding="latin-1")
    text = Path(path).with_suffix(".rs3").read_text(encoding="latin-1")
    promised = re.search(r"Num_?Channels\s*=\s*(\d+)", head, re.IGNORECASE)
    lists = re.findall(r"^LABELS\w*\s+START_LIST[^\n]*\n(.*?)^LABELS\w*\s+END_LIST", text, re.DOTALL | re.MULTILINE)
    names = [line.strip() for part in lists for line in part.splitlines() if line.strip()]
    if promised is None or len(names) != int(promised.group(1)) or "Trigger" not in names:
        raise ReadError(f"{path}: wanted a channel Trigger among its labels, found {len(names)} labels; get the file again.")
    samples = np.memmap(path, "<f4", mode="r")
    rows = samples[: len(samples) // len(names) * len(names)].reshape(-1, len(names))
    try:
        return list(played_span(np.array(rows[:, names.index("Trigger")])))
    except ReadError as error:
        raise ReadError(f"{path}: {error}, so the start of the stories is not known; get the file again.") from error


def _open(root: Path, path: Path, sounds: dict[str, Path], locations: Path | None) -> list[Recording]:
    subject, part, letter = _NAME.fullmatch(path.name).groups()  # type: ignore[union-attr]
    if locations is None:
        raise BadInput(f"uhd255: wanted {LOCATIONS} below {root}, it is not there; unpack misc.zip beside the recordings.")
    places = read_locations(locations)
    file = open_signal(path, known_channels=tuple(places)).pick_types("eeg")
    file = file.pick([name for name in file.channel_names if name not in EXTRA])
    unplaced = [name for name in file.channel_names if name not in places]
    if unplaced:
        raise ReadError(f"{path}: channel {unplaced[0]!r} is not in {LOCATIONS}; the two belong to different recordings.")
    present_file(path.with_suffix(".rs3"), "the labels of a Curry recording")
    first, last = guarded(read_played_span, path)
    onset = first / file.sfreq
    stories = [_story(path, sounds, f"part{part}_track{track}_dry") for track in (1, 2)]
    heard = min(seconds for _, seconds in stories)
    seconds = min(heard, file.duration - onset, (last - first) / file.sfreq + PULSE_S)
    stimuli = tuple(stimulus for stimulus, _ in stories)
    labels = {"attended_side": _SIDES[letter], "part": part}
    run = f"{part}{letter}"
    trial = Trial(run, onset, seconds, labels, tuple(Candidate(stimulus.id) for stimulus in stimuli))
    return [
        recording_of(
            file,
            dataset="uhd255",
            subject=subject.zfill(2),
            run=run,
            montage=Montage.from_names(file.channel_names, [places[name] for name in file.channel_names])[0],
            stimuli=stimuli,
            trials=(trial,),
            # The trigger channel is read here, whether or not its pulses stand in a file of events too.
            issues=tuple(issue for issue in file.issues if issue.code != "events_missing"),
            source_files=relative_names(root, path, path.with_suffix(".dap"), path.with_suffix(".rs3")),
        )
    ]


def _story(path: Path, sounds: dict[str, Path], name: str) -> tuple[Stimulus, float]:
    if name not in sounds:
        raise BadInput(f"uhd255: wanted {name}.wav for {path.name}, it is not there; unpack stimuli.zip beside the recordings.")
    sound = open_audio(sounds[name])
    load: Any = partial(load_samples, sound.path)
    return Stimulus(name.removesuffix("_dry"), sound.sample_rate, load, auditory_type="competing_speech"), sound.duration


DATASET = Dataset(
    facts=DatasetFacts(
        name="uhd255",
        title="Ultra high-density 255-channel EEG-AAD dataset",
        citation="Mundanad Narayanan A, Zink R, Bertrand A (2021). EEG miniaturization limits for stimulus decoding with EEG sensor "
        "networks. J Neural Eng 18, 056042.",
        licence="as stated on the Zenodo record",
        access="open",
        n_subjects=30,
        n_recordings=120,
        n_channels=253,
        sfreq=1000.0,
        hours=11.6,
        reference="as recorded",
        line_frequency=50.0,
        paradigm="auditory attention to one of two talkers",
        files=("S*/S*_AAD_[12][LR].dat", "with .dap and .rs3", LOCATIONS, "part[12]_track[12]_dry.wav"),
        url="https://zenodo.org/records/4518754",
        stimuli="two stories at once, part1_track1 with part1_track2 and part2_track1 with part2_track2, both from the first pulse of "
        "the channel Trigger on; the audio that is kept is the clean one",
        exclusions=(
            ("XtraL and XtraR", "two electrodes beside the scalp"),
            ("Trigger", "not EEG; its first pulse is the start of the stories"),
        ),
        counted=(Hours("30 listeners, 4 presentations of about 5.8 min", 120, 348.0),),
        table1=TableHours(2, 11.6),
        archives=(Archive("zenodo", "4518754", ("S*.tar.gz", "stimuli.zip", "misc.zip")),),
        notes=(
            "Which of the two stories was attended is left open (attended 0): public readers contradict each other on it, and a wrong "
            "answer would teach the opposite. Decide it on the files, by which story's envelope the EEG follows.",
            "The letter of a file's name is the attended side by most readers; which story played on that side is not known.",
            "All listeners hear the same two pairs of stories: split by stimulus leaves two groups.",
            "Some stories are those of the data set kul under the same file names.",
        ),
        unverified=(
            "the files themselves: names, channels, rate and the trigger channel are taken from public readers",
            "which story was attended, and on which side each played",
            "the side that the letters L and R mean",
            "that pulses come every ten seconds and the first one is the start of the sound",
            "the counts of 30 listeners, 120 recordings and 11.6 hours",
            "the convention of the angles in the table of locations",
        ),
    ),
    sources=sources,
)

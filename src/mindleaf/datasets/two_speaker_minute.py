"""One minute of EEG with two talkers, one in each audio channel: one .mat file and one stereo WAV."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mindleaf.datasets.dataset import Dataset, DatasetFacts, Source, relative_names
from mindleaf.errors import BadInput
from mindleaf.montage import Montage
from mindleaf.reading.audio import load_samples, open_audio
from mindleaf.reading.matfile import read_mat
from mindleaf.recording import Candidate, Recording, Stimulus, Trial

_EEG, _AUDIO = "eeg_1min.mat", "stim_1min.wav"
_SIDES = ("left", "right")
#: The .mat file names the attended talker; the collection's label table calls its audio channel 1. Counted from 0 that is the
#: second channel: the published backward decoder (r +.09 attended, -.04 ignored) comes out only this way round.
_ATTENDED = {"male2": 2}


def sources(root: Path) -> Iterator[Source]:
    """The only source: one recording with one trial of a minute."""
    for name in (_EEG, _AUDIO):
        if not (root / name).exists():
            raise BadInput(f"two_speaker_minute: wanted {name} in {root}, it is not there; check --root.")
    yield Source(_EEG, partial(_open, root))


def _open(root: Path) -> list[Recording]:
    segment = _segment(root / _EEG)
    attended = str(segment["attention"])
    if attended not in _ATTENDED:
        raise BadInput(f"two_speaker_minute: {_EEG} names the attended talker {attended!r}, known is {', '.join(_ATTENDED)}.")
    n_times, sfreq = len(segment["eeg_env"]), float(np.ravel(segment["fs"])[0])
    audio = open_audio(root / _AUDIO)
    if audio.n_channels != 2 or audio.duration < n_times / sfreq - 0.05:
        raise BadInput(
            f"two_speaker_minute: wanted two audio channels of {n_times / sfreq:g} s, {_AUDIO} has "
            f"{audio.n_channels} of {audio.duration:g} s."
        )
    stimuli = tuple(
        Stimulus(
            f"stim_1min-{side}", audio.sample_rate, partial(load_samples, audio.path, channel), auditory_type="competing_speech"
        )
        for channel, side in enumerate(_SIDES)
    )
    talkers = [attended if channel + 1 == _ATTENDED[attended] else "other" for channel in range(2)]
    candidates = tuple(
        Candidate(stimulus.id, side, talker) for stimulus, side, talker in zip(stimuli, _SIDES, talkers, strict=True)
    )
    recording = Recording(
        dataset="two_speaker_minute",
        subject="01",
        id="sub-01",
        sfreq=sfreq,
        montage=Montage.from_names(segment["label"])[0],
        n_times=n_times,
        load=partial(load_eeg, root / _EEG),
        stimuli=stimuli,
        trials=(Trial("1", 0.0, n_times / sfreq, candidates=candidates, attended=_ATTENDED[attended]),),
        source_files=relative_names(root, root / _EEG, root / _AUDIO),
    )
    return [recording]


def _segment(path: Path) -> dict[str, Any]:
    segment = read_mat(path, ["seg"])["seg"]
    missing = [name for name in ("eeg_env", "attention", "label", "fs") if name not in segment]
    if missing:
        raise BadInput(
            f"two_speaker_minute: wanted the field {missing[0]!r} of seg in {path.name}, it holds {', '.join(segment)}."
        )
    if len(segment["label"]) != segment["eeg_env"].shape[1]:
        raise BadInput(
            f"two_speaker_minute: {path.name} names {len(segment['label'])} channels and holds {segment['eeg_env'].shape[1]}."
        )
    return segment


def load_eeg(path: Path, start: int = 0, stop: int | None = None) -> NDArray[np.float32]:
    """(22, samples from start to stop) microvolts."""
    return _segment(path)["eeg_env"].T[:, start:stop].astype(np.float32)


DATASET = Dataset(
    facts=DatasetFacts(
        name="two_speaker_minute",
        title="One minute with two talkers",
        citation="authors not named in the files",
        licence="none stated",
        access="private",
        n_subjects=1,
        n_recordings=1,
        n_channels=22,
        sfreq=64.0,
        hours=60.0 / 3600.0,
        reference="as recorded; not named in the files",
        line_frequency=0.0,
        paradigm="auditory attention to one of two talkers",
        interval=(0.0, 60.0),
        files=(_EEG, _AUDIO),
        notes=(
            "One trial: only blocks of it can be held out (protocol blocked), and no result speaks for other listeners.",
            "The attended talker never changes: a system that ignores the EEG is always right.",
            "The signal is low-passed near 26 Hz.",
        ),
        unverified=(
            "the unit, taken as microvolts",
            "that the attended channel 1 is counted from 0 (inferred from the published decoder's result)",
            "that the first audio channel is the left ear",
            "the name of the ignored talker",
        ),
    ),
    sources=sources,
)

"""KUL: two Dutch stories at once, 16 listeners (Biesmans, Das et al. 2016), one MATLAB file a listener."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache, partial
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
    identifier,
    matching_files,
    numbered,
    relative_names,
)
from mindleaf.errors import BadInput, ReadError
from mindleaf.montage import Montage, layout_positions
from mindleaf.reading.audio import load_samples, open_audio
from mindleaf.reading.child import GIGABYTE, guarded
from mindleaf.reading.matfile import load_mat
from mindleaf.reading.plausible import excerpts, signal_notes
from mindleaf.reading.presence import present_file
from mindleaf.recording import Candidate, Issue, Recording, Stimulus, Trial

#: Trials 9 to 20 play the first two minutes of the same stories again, three times each.
LAST_TRIAL = 8
_NAME = re.compile(r"S(\d+)\.mat")
_STIMULUS = re.compile(r"(?:rep_)?(part(\d+)_track(\d+))_(?:dry|hrtf)\.wav", re.IGNORECASE)
_EARS = {"L": 1, "R": 2}
_SIDES = ("left", "right")


def sources(root: Path) -> Iterator[Source]:
    """One source a listener."""
    paths = [path for path in matching_files(root, "kul", "**/S*.mat") if _NAME.fullmatch(path.name)]
    if not paths:
        raise BadInput(f"kul: no file in {root} is named S1.mat to S16.mat; check --root.")
    sounds = {path.name.lower(): path for path in sorted(root.glob("**/*.wav"))}
    for path in sorted(paths, key=numbered):
        subject = _NAME.fullmatch(path.name).group(1).zfill(2)  # type: ignore[union-attr]
        yield Source(relative_names(root, path)[0], partial(_open, root, path, subject, sounds))


def _open(root: Path, path: Path, subject: str, sounds: Mapping[str, Path]) -> list[Recording]:
    trials = _trials(path, path.stat().st_mtime_ns)
    return [_recording(root, path, subject, trial, sounds) for trial in trials]


def _recording(root: Path, path: Path, subject: str, found: dict[str, Any], sounds: Mapping[str, Path]) -> Recording:
    number, ear = str(found["number"]), found["ear"].strip().upper()[:1]
    if ear not in _EARS or len(found["stimuli"]) != 2:
        raise ReadError(
            f"{path}: trial {number} names the ear {found['ear']!r} and {len(found['stimuli'])} stimuli, wanted L or R and two; "
            "get the file again."
        )
    stories = [_story(name, path, sounds) for name in found["stimuli"]]
    n_times = found["eeg"].shape[1]
    # The audio outlasts the EEG in every published trial; where it does not, what is left is no longer two stories.
    duration = min(n_times / found["sfreq"], *(seconds for _, _, seconds in stories))
    return Recording(
        dataset="kul",
        subject=subject,
        id=identifier(("sub", subject), ("run", number)),
        run=number,
        sfreq=found["sfreq"],
        montage=Montage.from_names(found["names"])[0],
        n_times=n_times,
        load=partial(load_trial, path, found["number"]),
        stimuli=tuple(stimulus for stimulus, _, _ in stories),
        trials=(
            Trial(
                id=number,
                onset=0.0,
                duration=duration,
                labels={"condition": found["condition"].lower(), "experiment": found["experiment"]},
                candidates=tuple(
                    Candidate(stimulus.id, side, talker) for (stimulus, talker, _), side in zip(stories, _SIDES, strict=True)
                ),
                attended=_EARS[ear],
            ),
        ),
        issues=tuple(Issue(note["code"], note["message"]) for note in found["notes"]),
        source_files=relative_names(root, path, *(sounds[f"{stimulus.id}_dry.wav"] for stimulus, _, _ in stories)),
    )


def _story(name: str, path: Path, sounds: Mapping[str, Path]) -> tuple[Stimulus, str, float]:
    """Stimulus, talker and seconds of a story part, whichever of its renderings was played.

    The same minutes of a story have one id and one sound, the clean one: an id for each rendering would let a split by
    stimulus put the same speech on both sides.
    """
    match = _STIMULUS.fullmatch(name.strip())
    if match is None:
        raise ReadError(
            f"{path}: wanted stimuli named partN_trackN_dry.wav or _hrtf.wav, one is named otherwise; get the file again."
        )
    story, part, track = match.group(1).lower(), int(match.group(2)), match.group(3)
    wav = f"{story}_dry.wav"
    if wav not in sounds:
        raise BadInput(
            f"kul: wanted {wav} below the folder of {path.name}, it is not there; unpack stimuli.zip beside the .mat files."
        )
    audio = open_audio(sounds[wav])
    stimulus = Stimulus(story, audio.sample_rate, partial(load_samples, audio.path), auditory_type="competing_speech")
    return stimulus, f"track{track}-story{1 if part <= 2 else 2}", audio.duration


def load_trial(path: Path, number: int, start: int = 0, stop: int | None = None) -> NDArray[np.float32]:
    """(64, stop - start) microvolts of a trial, counted from 1."""
    present_file(path, "a .mat file")
    return next(t["eeg"] for t in _trials(path, path.stat().st_mtime_ns) if t["number"] == number)[:, start:stop].copy()


@lru_cache(maxsize=1)
def _trials(path: Path, modified_ns: int) -> list[dict[str, Any]]:
    """The first eight trials of a file. A version 5 file is one compressed block, so the last one read is kept (100 MB)."""
    size = present_file(path, "a .mat file").stat().st_size
    return guarded(read_trials, path, timeout_s=60.0 + size / 5e6, memory_bytes=20 * size + GIGABYTE)


def read_trials(path: str) -> list[dict[str, Any]]:
    """In the child: signals (float32, channel x time, microvolts) and descriptions of the trials that are no repetition."""
    trials = load_mat(path, ["trials"])["trials"]
    trials = [trials] if isinstance(trials, dict) else trials
    if not isinstance(trials, list) or not all(isinstance(trial, dict) for trial in trials):
        raise ReadError(f"{path}: wanted trials as a cell array of structs, or an array of them; get the file again.")
    return [
        _described(path, number, trial)
        for number, trial in enumerate(trials, start=1)
        if number <= LAST_TRIAL and not np.any(trial.get("repetition", 0))
    ]


def _described(path: str, number: int, trial: dict[str, Any]) -> dict[str, Any]:
    try:
        eeg = np.asarray(trial["RawData"]["EegData"], np.float32).T
        header = trial["FileHeader"]
        sfreq = float(np.ravel(header["SampleRate"])[0])
        ear, stimuli = str(trial["attended_ear"]), [str(name) for name in trial["stimuli"]]
    except (KeyError, TypeError, IndexError) as error:
        raise ReadError(
            f"{path}: trial {number} lacks a field ({error}); wanted RawData.EegData, FileHeader.SampleRate, attended_ear "
            "and stimuli; get the file again."
        ) from error
    names = _channel_names(header, eeg.shape[0])
    if eeg.ndim != 2 or len(names) != len(eeg):
        raise ReadError(f"{path}: trial {number} holds {eeg.shape[0]} channels, wanted samples x 64; get the file again.")
    pieces = excerpts(lambda start, stop: eeg[:, start:stop].astype(np.float64), len(eeg), eeg.shape[1], sfreq)
    return {
        "number": number, "eeg": eeg, "sfreq": sfreq, "names": names, "ear": ear, "stimuli": stimuli,
        "condition": str(trial.get("condition", "")), "experiment": _whole(trial.get("experiment")),
        "notes": signal_notes(pieces, names, [True] * len(names), sfreq),
    }  # fmt: skip


def _channel_names(header: dict[str, Any], n_channels: int) -> list[str]:
    """Labels from the header where it has one for every channel, else BioSemi's 64 in their order (Cz is the 48th)."""
    channels = header.get("Channels")
    channels = [channels] if isinstance(channels, dict) else channels
    if (
        isinstance(channels, list)
        and len(channels) == n_channels
        and all(isinstance(c, dict) and c.get("Label") for c in channels)
    ):
        return [str(channel["Label"]) for channel in channels]
    return list(layout_positions("biosemi64"))


def _whole(value: Any) -> str:
    if not isinstance(value, (np.ndarray, int, float)) or not np.size(value):
        return ""
    return str(int(np.ravel(value)[0]))


DATASET = Dataset(
    facts=DatasetFacts(
        name="kul",
        title="Auditory Attention Detection Dataset KULeuven",
        citation="Biesmans W, Das N, Francart T, Bertrand A (2017). Auditory-inspired speech envelope extraction methods for "
        "improved EEG-based auditory attention detection in a cocktail party scenario. IEEE Trans Neural Syst Rehabil Eng "
        "25(5), 402-412; Das N, Biesmans W, Bertrand A, Francart T (2016). J Neural Eng 13, 056014.",
        licence="CC BY-NC 4.0",
        access="open",
        n_subjects=16,
        n_recordings=128,
        n_channels=64,
        sfreq=128.0,
        hours=12.8,
        reference="none (BioSemi CMS/DRL)",
        line_frequency=50.0,
        paradigm="auditory attention to one of two talkers",
        files=("**/S*.mat", "**/partN_trackN_dry.wav"),
        url="https://zenodo.org/records/4004271",
        stimuli="Dutch stories read by men, one track to each ear: dry (dichotic) or filtered with head-related transfer "
        "functions. A stimulus is a part of a track (part1_track1), the same in both renderings and for every listener; its "
        "sound is the clean file (partN_trackN_dry.wav), as the authors analyse it. Audio and EEG start together.",
        exclusions=(
            (
                "trials 9 to 20",
                "they repeat the first two minutes of trials 1 to 4 three times: with them the same audio stands in training "
                "and test",
            ),
        ),
        counted=(
            Hours("16 x 8 trials of about 6 min", 128, 360.0),
            Hours("16 x 12 repetitions of 2 min", 192, 120.0, used=False),
        ),
        table1=TableHours(3, 19.2, "includes the repetitions; without them 12.8 h remain"),
        archives=(Archive("zenodo", "4004271"),),
        notes=(
            "The attended ear is constant within a trial: who can tell the trial can tell the ear, so windows of one trial must "
            "stay on one side of a split. The authors say the same on the page of the archive.",
            "Four pairs of stories are all there is: a split by stimulus has four groups, and every listener hears all of them.",
            "The files come high-passed at 0.5 Hz and brought from 8192 Hz (the page says 8196) to 128 Hz.",
            "The story attended to is track 1 throughout the first experiment and track 2 throughout the second.",
        ),
        unverified=(
            "the licence",
            "the lengths of the trials: 6 and 2 minutes are the design; others report 20.6 h in all on the files",
            "that the unit is microvolts (others report peaks near 325)",
            "that parts 1-2 and parts 3-4 of a track are one story each; talkers are named after it, and two of the four names "
            "may be one voice",
            "the order of channels where the header holds no labels (BioSemi's)",
        ),
    ),
    sources=sources,
)

"""Brennan & Hale 2019, Alice: one chapter of an audio book, 49 listeners, FieldTrip structs in MATLAB files.

The authors place every word on the EEG's clock: a row of ``proc.trl`` is [begin, end, offset, segment, tmin, order], where
begin is the first sample of an epoch that starts ``-offset`` samples before the word. The sound of a segment starts ``tmin``
seconds before its word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mindleaf.datasets.dataset import (
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
from mindleaf.reading.matfile import load_mat, read_mat
from mindleaf.reading.plausible import excerpts, signal_notes
from mindleaf.reading.presence import present_file
from mindleaf.recording import Candidate, Event, Issue, Recording, Stimulus, Trial

SFREQ = 500.0
#: The listeners of the paper, as the authors' datasets.mat lists them.
USED = frozenset(
    f"S{number:02d}"
    for number in (
        1,
        3,
        4,
        5,
        6,
        8,
        10,
        11,
        12,
        13,
        14,
        15,
        16,
        17,
        18,
        19,
        20,
        21,
        22,
        25,
        26,
        34,
        35,
        36,
        37,
        38,
        39,
        40,
        41,
        42,
        44,
        45,
        48,
    )
)
N_SEGMENTS = 12
_SOUND = "DownTheRabbitHoleFinal_SoundFile{}.wav"
_NAME = re.compile(r"S\d{2}\.mat")
_BEGIN, _OFFSET, _SEGMENT, _TMIN = 0, 2, 3, 4


def sources(root: Path) -> Iterator[Source]:
    """One source a listener of the paper."""
    found = [path for path in matching_files(root, "brennan2018", "**/S[0-9][0-9].mat") if _NAME.fullmatch(path.name)]
    signals = [path for path in found if path.parent.name != "proc"]
    used = sorted((path for path in signals if path.stem in USED), key=numbered)
    if not used:
        there = f"{len(signals)} recordings that the paper leaves out" if signals else "only files of processing parameters"
        raise BadInput(f"brennan2018: wanted S01.mat or another listener of the paper in {root}, found {there}; check --root.")
    proc = {path.stem: path for path in found if path.parent.name == "proc"}
    sounds = {path.name: path for path in sorted(root.glob("**/DownTheRabbitHoleFinal_SoundFile*.wav"))}
    for path in used:
        yield Source(relative_names(root, path)[0], partial(_open, root, path, proc.get(path.stem), sounds))


def word_samples(trl: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sample of each word's onset, (word,). The epochs begin 150 samples (0.3 s) before their words."""
    return trl[:, _BEGIN] - trl[:, _OFFSET]


def segment_samples(trl: NDArray[np.float64], sfreq: float = SFREQ) -> dict[int, int]:
    """Sample at which each segment's sound starts. Word samples were rounded up from here, so the least difference is it."""
    difference = word_samples(trl) - trl[:, _TMIN] * sfreq
    segments = trl[:, _SEGMENT].astype(int)
    return {int(k): int(np.floor(difference[segments == k].min() + 1e-6)) for k in np.unique(segments)}


def read_proc(path: Path) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """``trl`` (word, 6) and the channels that the authors call bad. Raises ReadError for a file of another shape."""
    proc = read_mat(path, ["proc"])["proc"]
    trl = proc.get("trl") if isinstance(proc, dict) else None
    if not isinstance(trl, np.ndarray) or trl.ndim != 2 or trl.shape[1] != 6 or not len(trl):
        raise ReadError(f"{path}: wanted proc.trl with six columns, it is not there; get proc.zip again.")
    if not np.all(trl[:, _OFFSET] <= 0):
        raise ReadError(f"{path}: wanted epochs that begin before their words, proc.trl has another offset; get proc.zip again.")
    bad = [*_texts(proc.get("impedence"), "bads"), *_texts(proc.get("rejections"), "badchans")]
    return trl.astype(float), tuple(sorted(set(bad), key=lambda name: (len(name), name)))


def _texts(struct: Any, field: str) -> list[str]:
    found = struct.get(field) if isinstance(struct, dict) else None
    return [item for item in ([found] if isinstance(found, str) else found if isinstance(found, list) else []) if item]


def _open(root: Path, path: Path, proc: Path | None, sounds: Mapping[str, Path]) -> list[Recording]:
    if proc is None:
        raise BadInput(f"brennan2018: wanted proc/{path.name}, it is not there; unpack proc.zip beside the recordings.")
    trl, bad = read_proc(proc)
    found = _described(path, path.stat().st_mtime_ns)
    names: list[str] = found["names"]
    good = tuple(name for name in names if name not in bad)
    trials, stimuli = _trials(path, trl, found["n_times"], found["sfreq"], sounds)
    issues = [Issue(note["code"], note["message"]) for note in found["notes"]]
    left_out = [name for name in names if name in bad]
    if left_out:
        text = f"{len(left_out)} channels are marked bad by the authors and were left out: {', '.join(left_out)}."
        issues.append(Issue("channels_bad", text))
    places = layout_positions("easycap-M10")
    return [
        Recording(
            dataset="brennan2018",
            subject=path.stem,
            id=identifier(("sub", path.stem)),
            sfreq=found["sfreq"],
            montage=Montage.from_names(good, [places.get(name, np.full(3, np.nan)) for name in good])[0],
            n_times=found["n_times"],
            load=partial(load_channels, path, tuple(names.index(name) for name in good)),
            events=tuple(Event(float(sample) / found["sfreq"], 0.0, "word") for sample in word_samples(trl)),
            stimuli=stimuli,
            trials=trials,
            issues=tuple(issues),
            source_files=relative_names(root, path, proc, *(sounds[f"{stimulus.id}.wav"] for stimulus in stimuli)),
        )
    ]


def _trials(
    path: Path, trl: NDArray[np.float64], n_times: int, sfreq: float, sounds: Mapping[str, Path]
) -> tuple[tuple[Trial, ...], tuple[Stimulus, ...]]:
    trials, stimuli = [], []
    for segment, start in segment_samples(trl, sfreq).items():
        name = _SOUND.format(segment)
        if name not in sounds:
            raise BadInput(
                f"brennan2018: wanted {name} near {path.name}, it is not there; unpack audio.zip beside the recordings."
            )
        sound = open_audio(sounds[name])
        seconds = min(sound.duration, (n_times - start) / sfreq)
        if start < 0 or seconds <= 0:
            raise ReadError(f"{path}: segment {segment} starts at sample {start}, the signal has {n_times}; get the file again.")
        stimulus = Stimulus(Path(name).stem, sound.sample_rate, partial(load_samples, sound.path), auditory_type="speech")
        stimuli.append(stimulus)
        trials.append(Trial(str(segment), start / sfreq, seconds, candidates=(Candidate(stimulus.id),), attended=1))
    return tuple(trials), tuple(stimuli)


def load_channels(path: Path, rows: tuple[int, ...], start: int = 0, stop: int | None = None) -> NDArray[np.float32]:
    """Samples start to stop of the given EEG rows of the file, (channel, time) microvolts."""
    present_file(path, "a .mat file")
    return _described(path, path.stat().st_mtime_ns)["eeg"][list(rows), start:stop]


@lru_cache(maxsize=1)
def _described(path: Path, modified_ns: int) -> dict[str, Any]:
    """A version 5 file is one compressed block, so the last one read is kept (90 MB)."""
    size = present_file(path, "a .mat file").stat().st_size
    return guarded(read_fieldtrip, path, timeout_s=60.0 + size / 5e6, memory_bytes=20 * size + GIGABYTE)


def read_fieldtrip(path: str) -> dict[str, Any]:
    """In the child: the EEG (named by number) of the only trial of ``raw``, float32 (channel, time), and what is odd about it."""
    raw, signal = _fieldtrip(path)
    names = [str(name) for name in raw["label"]]
    sfreq = float(np.ravel(raw.get("fsample", np.nan))[0])
    if len(names) != len(signal) or not sfreq > 0:
        raise ReadError(f"{path}: raw has {len(names)} labels for {len(signal)} channels at {sfreq:g} Hz; get the file again.")
    rows = [row for row, name in enumerate(names) if name.isdigit()]
    if not rows:
        raise ReadError(f"{path}: wanted channels named by number, found {', '.join(names[:6])}; get the file again.")
    scalp, eeg = [names[row] for row in rows], signal[rows].astype(np.float32)
    pieces = excerpts(lambda start, stop: eeg[:, start:stop].astype(float), len(eeg), eeg.shape[1], sfreq)
    notes = signal_notes(pieces, scalp, [True] * len(scalp), sfreq)
    return {"names": scalp, "sfreq": sfreq, "n_times": eeg.shape[1], "eeg": eeg, "notes": notes}


def _fieldtrip(path: str) -> tuple[dict[str, Any], NDArray[np.float64]]:
    raw = load_mat(path, ["raw"])["raw"]
    trials = raw.get("trial") if isinstance(raw, dict) else None
    signals = trials if isinstance(trials, list) else [trials]
    if len(signals) != 1 or not isinstance(signals[0], np.ndarray) or signals[0].ndim != 2 or "label" not in raw:
        raise ReadError(f"{path}: wanted a FieldTrip struct raw with one trial of channels x samples; get the file again.")
    return raw, signals[0]


DATASET = Dataset(
    facts=DatasetFacts(
        name="brennan2018",
        title="EEG Datasets for Naturalistic Listening to Alice in Wonderland",
        citation="Brennan JR, Hale JT (2019). Hierarchical structure guides rapid linguistic predictions during naturalistic "
        "listening. PLoS ONE 14(1), e0207741.",
        licence="CC BY 4.0",
        access="open",
        n_subjects=33,
        n_recordings=33,
        n_channels=60,
        sfreq=SFREQ,
        hours=33 * 723.54 / 3600.0,
        reference="electrode 29 (easycap M10)",
        line_frequency=60.0,
        paradigm="listening to a story",
        files=("S??.mat", "proc/S??.mat", "DownTheRabbitHoleFinal_SoundFile*.wav"),
        url="https://deepblue.lib.umich.edu/data/concern/data_sets/bg257f92t",
        stimuli="the first chapter of Alice in Wonderland in 12 files, DownTheRabbitHoleFinal_SoundFile1 to 12; a segment starts where "
        "proc.trl puts its words: word sample = begin - offset, sound start = word - tmin (3.726 s for segment 1 of S01)",
        exclusions=(
            ("16 of 49 listeners (S02, S07, S09, S23, S24, S27-S33, S43, S46, S47, S49)",
             "left out in the paper: eight failed the questions on the story, eight recordings are too noisy"),
            ("VEOG, AUD and Aux5", "not EEG; AUD or Aux5 is a copy of the sound, missing in some recordings"),
            ("channels that proc marks bad", "by impedance or by the authors' inspection, other channels for every listener"),
        ),
        counted=(
            Hours("33 listeners of the paper, 12 segments", 33, 723.54),
            Hours("16 listeners that the paper leaves out", 16, 723.54, used=False),
        ),
        table1=TableHours(2, 10.1, "the table counts all 49 listeners, at 12.4 min each; the sound lasts 12.06 min and the paper uses 33 listeners"),
        access_steps=(
            "Download S01.mat to S49.mat, proc.zip, audio.zip and AliceChapterOne-EEG.csv from the page of the data set.",
            "Unpack proc.zip and audio.zip beside the recordings.",
        ),
        notes=(
            "trl has an offset of -150 samples: readers that take its first column for the word place sound and words 0.3 s early.",
            "All listeners hear the same 12 segments: split by stimulus.",
            "The copy of the sound in AUD or Aux5 serves to check the alignment where it was recorded.",
            "Channels are numbers of easycap M10, without 29.",
        ),
        unverified=(
            "the signals (checked here: proc of S01, S03, S04, the word table, and the event tables of two listeners)",
            "whether MATLAB's count from 1 makes the published sample numbers one sample (2 ms) late; they are used as published",
            "the list of the 33 listeners, taken from public code that read datasets.mat",
            "the unit, taken as microvolts as hdr.chanunit says",
        ),
    ),
    sources=sources,
)  # fmt: skip

"""ds004356: music and speech, 22 listeners (Shan, Cappelloni & Maddox 2024), BrainVision in BIDS at 10 kHz."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from functools import lru_cache, partial
from pathlib import Path

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
    placed,
    relative_names,
)
from mindleaf.errors import BadInput, ReadError
from mindleaf.reading.audio import AudioFile, load_samples, open_audio
from mindleaf.reading.signals import SignalFile, open_signal
from mindleaf.recording import AuditoryType, Candidate, Event, Issue, Recording, Stimulus, Trial

MUSIC = ("acoustic", "classical", "hiphop", "jazz", "metal", "pop")
SPEECH = ("chn_aud", "eng_aud", "interview", "lecture", "news", "talk")
CLICKS = "click"
#: Electrodes of the brainstem preamplifier. channels.tsv calls them EEG; they lie at the ears, not on the scalp.
BRAINSTEM = ("EP1", "EP2")
_NAME = re.compile(r"sub-(\w+?)_task-MusicvsSpeech(?:_run-(\d+))?_eeg\.vhdr")
_COLUMNS = ("onset", "duration", "trial_type", "sample", "stim_file")


def sources(root: Path) -> Iterator[Source]:
    """One source a recording that holds music or speech; sub-03 and sub-19 have their clicks in a run of their own."""
    found = [path for path in matching_files(root, "ds004356", "sub-*/eeg/*_eeg.vhdr") if _NAME.fullmatch(path.name)]
    if not found:
        raise BadInput(f"ds004356: no file below {root} is named sub-01_task-MusicvsSpeech_eeg.vhdr; check --root.")
    for path in sorted(found, key=numbered):
        subject, run = _NAME.fullmatch(path.name).groups(default="")  # type: ignore[union-attr]
        if not _holds_only_clicks(_events_file(path)):
            yield Source(relative_names(root, path)[0], partial(_open, root, path, subject, run))


def clip_rows(path: Path) -> list[dict[str, str]]:
    """Rows of an events.tsv that play music or speech, in its order. Raises ReadError for a missing table or column."""
    return [row for row in event_rows(path) if row["trial_type"] != CLICKS]


def event_rows(path: Path) -> list[dict[str, str]]:
    """All rows of an events.tsv."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
    except (OSError, UnicodeDecodeError) as error:
        raise ReadError(f"{path}: wanted the table of events, cannot be read ({error}); get it again from its source.") from error
    missing = [name for name in _COLUMNS if not rows or rows[0].get(name) is None]
    if missing:
        raise ReadError(
            f"{path}: wanted a column {missing[0]!r}, found {', '.join(rows[0]) if rows else 'no row'}; get it again."
        )
    for number, row in enumerate(rows, start=2):
        if not re.fullmatch(r"\d+", row["sample"] or "") or not re.fullmatch(r"\d+(\.\d+)?", row["duration"] or ""):
            raise ReadError(f"{path}: line {number}: wanted numbers for sample and duration; get the table again.")
    unknown = {row["trial_type"] for row in rows} - {*MUSIC, *SPEECH, CLICKS}
    if unknown:
        raise ReadError(f"{path}: wanted the types of ds004356 in trial_type, got {sorted(unknown)[0]!r}; get the table again.")
    return rows


def auditory_type(trial_type: str) -> AuditoryType:
    """ "music" or "speech", by the name of the type."""
    return "music" if trial_type in MUSIC else "speech"


def _events_file(path: Path) -> Path:
    return path.with_name(path.name.replace("_eeg.vhdr", "_events.tsv"))


def _holds_only_clicks(path: Path) -> bool:
    """A table that is missing or damaged is no reason to leave a recording out: opening it will say what is wrong."""
    try:
        return not clip_rows(path)
    except ReadError:
        return False


def _open(root: Path, path: Path, subject: str, run: str) -> list[Recording]:
    rows = clip_rows(_events_file(path))
    file = open_signal(path, known_channels=BRAINSTEM)
    scalp = file.pick_types("eeg")
    scalp = scalp.pick([name for name in scalp.channel_names if name not in BRAINSTEM])
    shelf: dict[str, tuple[Stimulus, AudioFile]] = {}
    trials, cut = [], []
    for row in rows:
        trial = _trial(root, path, row, scalp, shelf)
        if trial.duration < float(row["duration"]) - 0.05:
            cut.append(trial.id)
        if trial.duration > 0:
            trials.append(trial)
    issues = list(scalp.issues)
    if cut:
        text = f"{len(cut)} clips lie partly outside the recording or its sound, first {cut[0]}; they were cut or left out."
        issues.append(Issue("trial_outside", text))
    return [
        Recording(
            dataset="ds004356",
            subject=subject,
            id=identifier(("sub", subject), ("run", run)),
            run=run,
            sfreq=scalp.sfreq,
            montage=placed(scalp),
            n_times=scalp.n_times,
            load=scalp.load,
            events=tuple(Event(int(row["sample"]) / scalp.sfreq, float(row["duration"]), row["trial_type"]) for row in rows),
            stimuli=tuple(stimulus for stimulus, _ in shelf.values()),
            trials=tuple(trials),
            issues=tuple(issues),
            source_files=relative_names(root, path, path.with_suffix(".vmrk"), path.with_suffix(".eeg"), _events_file(path)),
        )
    ]


def _trial(root: Path, path: Path, row: dict[str, str], file: SignalFile, shelf: dict[str, tuple[Stimulus, AudioFile]]) -> Trial:
    kind, name = row["trial_type"], Path(row["stim_file"]).stem
    if name not in shelf:
        shelf[name] = _sound(root, path, row["stim_file"], kind)
    # Column onset counts 10,000.25 samples a second, the header 10,000: in two hours they part by 0.18 s. ``sample`` is
    # the place in this file.
    onset = int(row["sample"]) / file.sfreq
    duration = min(float(row["duration"]), file.duration - onset, shelf[name][1].duration)
    labels = {"label": str(auditory_type(kind)), "type": kind}
    return Trial(name, onset, duration, labels, candidates=(Candidate(name),), attended=1)


def _sound(root: Path, path: Path, stim_file: str, kind: str) -> tuple[Stimulus, AudioFile]:
    relative = Path(stim_file)
    if relative.is_absolute() or ".." in relative.parts:
        raise ReadError(f"{_events_file(path)}: wanted a sound below stimuli, got {stim_file!r}; get the table again.")
    sound = _header(root / "stimuli" / relative)
    load = partial(load_samples, sound.path)
    return Stimulus(relative.stem, sound.sample_rate, load, auditory_type=auditory_type(kind)), sound


@lru_cache(maxsize=1024)
def _header(path: Path) -> AudioFile:
    """Every listener hears the same 480 clips: their headers are read once."""
    return open_audio(path)


DATASET = Dataset(
    facts=DatasetFacts(
        name="ds004356",
        title="Subcortical responses to music and speech are alike while cortical responses diverge",
        citation="Shan T, Cappelloni MS, Maddox RK (2024). Subcortical responses to music and speech are alike while "
        "cortical responses diverge. Sci Rep 14, 789.",
        licence="CC0",
        access="open",
        n_subjects=22,
        n_recordings=22,
        n_channels=32,
        sfreq=10_000.0,
        hours=22 * 480 * 12.0 / 3600.0,
        reference="FCz, ground Fpz",
        line_frequency=60.0,
        paradigm="listening to clips of music and speech",
        labels=("music", "speech"),
        interval=(0.0, 12.0),
        files=("sub-*/eeg/*_eeg.vhdr", "sub-*/eeg/*_events.tsv", "stimuli/*/*.wav"),
        url="https://openneuro.org/datasets/ds004356",
        stimuli="480 clips of 12 s: 40 of each of six genres of music and six kinds of speech, named by their file "
        "(chn_aud035); the column sample of events.tsv says where a clip starts. All listeners hear the same clips in another order.",
        exclusions=(
            (
                "the ten minutes of clicks of every listener",
                "clicks are neither music nor speech and no encoder of sound knows them",
            ),
            ("channels EP1 and EP2", "electrodes at the ears for the brainstem response, no scalp positions"),
            ("subjects 14 and 21", "left out by the authors: withdrew, and technical problems"),
        ),
        counted=(Hours("22 x 480 clips of 12 s", 22 * 480, 12.0), Hours("22 x 10 clicks of 60 s", 220, 60.0, used=False)),
        table1=TableHours(
            2, 38.9, "the table counts the clicks too: 35.2 h of music and speech and 3.7 h of clicks; it cites other authors"
        ),
        archives=(Archive("openneuro", "ds004356"),),
        notes=(
            "The same 480 clips for everyone: split by stimulus, and expect the same clip of two listeners in a batch to be a "
            "false negative.",
            "Listeners could rest or sleep in one part of the instructions and were asked to stay awake in another.",
            "The label is the type of sound, the column type is the genre or kind.",
            "10 kHz: 213 GB in all; preparing brings the signals to the store's rate.",
        ),
        unverified=(
            "the signals (checked here: channels.tsv and events.tsv of sub-01 and sub-03)",
            "the rate in the .vhdr headers: onset times imply 10,000.25 Hz, the sidecars say 10,000; trials follow the sample column",
            "that a recording with several segments (marks 999) has no gap inside a clip",
        ),
    ),
    sources=sources,
)

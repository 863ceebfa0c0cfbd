"""Le Petit Prince Hong Kong: a Cantonese audio book, 51 older listeners (Momenian et al. 2024), EEGLAB files in BIDS.

There is no table of events. The .set files hold a trigger at the start of every sentence; a workbook says which sentence a
trigger number stands for. Numbers may come again in another section, so both lists are matched in their order.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache, partial
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
from mindleaf.errors import BadInput, ReadError
from mindleaf.reading.audio import AudioFile, load_samples, open_audio
from mindleaf.reading.signals import SignalFile, open_signal
from mindleaf.reading.workbook import read_sheet
from mindleaf.recording import Candidate, Event, Issue, Recording, Stimulus, Trial

TRIGGERS = "sourcedata/annotation/EEG_trigger_and_sentence_number.xlsx"
WORDS = "sourcedata/annotation/lppHK_timing_word_information.xlsx"
SENTENCES = "sourcedata/stimuli/audio_files_segmented_by_sentence"
#: Channels beside the 62 scalp electrodes: mastoids, eyes, heart, muscle, the trigger line.
NOT_SCALP = frozenset({"M1", "M2", "HEO", "VEO", "HEOG", "VEOG", "EKG", "ECG", "EMG", "TRIGGER"})
#: Scalp electrodes of the Neuroscan cap that the electrode table does not have.
CEREBELLAR = ("CB1", "CB2")
#: A trigger that comes this much before the last sentence has ended does not stand for the sentence after it.
OVERLAP_S = 0.5
_NAME = re.compile(r"sub-(\w+?)_task-lpp(?:HK)?_eeg\.set")
_SENTENCE = re.compile(r"(\d+)\.(\d{1,3})(?:\.wav)?")
_NUMBER = re.compile(r"\D*(\d+)(?:\.0+)?")


@dataclass(frozen=True)
class Word:
    """A word of a sentence; onset and offset in seconds of the sentence's sound."""

    sentence: str
    onset: float
    offset: float


def sources(root: Path) -> Iterator[Source]:
    """One source a listener. Derivatives are another, preprocessed copy and stay out."""
    found = [path for path in matching_files(root, "lppetitprince", "sub-*/eeg/*_eeg.set") if _NAME.fullmatch(path.name)]
    if not found:
        raise BadInput(f"lppetitprince: no file below {root} is named sub-HK001_task-lppHK_eeg.set; check --root.")
    for path in sorted(found, key=numbered):
        subject = _NAME.fullmatch(path.name).group(1)  # type: ignore[union-attr]
        yield Source(relative_names(root, path)[0], partial(_open, root, path, subject))


@lru_cache(maxsize=4)
def read_triggers(path: Path) -> tuple[tuple[str, int], ...]:
    """(sentence or question, trigger number) in the order of presentation. Sentences are named "1.003".

    Raises ReadError where the workbook has other columns or a number that is none.
    """
    header, *rows = read_sheet(path) or [[]]
    if len(header) < 2 or "trigger" not in header[1].lower():
        raise ReadError(f"{path}: wanted the columns sentence and Trigger number, found {', '.join(header)}; get it again.")
    table = []
    for row in rows:
        if len(row) < 2 or not row[0]:
            continue
        number = _NUMBER.fullmatch(row[1].strip())
        if number is None:
            raise ReadError(f"{path}: wanted a trigger number for {row[0]!r}, got {row[1]!r}; get the workbook again.")
        table.append((sentence_name(row[0]) or row[0], int(number.group(1))))
    return tuple(table)


def sentence_name(text: str) -> str:
    """ "1.003.wav" -> "1.003"; Excel's numbers too: "1.1" and "1.1000000000000001" -> "1.100". Empty where it is a question."""
    text = text.strip()
    if re.fullmatch(r"\d+\.\d{4,}", text):
        text = f"{float(text):.3f}"
    match = _SENTENCE.fullmatch(text)
    return f"{match.group(1)}.{match.group(2).ljust(3, '0')}" if match else ""


@lru_cache(maxsize=4)
def read_words(path: Path) -> tuple[Word, ...]:
    """Words with their place in their sentence, from the workbook or the .csv of earlier releases."""
    if path.suffix == ".xlsx":
        rows = read_sheet(path)
    else:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.reader(file))
    header = rows[0] if rows else []
    wanted = ("sentence_id", "onset_in_sentence", "offset_in_sentence")
    if not set(wanted) <= set(header):
        raise ReadError(f"{path}: wanted the columns {', '.join(wanted)}, found {', '.join(header)}; get it again.")
    places = [header.index(name) for name in wanted]
    try:
        cells = [[row[place] for place in places] for row in rows[1:] if row and any(row)]
        return tuple(Word(sentence_name(sentence), float(onset), float(offset)) for sentence, onset, offset in cells)
    except (IndexError, ValueError) as error:
        raise ReadError(
            f"{path}: wanted numbers for the place of every word, got another cell ({error}); get it again."
        ) from error


def match_triggers(table: tuple[tuple[str, int], ...], marks: list[tuple[float, int]]) -> list[tuple[str, float]]:
    """(sentence or question, onset) for the longest runs in which table and recorded (onset, number) marks agree."""
    matcher = SequenceMatcher(None, [number for _, number in table], [number for _, number in marks], autojunk=False)
    return [(table[block.a + i][0], marks[block.b + i][0]) for block in matcher.get_matching_blocks() for i in range(block.size)]


def _open(root: Path, path: Path, subject: str) -> list[Recording]:
    table = read_triggers(_annotation(root, TRIGGERS))
    # EEGLAB keeps numbers as numbers: a reader may give 3 as "3" or as "3.0".
    labels = {text for _, number in table for text in (f"{number}", f"{number}.0")}
    file = open_signal(path, event_labels=labels, known_channels=CEREBELLAR).pick_types("eeg")
    file = file.pick([name for name in file.channel_names if name.upper() not in NOT_SCALP])
    marks = [(event.onset, int(m.group(1))) for event in file.events if (m := _NUMBER.fullmatch(event.label))]
    found = match_triggers(table, sorted(marks))
    if not found:
        raise ReadError(f"{path}: no event carries a trigger number of {Path(TRIGGERS).name}; get the file again.")
    sounds = {item.stem: item for item in sorted((root / SENTENCES).glob("*/*.wav"))}
    trials, stimuli, unsure = _trials(root, file, found, sounds)
    issues = list(file.issues)
    missing = len({name for name, _ in table if _SENTENCE.fullmatch(name)}) - len(trials)
    if missing:
        text = f"{missing} sentences of the story have no trial: {unsure} run into the next trigger, the others have no trigger."
        issues.append(Issue("sentences_missing", text))
    return [
        recording_of(
            file,
            dataset="lppetitprince",
            subject=subject,
            events=(*file.events, *_word_events(root, trials)),
            stimuli=stimuli,
            trials=trials,
            issues=tuple(issues),
            source_files=relative_names(root, path, *([fdt] if (fdt := path.with_suffix(".fdt")).exists() else [])),
        )
    ]


def _annotation(root: Path, name: str) -> Path:
    if not (root / name).exists():
        raise BadInput(f"lppetitprince: wanted {name} in {root}, it is not there; fetch the folder sourcedata too.")
    return root / name


def _trials(
    root: Path, file: SignalFile, found: list[tuple[str, float]], sounds: dict[str, Path]
) -> tuple[tuple[Trial, ...], tuple[Stimulus, ...], int]:
    """Trials, their stimuli, and how many sentences were left out because their sound runs into the next trigger."""
    trials, stimuli, unsure = [], [], 0
    ends = [onset for _, onset in found[1:]] + [file.duration]
    for (name, onset), end in zip(found, ends, strict=True):
        match = _SENTENCE.fullmatch(name)
        if match is None:
            continue
        if name not in sounds:
            raise BadInput(
                f"lppetitprince: wanted {name}.wav below {root / SENTENCES}, it is not there; fetch sourcedata/stimuli."
            )
        sound = _header(sounds[name])
        if onset + sound.duration > end + OVERLAP_S:
            unsure += 1
            continue
        stimuli.append(Stimulus(name, sound.sample_rate, partial(load_samples, sound.path), auditory_type="speech"))
        seconds = min(sound.duration, end - onset)
        trials.append(Trial(name, onset, seconds, {"section": match.group(1)}, (Candidate(name),), attended=1))
    return tuple(trials), tuple(stimuli), unsure


def _word_events(root: Path, trials: tuple[Trial, ...]) -> list[Event]:
    """The words of the kept sentences on the EEG's clock; none where the table of words was not fetched."""
    if not (root / WORDS).exists():
        return []
    onsets = {trial.id: trial.onset for trial in trials}
    return [
        Event(onsets[word.sentence] + word.onset, max(word.offset - word.onset, 0.0), "word")
        for word in read_words(root / WORDS)
        if word.sentence in onsets
    ]


@lru_cache(maxsize=1024)
def _header(path: Path) -> AudioFile:
    """Every listener hears the same sentences: their headers are read once."""
    return open_audio(path)


DATASET = Dataset(
    facts=DatasetFacts(
        name="lppetitprince",
        title="Le Petit Prince Hong Kong: naturalistic fMRI and EEG dataset from older Cantonese speakers",
        citation="Momenian M, Ma Z, Wu S, Wang C, Brennan J, Hale J, Meyer L, Li J (2024). Le Petit Prince Hong Kong (LPPHK): "
        "naturalistic fMRI and EEG data from older Cantonese speakers. Sci Data 11, 992.",
        licence="CC0",
        access="open",
        n_subjects=51,
        n_recordings=51,
        n_channels=62,
        sfreq=1000.0,
        hours=51 * 1170.0 / 3600.0,
        reference="average, says the sidecar",
        line_frequency=50.0,
        paradigm="listening to a story",
        files=("sub-*/eeg/*_eeg.set", TRIGGERS, WORDS, f"{SENTENCES}/*/*.wav"),
        url="https://openneuro.org/datasets/ds004718",
        stimuli="535 sentences of The Little Prince in Cantonese, one sound each (1.003 is sentence 3 of section 1); a sentence starts "
        "at its trigger in the .set file, by EEG_trigger_and_sentence_number.xlsx",
        exclusions=(
            ("the 20 quiz questions", "spoken questions that a listener answers by a button are no story listening"),
            ("M1, M2, HEO, VEO, EKG, EMG, TRIGGER", "mastoids and channels that are not EEG"),
            ("derivatives", "a preprocessed copy of the same recordings"),
        ),
        counted=(Hours("51 listeners, the story in sentences", 51, 1170.0),),
        table1=TableHours(
            2, 17.3, "the table counts 52 listeners at 20 min; 51 recordings are published and the story lasts 19.5 min"
        ),
        archives=(Archive("openneuro", "ds004718", ("sub-*/eeg/*", "sourcedata/*", "*.tsv", "*.json")),),
        notes=(
            "All listeners hear the same sentences in the same order: split by stimulus.",
            "There is no events.tsv: the story's own time does not run on through the EEG, sentences do.",
            "The workbooks have a line of titles: 556 and 4474 lines are 555 triggers (535 sentences, 20 questions) and 4473 words.",
            "Words are events of the recording, in the order of the story.",
        ),
        unverified=(
            "the signals, triggers and workbooks (checked here: the sidecars; columns and counts by public code that read the files)",
            "how events are written in the .set files: their numbers are taken as trigger numbers",
            "that a sentence's sound starts at its trigger without delay",
            "channel names of the raw files, taken from the authors' preprocessing",
        ),
    ),
    sources=sources,
)

"""CHB-MIT: days of EEG of children with seizures (Shoeb 2009, PhysioNet), EDF with a summary per case."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
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
    recording_of,
    relative_names,
)
from mindleaf.errors import BadInput, ReadError
from mindleaf.montage import Montage
from mindleaf.reading.presence import present_file
from mindleaf.reading.signals import SignalFile, open_signal
from mindleaf.recording import Issue, Recording, Trial

CHANNELS = (
    "FP1-F7", "F7-T7", "T7-P7", "P7-O1", "FP1-F3", "F3-C3", "C3-P3", "P3-O1", "FP2-F4", "F4-C4", "C4-P4", "P4-O2",
    "FP2-F8", "F8-T8", "T8-P8", "P8-O2", "FZ-CZ", "CZ-PZ", "P7-T7", "T7-FT9", "FT9-FT10", "FT10-T8",
)  # fmt: skip
#: Recorded against a common reference instead of as pairs.
OTHER_MONTAGE = ("chb12_27", "chb12_28", "chb12_29")
#: The girl of case 1 was recorded again a year and a half later, as case 21.
_SAME_SUBJECT = {"21": "01"}
_NAME = re.compile(r"chb(\d{2})([a-z]?)_(\d{2})(\+?)\.edf")
_SEIZURE = re.compile(r"Seizure(?:\s+\d+)?\s+(Start|End)\s+Time\s*:\s*(\d+)\s*sec", re.IGNORECASE)
_SHORTEST_S = 1.0


@dataclass(frozen=True)
class Listed:
    """What a summary says of one file: seizures as (start, end) in seconds from the file's start."""

    seizures: tuple[tuple[float, float], ...]


def sources(root: Path) -> Iterator[Source]:
    """One source a file; the summary of its case (chb01-summary.txt) lies beside it."""
    paths = [path for path in matching_files(root, "chbmit", "**/chb*.edf") if _NAME.fullmatch(path.name)]
    if not paths:
        raise BadInput(f"chbmit: no file in {root} is named as chb01_01.edf; check --root.")
    for path in paths:
        if path.stem not in OTHER_MONTAGE:
            yield Source(relative_names(root, path)[0], partial(_open, root, path))


def _open(root: Path, path: Path) -> list[Recording]:
    case, letter, number, plus = _NAME.fullmatch(path.name).groups()  # type: ignore[union-attr]
    summary = present_file(path.with_name(f"chb{case}-summary.txt"), "the summary of the case beside its .edf files")
    file, montage, issues = _pairs(open_signal(path))
    seizures, noted = _seizures(path, summary)
    if any(end > file.duration + 1.0 for _, end in seizures):
        raise ReadError(
            f"{path}: {summary.name} puts a seizure at {max(seizures)[1]:g} s, the file lasts {file.duration:g} s; get both again."
        )
    subject = _SAME_SUBJECT.get(case, case)
    # "chb02_16+" is another file than "chb02_16".
    run = f"{letter}{number}{'plus' if plus else ''}"
    return [
        recording_of(
            file,
            dataset="chbmit",
            subject=subject,
            session=case,
            run=run,
            montage=montage,
            trials=_trials(seizures, file.duration),
            issues=(*issues, *noted),
            source_files=relative_names(root, path, summary),
        )
    ]


def _pairs(file: SignalFile) -> tuple[SignalFile, Montage, tuple[Issue, ...]]:
    """The pairs of ``CHANNELS`` that the file has. T8-P8 stands twice in it: the reader numbers the two, the first is kept."""
    raw_names: dict[str, str] = {}
    for raw in file.channel_names:
        raw_names.setdefault(re.sub(r"-\d$", "", raw).upper(), raw)
    present = [name for name in CHANNELS if name in raw_names]
    if not present:
        raise ReadError(
            f"{file.path}: wanted pairs such as FP1-F7, the file has {', '.join(file.channel_names[:6])}; leave it out."
        )
    kept = file.pick([raw_names[name] for name in present])
    # That the reader renamed the twin is settled by keeping one of them.
    issues = tuple(issue for issue in kept.issues if issue.code != "channel_renamed")
    if missing := [name for name in CHANNELS if name not in present]:
        issues = (*issues, Issue("channel_missing", f"channel_missing: the file has no {', '.join(missing)}"))
    return kept, Montage.from_names(present)[0], issues


def _seizures(path: Path, summary: Path) -> tuple[list[tuple[float, float]], tuple[Issue, ...]]:
    """Seizures of a file; one that the summary leaves out has none, unless a .seizures file beside it says otherwise."""
    listed = read_summary(summary)
    if path.name in listed:
        return sorted(listed[path.name].seizures), ()
    if path.with_name(f"{path.name}.seizures").exists():
        raise ReadError(f"{summary}: does not list {path.name}, which has a .seizures file; get the summary again.")
    return [], (Issue("not_in_summary", "not_in_summary: the case's summary does not list the file; taken to hold no seizure"),)


def read_summary(path: Path) -> dict[str, Listed]:
    """File name -> what the summary says of it. Times of day are not read: case 24 has none, others write 24:22:17.

    Seizures are numbered or not, and some numbers are wrong, so starts and ends go by their order. Raises ReadError where
    they do not alternate or are not as many as promised.
    """
    blocks = re.split(r"^\s*File Name\s*:\s*", path.read_text(encoding="latin-1"), flags=re.MULTILINE)[1:]
    found = {}
    for block in blocks:
        name = block.split("\n", 1)[0].strip()
        marks = [(kind.lower(), float(second)) for kind, second in _SEIZURE.findall(block)]
        promised = re.search(r"Number of Seizures in File\s*:\s*(\d+)", block)
        kinds = [kind for kind, _ in marks]
        seconds = [second for _, second in marks]
        rising = all(first < last for first, last in zip(seconds[0::2], seconds[1::2], strict=False))
        if kinds != ["start", "end"] * (len(kinds) // 2) or not rising or (promised and 2 * int(promised[1]) != len(kinds)):
            raise ReadError(
                f"{path}: {name}: wanted {promised[1] if promised else 'some'} seizures with a start before an end, "
                f"got {len(kinds)} times; get the summary again."
            )
        found[name] = Listed(tuple(zip(seconds[0::2], seconds[1::2], strict=True)))
    if not found:
        raise ReadError(f"{path}: wanted a summary with lines 'File Name: chb01_01.edf', it has none; get it again.")
    return found


def _trials(seizures: list[tuple[float, float]], duration_s: float) -> tuple[Trial, ...]:
    """Seizures, and what lies between them as background, in order of time."""
    spans, reached = [], 0.0
    for start, end in seizures:
        spans += [(reached, start, "background"), (start, min(end, duration_s), "seizure")]
        reached = max(reached, end)
    spans.append((reached, duration_s, "background"))
    kept = [span for span in spans if span[1] - span[0] >= _SHORTEST_S]
    return tuple(Trial(f"{k:02d}", start, end - start, {"label": label}) for k, (start, end, label) in enumerate(kept, start=1))


DATASET = Dataset(
    facts=DatasetFacts(
        name="chbmit",
        title="CHB-MIT Scalp EEG Database",
        citation="Shoeb AH (2009). Application of machine learning to epileptic seizure onset detection and treatment. PhD thesis, "
        "MIT; Guttag J (2010). PhysioNet, doi 10.13026/C2K01R.",
        licence="ODC-By 1.0",
        access="open",
        n_subjects=23,
        n_recordings=683,
        n_channels=len(CHANNELS),
        sfreq=256.0,
        hours=977.0,
        reference="pairs of neighbouring electrodes",
        line_frequency=60.0,
        paradigm="epileptic seizures and what lies between them, days in hospital",
        labels=("background", "seizure"),
        files=("chb??/chb*.edf", "chb??/chb??-summary.txt"),
        url="https://physionet.org/content/chbmit/1.0.0/",
        stimuli="none",
        exclusions=(
            (", ".join(OTHER_MONTAGE), "recorded against a reference: their channels are others"),
            ("the second T8-P8, ECG, VNS and dummy channels", "a copy, or no EEG"),
        ),
        counted=(
            Hours("683 files, 980 hours with the next", 683, 977.0 * 3600.0 / 683),
            Hours("three files of another montage, taken as an hour each", 3, 3600.0, used=False),
        ),
        table1=TableHours(
            1,
            1060.9,
            "others count about 980 h in all 686 files; 8 % more come out of no part or sum of them that is known here. The table "
            "calls it CMBMIT, its paradigm sleep and its channels 8: it holds seizures, on 23 channels",
        ),
        archives=(Archive("physionet", "chbmit/1.0.0"),),
        notes=(
            "What MindMix's Table 1 calls CMBMIT is this set: it is about seizures, not sleep.",
            "Case 21 is the girl of case 1 again: both have subject 01, so that no split parts them.",
            "A seizure is a second in several hundred: accuracy means nothing here.",
            "Background is everything outside a marked seizure, the minutes right before and after it included.",
            "P7-T7 is T7-P7 turned over.",
        ),
        unverified=(
            "980 hours (remembered; others print 844 to 983), 686 files (as counted by EEGDash), an hour for each of the three left out",
            "that case 24, which came later and without a description, is a child of its own",
            "the mains frequency (recorded in Boston)",
            "the summaries' spellings were taken from public code that read them; no file was at hand",
        ),
    ),
    sources=sources,
)

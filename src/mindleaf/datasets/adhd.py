"""ADHD: children with and without attention deficit count pictures (Nasrabadi et al. 2020), one MATLAB file a child."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mindleaf.datasets.dataset import Dataset, DatasetFacts, Hours, Source, identifier, matching_files, relative_names
from mindleaf.datasets.whole_reads import load_span, read_guarded
from mindleaf.errors import ReadError
from mindleaf.montage import Montage
from mindleaf.reading.matfile import load_mat
from mindleaf.reading.plausible import excerpts, signal_notes
from mindleaf.recording import Issue, Recording, Trial

SFREQ = 128.0
#: Order of the table of electrodes (Standard-10-20-Cap19) that lies beside the files.
CHANNELS = (
    "Fp1", "Fp2", "F3", "F4", "C3", "C4", "P3", "P4", "O1", "O2", "F7", "F8", "T7", "T8", "P7", "P8", "Fz", "Cz", "Pz",
)  # fmt: skip
_GROUPS = {"adhd": "adhd", "control": "control"}
_FOLDER = re.compile(r"(adhd|control)(?:_part[12])?", re.IGNORECASE)


def sources(root: Path) -> Iterator[Source]:
    """One source a child; the folder (ADHD_part1 ... Control_part2) is the label."""
    patterns = ("**/ADHD_part[12]/v*.mat", "**/Control_part[12]/v*.mat", "**/ADHD/v*.mat", "**/Control/v*.mat")
    for path in matching_files(root, "adhd", *patterns):
        folders = [match.group(1).lower() for part in path.relative_to(root).parts if (match := _FOLDER.fullmatch(part))]
        yield Source(relative_names(root, path)[0], partial(_open, root, path, _GROUPS[folders[-1]]))


def _open(root: Path, path: Path, label: str) -> list[Recording]:
    found: Any = read_guarded(describe, path)
    subject = path.stem
    return [
        Recording(
            dataset="adhd",
            subject=subject,
            id=identifier(("sub", subject)),
            sfreq=SFREQ,
            montage=Montage.from_names(CHANNELS)[0],
            n_times=found["n_times"],
            load=partial(load_signal, path),
            trials=(Trial("1", 0.0, found["n_times"] / SFREQ, labels={"label": label}),),
            issues=tuple(Issue(note["code"], note["message"]) for note in found["notes"]),
            source_files=relative_names(root, path),
        )
    ]


def load_signal(path: Path, start: int = 0, stop: int | None = None) -> NDArray[np.float32]:
    """(19, stop - start) microvolts."""
    return load_span(read_signal, path, (), start, stop)


def describe(path: str) -> dict[str, Any]:
    """In the child: length and issues."""
    eeg = read_signal(path)
    pieces = excerpts(lambda start, stop: eeg[:, start:stop].astype(np.float64), len(eeg), eeg.shape[1], SFREQ)
    return {"n_times": eeg.shape[1], "notes": signal_notes(pieces, list(CHANNELS), [True] * len(CHANNELS), SFREQ)}


def read_signal(path: str) -> NDArray[np.float32]:
    """In the child: the file's variable (named as the file: v10p), samples x 19, turned to (channel, time)."""
    found = load_mat(path, [])
    name = Path(path).stem if Path(path).stem in found else next(iter(found), "")
    values = found.get(name)
    if not isinstance(values, np.ndarray) or values.ndim != 2 or values.shape[1] != len(CHANNELS) or not len(values):
        what = f"shape {values.shape}" if isinstance(values, np.ndarray) else "no array"
        raise ReadError(f"{path}: wanted samples x {len(CHANNELS)} channels, got {what}; get the file again.")
    return np.ascontiguousarray(values.T, np.float32)


DATASET = Dataset(
    facts=DatasetFacts(
        name="adhd",
        title="EEG data for ADHD and control children",
        citation="Nasrabadi AM, Allahverdy A, Samavati M, Mohammadi MR (2020). EEG data for ADHD / control children. "
        "IEEE DataPort, doi 10.21227/rzfh-zn36.",
        licence="CC BY 4.0 (open access at IEEE DataPort)",
        access="registration",
        n_subjects=121,
        n_recordings=121,
        n_channels=len(CHANNELS),
        sfreq=SFREQ,
        hours=4.7,
        reference="ear lobes (A1 and A2)",
        line_frequency=50.0,
        paradigm="counting cartoon figures; children with and without attention deficit",
        labels=tuple(_GROUPS.values()),
        files=("ADHD_part1/v*.mat", "ADHD_part2/v*.mat", "Control_part1/v*.mat", "Control_part2/v*.mat"),
        url="https://ieee-dataport.org/open-access/eeg-data-adhd-control-children",
        stimuli="pictures with 5 to 16 figures, the next one after each answer; when each came is not in the files",
        counted=(Hours("61 + 60 children, 2.3 minutes on average", 121, 4.7 * 3600.0 / 121),),
        access_steps=(
            "Make a free account at IEEE DataPort and open the data set's page.",
            "Get ADHD_part1.zip, ADHD_part2.zip, Control_part1.zip and Control_part2.zip, and unpack each into a folder of its name.",
        ),
        notes=(
            "The label belongs to the child: split by subject. Windows of one child on both sides tell the child, not the group.",
            "The next picture came with the answer: slower children have longer files, so the length of a file tells the group in part.",
        ),
        unverified=(
            "the order of the channels: taken from the table of electrodes; the data set's page lists them as Fz, Cz, Pz, C3, T3 ...",
            "the unit (taken as microvolts), and 4.7 hours (remembered from the length of a table made of the files)",
            "the licence",
            "file and variable names were taken from public code that read the files; none was at hand",
        ),
    ),
    sources=sources,
)

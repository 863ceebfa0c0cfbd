"""TUAB, the TUH Abnormal EEG Corpus: recordings judged normal or abnormal by clinicians, EDF."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from mindleaf.datasets import tuh
from mindleaf.datasets.dataset import Dataset, DatasetFacts, Hours, Source, matching_files, relative_names

_LABELS = ("normal", "abnormal")
_PARTITIONS = ("train", "eval")


def sources(root: Path) -> Iterator[Source]:
    """One source a file; the folders above it are the authors' partition and the label."""
    patterns = [f"**/{partition}/{label}/**/*.edf" for partition in _PARTITIONS for label in _LABELS]
    for path in matching_files(root, "tuab", *patterns):
        folders = path.relative_to(root).parts[:-1]
        (label,) = [part for part in folders if part in _LABELS][-1:]
        (partition,) = [part for part in folders if part in _PARTITIONS][-1:]
        labels = {"label": label, "partition": partition}
        yield Source(relative_names(root, path)[0], partial(tuh.labelled_file, "tuab", root, path, labels))


DATASET = Dataset(
    facts=DatasetFacts(
        name="tuab",
        title="TUH Abnormal EEG Corpus",
        citation="Lopez de Diego S (2017). Automated interpretation of abnormal adult electroencephalograms. Temple University; "
        "Obeid I, Picone J (2016). The Temple University Hospital EEG data corpus. Front Neurosci 10, 196.",
        licence=tuh.LICENCE,
        access="agreement",
        n_subjects=None,
        n_recordings=2993,
        n_channels=len(tuh.SCALP),
        sfreq=None,
        hours=1137.4,
        reference="common reference (REF)",
        line_frequency=60.0,
        paradigm="hospital EEG judged normal or abnormal",
        labels=_LABELS,
        files=("**/train/normal/**/*.edf", "**/train/abnormal/**/*.edf", "**/eval/normal/**/*.edf", "**/eval/abnormal/**/*.edf"),
        url="https://isip.piconepress.com/projects/nedc/html/tuh_eeg/",
        stimuli="none, but for the flashes of a routine hospital examination, which are not read",
        exclusions=tuh.EXCLUSIONS,
        counted=(Hours("2993 files of 22.8 minutes on average (409,455 windows of 10 s)", 2993, 4_094_550 / 2993),),
        access_steps=tuh.ACCESS_STEPS,
        notes=(
            *tuh.NOTES,
            "partition holds the authors' split (train, eval), which has no patient on both sides.",
            "A recording as a whole was judged: most of its windows may look normal in an abnormal one.",
        ),
        unverified=(
            "2993 files, and 409,455 windows of 10 s behind the hours (remembered from others' tables, not found again)",
            "the mains frequency (recorded in Philadelphia); rates differ between files (mostly 250 Hz)",
            "folders and file names were taken from the corpus' own description, no file was at hand",
        ),
    ),
    sources=sources,
)

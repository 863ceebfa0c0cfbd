"""TUEP, the TUH EEG Epilepsy Corpus: recordings of people with and without epilepsy, EDF."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from mindleaf.datasets import tuh
from mindleaf.datasets.dataset import Dataset, DatasetFacts, Hours, Source, TableHours, matching_files, relative_names

_LABELS = {"00_epilepsy": "epilepsy", "01_no_epilepsy": "no_epilepsy"}


def sources(root: Path) -> Iterator[Source]:
    """One source a file; the folder 00_epilepsy or 01_no_epilepsy above it is the label."""
    for path in matching_files(root, "tuep", *(f"**/{folder}/**/*.edf" for folder in _LABELS)):
        (folder,) = [part for part in path.relative_to(root).parts if part in _LABELS][-1:]
        yield Source(relative_names(root, path)[0], partial(tuh.labelled_file, "tuep", root, path, {"label": _LABELS[folder]}))


DATASET = Dataset(
    facts=DatasetFacts(
        name="tuep",
        title="TUH EEG Epilepsy Corpus",
        citation="Veloso L, McHugh J, von Weltin E, Lopez S, Obeid I, Picone J (2017). Big data resources for EEGs: enabling "
        "deep learning research. IEEE SPMB 2017.",
        licence=tuh.LICENCE,
        access="agreement",
        n_subjects=200,
        n_recordings=None,
        n_channels=len(tuh.SCALP),
        sfreq=None,
        hours=591.2,
        reference="common reference (REF) or linked ears (LE), by file",
        line_frequency=60.0,
        paradigm="hospital EEG of people with and without epilepsy",
        labels=tuple(_LABELS.values()),
        files=("**/00_epilepsy/**/*.edf", "**/01_no_epilepsy/**/*.edf"),
        url="https://isip.piconepress.com/projects/nedc/html/tuh_eeg/",
        stimuli="none, but for the flashes of a routine hospital examination, which are not read",
        exclusions=tuh.EXCLUSIONS,
        counted=(Hours("the whole corpus, as the authors of LaBraM count it", 1, 591.2 * 3600.0),),
        table1=TableHours(
            1,
            631.8,
            "7 % more than LaBraM's authors count in the same corpus; releases differ in their files, and which one MindMix took "
            "is not said",
        ),
        access_steps=tuh.ACCESS_STEPS,
        notes=(
            *tuh.NOTES,
            "The label belongs to the patient: split by subject. People with epilepsy have far more and longer recordings, and "
            "other amplifiers and years than the others, which tells the classes apart without any brain.",
        ),
        unverified=(
            "591.2 hours (remembered from LaBraM's appendix) and 200 patients, 100 of each class (remembered from the release)",
            "the mains frequency (recorded in Philadelphia)",
            "folders and file names were taken from public code for releases 2 and 3, no file was at hand",
        ),
    ),
    sources=sources,
)

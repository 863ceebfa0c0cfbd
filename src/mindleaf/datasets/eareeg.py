"""Ear-EEG of selective attention to speech (Thornton, Mandic & Reichenbach 2023), described by two tables."""

from __future__ import annotations

from functools import partial

from mindleaf.datasets.dataset import Dataset, DatasetFacts, Hours, TableHours
from mindleaf.datasets.manifest import manifest_sources

DATASET = Dataset(
    facts=DatasetFacts(
        name="eareeg",
        title="Ear-EEG recordings of selective attention to speech",
        citation="Thornton M, Mandic DP, Reichenbach T (2023). Comparison of linear and nonlinear methods for decoding selective "
        "attention to speech from ear-EEG recordings. arXiv 2401.05187.",
        licence="as stated on the Zenodo record",
        access="open",
        n_subjects=18,
        n_recordings=None,
        n_channels=2,
        sfreq=None,
        hours=12.0,
        reference="as recorded",
        line_frequency=50.0,
        paradigm="auditory attention to one of two talkers",
        files=("recordings.tsv", "trials.tsv", "the files they name"),
        url="https://zenodo.org/records/10260082",
        stimuli="audio books, one talker or two at once: as the user's trials.tsv names them",
        layout="manifest",
        counted=(Hours("18 listeners of about 40 min", 18, 2400.0),),
        table1=TableHours(2, 12.0),
        access_steps=(
            "Download Zenodo record 10260082.",
            "Bring the recordings into a readable format, such as NPZ with the entries signal, channel_names and sfreq.",
            "Write recordings.tsv and trials.tsv beside them (`mindleaf data template` makes a first version).",
        ),
        notes=(
            "Two channels at the ears: no scalp positions, so spatial filters and maps do not apply.",
            "The published layout is not known here; the recipe reads the two tables that describe any recordings.",
        ),
        unverified=(
            "everything: no file and no public reader of this record was at hand; counts and hours follow MindMix's Table 1",
        ),
    ),
    sources=partial(manifest_sources, dataset="eareeg"),
)

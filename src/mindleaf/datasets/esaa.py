"""ESAA: two Mandarin talkers at once (Li et al. 2022), described by recordings.tsv and trials.tsv."""

from __future__ import annotations

from functools import partial

from mindleaf.datasets.dataset import Archive, Dataset, DatasetFacts, Hours, TableHours
from mindleaf.datasets.manifest import manifest_sources

DATASET = Dataset(
    facts=DatasetFacts(
        name="esaa",
        title="ESAA: an EEG-speech auditory attention detection database",
        citation="Li P, Cai S, et al. (2022). ESAA: an EEG-speech auditory attention detection database. O-COCOSDA 2022.",
        licence="as stated on the archive's page",
        access="open",
        n_subjects=None,
        n_recordings=None,
        n_channels=64,
        sfreq=None,
        hours=12.7,
        reference="not known here",
        line_frequency=50.0,
        paradigm="auditory attention to one of two talkers",
        files=("recordings.tsv", "trials.tsv", "the files they name"),
        url="https://zenodo.org/records/7078451",
        stimuli="Mandarin speech of a woman and a man at once from different directions. Name a stimulus after its audio file, "
        "alike for every listener, with the talker's sex as talker_k and the direction as side_k.",
        layout="manifest",
        counted=(Hours("all, by MindMix's Table 1 (no other count is at hand)", 1, 12.7 * 3600.0),),
        table1=TableHours(3, 12.7),
        archives=(Archive("zenodo", "7078451"),),
        access_steps=(
            "Get the S*.zip files and preprocess.zip from the archive and unpack them.",
            "Read db/SCUT.py and preproc/preprocess.py of preprocess.zip, which say what the fields mean.",
            "Write recordings.tsv and trials.tsv in that folder (`mindleaf data template` makes a first version).",
        ),
        notes=(
            "The layout of the files is not published in words, so the two tables describe it.",
            "With 32 trials a listener, of which each has one attended talker, windows of one trial must stay on one side of a split.",
            "AVED, which some libraries carry beside the auditory sets, is another collection.",
        ),
        unverified=(
            "the hours (MindMix's Table 1)",
            "the authors and the place of publication beyond the first two names",
            "64 channels, and 32 trials a listener (positions x sex of the talker)",
            "the mains frequency",
            "rate, reference, number of listeners and fields are not known here",
        ),
    ),
    sources=partial(manifest_sources, dataset="esaa"),
)

"""HR-EEG4EMO: emotional film clips with high-resolution EEG (Becker et al.), described by recordings.tsv and trials.tsv."""

from __future__ import annotations

from functools import partial

from mindleaf.datasets.dataset import Dataset, DatasetFacts, Hours, TableHours
from mindleaf.datasets.manifest import manifest_sources

DATASET = Dataset(
    facts=DatasetFacts(
        name="eeg4emo",
        title="HR-EEG4EMO: high-resolution EEG during emotional film clips",
        citation="Becker H, Fleureau J, Guillotel P, Wendling F, Merlet I, Albera L (2020). Emotion recognition based on "
        "high-resolution EEG recordings and reconstructed brain sources. IEEE Trans Affect Comput 11(2), 244-257.",
        licence="by the provider's agreement",
        access="agreement",
        n_subjects=40,
        n_recordings=None,
        n_channels=None,
        sfreq=None,
        hours=10.0,
        reference="not known here",
        line_frequency=50.0,
        paradigm="watching emotional film clips",
        labels=("positive", "negative"),
        files=("recordings.tsv", "trials.tsv", "the files they name"),
        url="https://www.interdigital.com/data_sets/hr-eeg4emo-dataset",
        stimuli="film clips; name a stimulus after its clip, alike for every participant, with the film's sound as its file",
        layout="manifest",
        counted=(Hours("all, by MindMix's Table 1 (no other count is at hand)", 1, 10.0 * 3600.0),),
        table1=TableHours(3, 10.0),
        access_steps=(
            "Ask for access with the form at https://www.interdigital.com/data_sets/hr-eeg4emo-dataset.",
            "Bring each participant's EEG into a readable file; EGI nets go by names E1, E2 ... and montage GSN-HydroCel-256 "
            "(or -128) in recordings.tsv.",
            "Write recordings.tsv and trials.tsv in that folder, with positive or negative as label (`mindleaf data template` helps).",
        ),
        notes=(
            "MindMix's Table 1 cites Cantisani et al. 2019 for this set; that is MAD-EEG's paper.",
            "Sight and sound of a film come together: what the EEG shares with the sound may come from the picture.",
            "A clip has one emotion and everybody sees the same clips: windows of one clip tell the emotion by the clip, so "
            "split by stimulus.",
        ),
        unverified=(
            "the hours, and the 128 channels of MindMix's Table 1 (the paper's net is remembered as one of 257)",
            "40 participants, 13 clips, positive and negative (from memory of the paper)",
            "the mains frequency (recorded in France)",
            "the layout of the files",
        ),
    ),
    sources=partial(manifest_sources, dataset="eeg4emo"),
)

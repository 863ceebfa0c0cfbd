"""PME4: posed emotions with EEG, muscles, voice and face (Chen et al. 2022), described by recordings.tsv and trials.tsv."""

from __future__ import annotations

from functools import partial

from mindleaf.datasets.dataset import Dataset, DatasetFacts, Hours, TableHours
from mindleaf.datasets.manifest import manifest_sources

DATASET = Dataset(
    facts=DatasetFacts(
        name="pme4",
        title="PME4: posed multimodal emotions (audio, video, EEG, EMG)",
        citation="Chen J, Ro T, Zhu Z (2022). Emotion recognition with audio, video, EEG, and EMG: a dataset and baseline "
        "approaches. IEEE Access 10, 13229-13242.",
        licence="as stated on the archive's page",
        access="open",
        n_subjects=11,
        n_recordings=None,
        n_channels=8,
        sfreq=None,
        hours=4.6,
        reference="not known here",
        line_frequency=60.0,
        paradigm="posing an emotion",
        labels=("anger", "fear", "disgust", "sadness", "happiness", "surprise", "neutral"),
        files=("recordings.tsv", "trials.tsv", "the files they name"),
        stimuli="none: the sound recorded beside the EEG is the participant's own voice while posing",
        exclusions=(
            ("EMG channels", "muscles of the face are no scalp EEG; leave them out of the signal files or name them EMG"),
            ("voice and video as stimuli", "they are what the participant did, not what was presented"),
        ),
        layout="manifest",
        counted=(Hours("all, by MindMix's Table 1 (no other count is at hand)", 1, 4.6 * 3600.0),),
        table1=TableHours(3, 4.6),
        access_steps=(
            "Get the data from the address the paper gives (figshare).",
            "Bring each participant's EEG into a readable file (channels by name, microvolts or a stated unit).",
            "Write recordings.tsv and trials.tsv in that folder, with the emotion as label (`mindleaf data template` helps).",
        ),
        notes=(
            "The audio is the participant's OWN voice, not a stimulus: EEG that goes with it is that of speaking, with the "
            "muscles of face and neck in it. Aligning the two says nothing about listening.",
            "Posed emotions move the face: EEG near it tells emotions apart by muscle activity alone.",
            "One could give the voice as stimulus_1 in trials.tsv; whoever does so should say so beside every result.",
        ),
        unverified=(
            "everything here but the hours and channels (MindMix's Table 1) is from memory of the paper",
            "11 actors, seven posed emotions, 8 EEG channels beside EMG, voice and video",
            "the mains frequency (recorded in the United States)",
            "the names of the labels",
        ),
    ),
    sources=partial(manifest_sources, dataset="pme4"),
)

"""OpenBMI SSVEP: 54 subjects look at one of four flickering targets, two sessions (Lee et al. 2019), .mat."""

from __future__ import annotations

from functools import partial

from mindleaf.datasets.dataset import Archive, Dataset, DatasetFacts, Hours
from mindleaf.datasets.openbmi import CITATION
from mindleaf.datasets.openbmi_files import SFREQ, TRIAL_S, OpenBmiSet, openbmi_sources

SSVEP = OpenBmiSet("openbmi_ssvep", "SSVEP", {1: ("up", "12"), 2: ("left", "8.57"), 3: ("right", "6.67"), 4: ("down", "5.45")})

DATASET = Dataset(
    facts=DatasetFacts(
        name="openbmi_ssvep",
        title="OpenBMI, SSVEP",
        citation=CITATION,
        licence="GPL-3.0 (MOABB's entry); the article is CC BY 4.0",
        access="open",
        n_subjects=54,
        n_recordings=216,
        n_channels=62,
        sfreq=SFREQ,
        hours=60.0,
        reference="nasion, ground AFz",
        line_frequency=60.0,
        paradigm="SSVEP",
        labels=("12", "8.57", "6.67", "5.45"),
        interval=(0.0, TRIAL_S),
        ssvep_frequencies=(12.0, 8.57, 6.67, 5.45),
        files=("sess0?_subj??_EEG_SSVEP.mat",),
        url="https://doi.org/10.5524/100542",
        stimuli="four squares that flicker, up, left, right and down; not in the files",
        exclusions=(("four EMG channels", "not EEG"), ("rest before and after a run", "apart in the files, without a task")),
        counted=(
            Hours("trials of 4 s: 54 subjects, 2 sessions, 100 for training and 100 for test", 21600, TRIAL_S),
            Hours("pauses of 6 s between them", 21600, 6.0),
        ),
        archives=(Archive("moabb", "Lee2019_SSVEP"),),
        notes=(
            "Labels are frequencies in Hz; 60 Hz mains lies on a harmonic of 12 Hz (and 6.67 x 9 = 60).",
            "Position and frequency go together: eye movements tell the target as well as the flicker does.",
        ),
        unverified=(
            "the layout on real files (read here on files written after MOABB's code)",
            "that sample numbers count from 1",
            "60 hours: the published 4 s of flicker and 6 s of pause for every trial",
        ),
    ),
    sources=partial(openbmi_sources, SSVEP),
)

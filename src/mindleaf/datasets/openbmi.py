"""OpenBMI motor imagery: 54 subjects imagine grasping left or right, two sessions (Lee et al. 2019), .mat."""

from __future__ import annotations

from functools import partial

from mindleaf.datasets.dataset import Archive, Dataset, DatasetFacts, Hours, TableHours
from mindleaf.datasets.openbmi_files import SFREQ, TRIAL_S, OpenBmiSet, openbmi_sources

CITATION = (
    "Lee MH, Kwon OY, Kim YJ, et al. (2019). EEG dataset and OpenBMI toolbox for three BCI paradigms: an investigation into "
    "BCI illiteracy. GigaScience 8(5), giz002."
)
MI = OpenBmiSet("openbmi", "MI", {1: ("right", "right"), 2: ("left", "left")})

DATASET = Dataset(
    facts=DatasetFacts(
        name="openbmi",
        title="OpenBMI, motor imagery",
        citation=CITATION,
        licence="GPL-3.0 (MOABB's entry); the article is CC BY 4.0",
        access="open",
        n_subjects=54,
        n_recordings=216,
        n_channels=62,
        sfreq=SFREQ,
        hours=91.6,
        reference="nasion, ground AFz",
        line_frequency=60.0,
        paradigm="motor imagery",
        labels=("left", "right"),
        interval=(0.0, TRIAL_S),
        files=("sess0?_subj??_EEG_MI.mat",),
        url="https://doi.org/10.5524/100542",
        stimuli="arrows on a screen, in the test feedback as well; not in the files",
        exclusions=(("four EMG channels", "not EEG"), ("rest before and after a run", "apart in the files, without a task")),
        counted=(
            Hours("trials of 4 s: 54 subjects, 2 sessions, 100 for training and 100 for test", 21600, TRIAL_S),
            Hours("fixation and pauses around the trials", 216, 1126.0),
        ),
        table1=TableHours(1, 91.6, "whole runs, of which the trials are 24 h"),
        archives=(Archive("moabb", "Lee2019_MI"),),
        notes=(
            "The test runs were recorded with feedback, the training runs without.",
            "Onsets in the files count samples from 1; they are shifted to count from 0, MOABB leaves them one sample late.",
            "Opening a file unpacks it whole: several gigabytes of memory for a moment.",
        ),
        unverified=(
            "the layout on real files (read here on files written after MOABB's code and public sidecars)",
            "that sample numbers count from 1",
            "the length of a run, taken so that the sum is Table 1's",
        ),
    ),
    sources=partial(openbmi_sources, MI),
)

"""BCI Competition IV 2a: nine subjects imagine four movements, two days (Tangermann et al. 2012), GDF or .mat."""

from __future__ import annotations

from functools import partial

from mindleaf.datasets.dataset import Archive, Dataset, DatasetFacts, Hours, TableHours
from mindleaf.datasets.graz import GrazSet, graz_sources

EEG = (
    "Fz", "FC3", "FC1", "FCz", "FC2", "FC4", "C5", "C3", "C1", "Cz", "C2", "C4", "C6",
    "CP3", "CP1", "CPz", "CP2", "CP4", "P1", "Pz", "P2", "POz",
)  # fmt: skip
#: The GDF files name five of the 22 electrodes.
_NAMED = ("Fz", "C3", "Cz", "C4", "Pz")


def mat_session(session: str, number: int) -> tuple[str, bool]:
    """A .mat file is one day, its structs are runs."""
    return session, True


GRAZ = GrazSet(
    name="bciciv2a",
    eeg=EEG,
    file_names=tuple(f"EEG-{name}" if name in _NAMED else "" for name in EEG),
    classes={"769": "left", "770": "right", "771": "feet", "772": "tongue"},
    trial_s=6.0,
    globs=("**/A0?[TE].gdf", "**/A0?[TE].mat"),
    gdf=r"A0(\d)([TE])\.gdf",
    mat=r"A0(\d)([TE])\.mat",
    mat_session=mat_session,
)

DATASET = Dataset(
    facts=DatasetFacts(
        name="bciciv2a",
        title="BCI Competition IV data set 2a (BNCI 2014-001)",
        citation="Tangermann M, Müller KR, Aertsen A, et al. (2012). Review of the BCI Competition IV. Front Neurosci 6, 55.",
        licence="CC BY-ND 4.0",
        access="open",
        n_subjects=9,
        n_recordings=108,
        n_channels=22,
        sfreq=250.0,
        hours=11.6,
        reference="left mastoid, ground right mastoid",
        line_frequency=50.0,
        paradigm="motor imagery",
        labels=tuple(GRAZ.classes.values()),
        interval=(2.0, 6.0),
        files=("A0?T.gdf", "A0?E.gdf and the tables of true labels A0?E.mat", "or A0?T.mat, A0?E.mat"),
        url="https://www.bbci.de/competition/iv/",
        stimuli="a beep at the trial's start and an arrow two seconds later; neither is in the files",
        exclusions=(
            ("three EOG channels", "not EEG"),
            ("runs without a trial", "eyes open, eyes closed and eye movements, there to correct EOG: three a file, one in A04T"),
            ("trials without a label", "evaluation files (E) without their table of true labels"),
        ),
        counted=(
            Hours("6 runs of 387 s on each of 2 days", 108, 386.9),
            Hours("blocks of eye movements and the gaps between runs", 18, 368.5, used=False),
        ),
        table1=TableHours(1, 13.4, "the whole files; the six runs with trials are 11.6 h, the 4-s windows 5.8 h"),
        archives=(Archive("moabb", "BNCI2014_001"),),
        notes=(
            "A trial starts with the fixation cross; the arrow comes at 2 s, imagery lasts to 6 s.",
            "A recording is a run of 48 trials. Runs are found by their trials: taking the first three blocks of every file "
            "away, as is often done, loses 96 trials of A04T.",
            "The column artifact says which trials the authors marked as spoilt; they are kept.",
            "Session E is another day than session T; the class is given by the arrow, which lasts into the window.",
            "Filtered 0.5-100 Hz with a 50 Hz notch by the amplifier.",
        ),
        unverified=(
            "both layouts on real files (read here on files written after their descriptions and MOABB's code)",
            "the lengths of runs and files (those of A01T, from memory, stand for all)",
        ),
    ),
    sources=partial(graz_sources, GRAZ),
)

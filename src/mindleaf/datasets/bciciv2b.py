"""BCI Competition IV 2b: nine subjects imagine left or right hand, five sessions (Leeb et al. 2007), GDF or .mat."""

from __future__ import annotations

from functools import partial

from mindleaf.datasets.dataset import Archive, Dataset, DatasetFacts, Hours
from mindleaf.datasets.graz import GrazSet, graz_sources


def mat_session(session: str, number: int) -> tuple[str, bool]:
    """T holds sessions 1 to 3, E sessions 4 and 5, one struct each."""
    return f"0{number + (1 if session == 'T' else 4)}{session}", False


GRAZ = GrazSet(
    name="bciciv2b",
    eeg=("C3", "Cz", "C4"),
    file_names=("EEG:C3", "EEG:Cz", "EEG:C4"),
    classes={"769": "left", "770": "right"},
    trial_s=7.5,
    globs=("**/B0?0?[TE].gdf", "**/B0?0?[TE].mat", "**/B0?[TE].mat"),
    gdf=r"B0(\d)(0\d[TE])\.gdf",
    mat=r"B0(\d)([TE])\.mat",
    mat_session=mat_session,
)

DATASET = Dataset(
    facts=DatasetFacts(
        name="bciciv2b",
        title="BCI Competition IV data set 2b (BNCI 2014-004)",
        citation="Leeb R, Lee F, Keinrath C, et al. (2007). Brain-computer communication: motivation, aim, and impact of "
        "exploring a virtual apartment. IEEE Trans Neural Syst Rehabil Eng 15, 473-482.",
        licence="CC BY-ND 4.0",
        access="open",
        n_subjects=9,
        n_recordings=None,
        n_channels=3,
        sfreq=250.0,
        hours=16.2,
        reference="bipolar derivations over C3, Cz and C4, ground Fz",
        line_frequency=50.0,
        paradigm="motor imagery",
        labels=tuple(GRAZ.classes.values()),
        interval=(3.0, 7.0),
        files=("B0?0?T.gdf", "B0?0?E.gdf and the tables of true labels B0?0?E.mat", "or B0?T.mat, B0?E.mat"),
        url="https://www.bbci.de/competition/iv/",
        stimuli="a beep and an arrow, in sessions 3 to 5 a smiley as feedback; none is in the files",
        exclusions=(
            ("three EOG channels", "not EEG"),
            ("runs without a trial", "blocks of eye movements, there to correct EOG"),
            ("trials without a label", "evaluation files (E) without their table of true labels"),
        ),
        counted=(
            Hours("sessions 1 and 2: 9 subjects, 120 trials of 7.5 s each", 2160, 7.5),
            Hours("sessions 3 to 5: 9 subjects, 160 trials of 7.5 s each", 4320, 7.5),
            Hours("pauses of 1 to 2 s between them", 6480, 1.5),
        ),
        archives=(Archive("moabb", "BNCI2014_004"),),
        notes=(
            "A trial starts with the fixation cross; the arrow comes at 3 s. Imagery ends at 7 s in sessions 1 and 2 and at "
            "7.5 s in sessions 3 to 5; MOABB takes 3 to 7.5 s of all.",
            "GDF files give one recording a run, .mat files one a session: the release joins the runs.",
            "Bipolar channels: a name stands for the pair around that electrode.",
        ),
        unverified=(
            "both layouts on real files (read here on files written after their descriptions and MOABB's code)",
            "16.2 hours: 9 s for each of 6480 trials",
        ),
    ),
    sources=partial(graz_sources, GRAZ),
)

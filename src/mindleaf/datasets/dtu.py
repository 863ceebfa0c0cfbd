"""DTU: two Danish stories at once in three rooms, 18 listeners (Fuglsang et al. 2017), raw or as preprocessed by its authors.

This module lists the files and states the facts; ``dtu_raw`` and ``dtu_preprocessed`` read the two releases.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from mindleaf.datasets import dtu_preprocessed, dtu_raw
from mindleaf.datasets.dataset import Archive, Dataset, DatasetFacts, Hours, Source, TableHours, numbered, relative_names
from mindleaf.errors import BadInput

_RAW = re.compile(r"S(\d+)\.mat")
_PREPROCESSED = re.compile(r"S(\d+)_data_preproc\.mat")


def sources(root: Path) -> Iterator[Source]:
    """One source a listener: the raw files where there are any, else the preprocessed ones."""
    paths = sorted(root.glob("**/S*.mat"), key=numbered)
    raw = [path for path in paths if _RAW.fullmatch(path.name)]
    preprocessed = [path for path in paths if _PREPROCESSED.fullmatch(path.name)]
    if not raw and not preprocessed:
        raise BadInput(_nothing(root))
    if not raw:
        for path in preprocessed:
            subject = _PREPROCESSED.fullmatch(path.name).group(1).zfill(2)  # type: ignore[union-attr]
            yield Source(relative_names(root, path)[0], partial(dtu_preprocessed.open_subject, root, path, subject))
        return
    sounds = {path.name.lower(): path for path in sorted(root.glob("**/*.wav"))}
    for path in raw:
        subject = _RAW.fullmatch(path.name).group(1).zfill(2)  # type: ignore[union-attr]
        yield Source(relative_names(root, path)[0], partial(dtu_raw.open_subject, root, path, subject, sounds))


def _nothing(root: Path) -> str:
    if (root / "dataset_description.json").exists() or any(path.is_dir() for path in root.glob("sub-*")):
        return (
            f"dtu: wanted S1.mat to S18.mat of Zenodo 1199011, {root} holds BIDS folders: Zenodo 3618205 is another study (44 "
            "listeners, Fuglsang 2020) that some call DTU as well; get 1199011, or read this one with the data set bids."
        )
    return (
        f"dtu: no file in {root} matches **/S*.mat or **/S*_data_preproc.mat; check --root, and unpack EEG.zip and AUDIO.zip "
        "(or DATA_preproc.zip)."
    )


DATASET = Dataset(
    facts=DatasetFacts(
        name="dtu",
        title="EEG and audio dataset for auditory attention decoding",
        citation="Fuglsang SA, Dau T, Hjortkjær J (2017). Noise-robust cortical tracking of attended speech in real-world "
        "acoustic scenes. NeuroImage 156, 435-444; data: Fuglsang SA, Wong DDE, Hjortkjær J (2018), Zenodo 1199011.",
        licence="CC BY 4.0",
        access="open",
        n_subjects=18,
        n_recordings=18,
        n_channels=64,
        sfreq=512.0,
        hours=15.0,
        reference="none (BioSemi CMS/DRL); the preprocessed release: average",
        line_frequency=50.0,
        paradigm="auditory attention to one of two talkers",
        other_sfreqs=(64.0,),
        interval=(0.0, 50.0),
        files=("**/S*.mat", "**/S*.csv", "**/*.wav", "**/S*_data_preproc.mat"),
        url="https://zenodo.org/records/1199011",
        stimuli="Danish stories, one read by a man, one by a woman, from the left and the right, in an anechoic, a mildly and a "
        "highly reverberant room (label acoustic_condition). A stimulus is a WAV file; it starts with the trial's trigger. The "
        "preprocessed release brings envelopes at 64 Hz instead, named by talker and content.",
        exclusions=(
            ("trials with one talker (about 10 a listener)", "there is nothing to choose between"),
            ("EXG1-EXG8, Status and all else outside the scalp", "mastoids, eyes and triggers are no scalp EEG"),
        ),
        counted=(Hours("18 x 60 trials of 50 s with two talkers", 18 * 60, 50.0),),
        table1=TableHours(3, 15.0),
        archives=(Archive("zenodo", "1199011", ("EEG.zip", "AUDIO.zip")),),
        notes=(
            "Each S{n}.mat holds its list of trials as a MATLAB table, which only MATLAB can read: write it once as S{n}.csv "
            "beside it (load S1.mat; writetable(expinfo, 'S1.csv')), or save it as a struct (table2struct).",
            "Zenodo 3618205 (44 listeners, BIDS) is another study that some call DTU.",
            "The preprocessed release (S{n}_data_preproc.mat) is read where no raw file is there: 60 recordings a listener, "
            "64 Hz, average reference, eye movements regressed out; it does not tell the sides. In it the attended envelope "
            "always comes first (wavA); here candidates are ordered by talker, man first.",
            "Talker and attended side are constant within a trial: windows of one trial must stay on one side of a split.",
        ),
        unverified=(
            "the licence",
            "that event samples are counted from 1",
            "that attend_lr is 1 for left and 2 for right (so read in public code)",
            "end triggers: 191, and 192 for listener 8",
            "the unit, taken as microvolts, in both releases",
            "that equal stories have equal envelopes in the preprocessed release, so that a split by stimulus sees them",
        ),
    ),
    sources=sources,
)

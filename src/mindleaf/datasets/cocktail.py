"""Two-talker cocktail party: one listener's trials of 60 s with speech envelopes, MATLAB files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mindleaf.datasets.dataset import Dataset, DatasetFacts, Source, identifier, matching_files, numbered, relative_names
from mindleaf.errors import BadInput
from mindleaf.montage import Montage, layout_positions
from mindleaf.reading.matfile import read_mat
from mindleaf.recording import Candidate, Recording, Stimulus, Trial

#: The files hold no rate: 7680 samples are 60 s for EEG and envelopes alike.
SFREQ = 128.0
_NAME = re.compile(r"(\d+)_(\d+)\.mat")
_TALKERS = {"F": "female", "M": "male"}


def sources(root: Path) -> Iterator[Source]:
    """One source a trial: the listener attends to the woman's story, a man's story plays beside it."""
    paths = [path for path in matching_files(root, "cocktail", "*_*.mat") if _NAME.fullmatch(path.name)]
    tables = {name: root / f"{name}.mat" for name in ("F_env", "M_env", "competing_speaker_order")}
    for path in (*tables.values(), *([] if paths else [root / "1_1.mat"])):
        if not path.exists():
            raise BadInput(f"cocktail: wanted {path.name} in {root}, it is not there; check --root.")
    order = read_mat(tables["competing_speaker_order"], ["blk1_M_Order"])["blk1_M_Order"].ravel().astype(int)
    for path in sorted(paths, key=numbered):
        subject, trial = _NAME.fullmatch(path.name).groups()  # type: ignore[union-attr]
        if not 1 <= int(trial) <= len(order):
            raise BadInput(
                f"cocktail: {path.name} is trial {trial}, the speaker order covers trials 1 to {len(order)}; leave it out."
            )
        ignored = int(order[int(trial) - 1])
        yield Source(relative_names(root, path)[0], partial(_open, root, path, tables, subject.zfill(2), int(trial), ignored))


def _open(root: Path, path: Path, tables: dict[str, Path], subject: str, trial: int, ignored: int) -> list[Recording]:
    n_times = len(_eeg(path))
    stimuli = (_stimulus(tables["F_env"], "F", trial), _stimulus(tables["M_env"], "M", ignored))
    candidates = tuple(Candidate(stimulus=stimulus.id, talker=_TALKERS[stimulus.id[0]]) for stimulus in stimuli)
    recording = Recording(
        dataset="cocktail",
        subject=subject,
        id=identifier(("sub", subject), ("run", str(trial))),
        run=str(trial),
        sfreq=SFREQ,
        montage=_montage(),
        n_times=n_times,
        load=partial(load_mastoid_referenced, path),
        stimuli=stimuli,
        trials=(Trial(id=str(trial), onset=0.0, duration=n_times / SFREQ, candidates=candidates, attended=1),),
        source_files=relative_names(root, path, *tables.values()),
    )
    return [recording]


def _montage() -> Montage:
    """BioSemi's 128-channel layout in its own order; the files hold no names.

    Correlation between the columns falls with distance in this layout (r = -.68 over all pairs, 0 for shuffled names).
    """
    layout = layout_positions("biosemi128")
    return Montage(tuple(layout), np.array(list(layout.values())))


def _eeg(path: Path) -> NDArray:
    values = read_mat(path, ["eeg"])["eeg"]
    if not isinstance(values, np.ndarray) or values.ndim != 2 or values.shape[1] != 128:
        raise BadInput(
            f"cocktail: wanted eeg of samples x 128 channels in {path.name}, got "
            f"{getattr(values, 'shape', type(values).__name__)}."
        )
    return values


def load_mastoid_referenced(path: Path, start: int = 0, stop: int | None = None) -> NDArray[np.float32]:
    """(128, samples from start to stop) microvolts against the mean of the two mastoids."""
    values = read_mat(path, ["eeg", "mast"])
    return (values["eeg"] - values["mast"].mean(axis=1, keepdims=True)).T[:, start:stop].astype(np.float32)


def _stimulus(table: Path, talker: str, number: int) -> Stimulus:
    return Stimulus(
        id=f"{talker}{number:02d}",
        sample_rate=SFREQ,
        load=partial(load_envelope, table, number),
        kind="envelope",
        auditory_type="competing_speech",
    )


def load_envelope(table: Path, number: int) -> NDArray[np.float32]:
    """Envelope ``number`` (counted from 1); the small negative values that low-pass filtering left become zero."""
    envelopes: list[Any] = read_mat(table, ["stim1"])["stim1"]
    if not 1 <= number <= len(envelopes):
        raise BadInput(f"cocktail: wanted envelope {number} of {table.name}, it holds {len(envelopes)}.")
    return np.maximum(np.asarray(envelopes[number - 1]).ravel(), 0.0).astype(np.float32)


DATASET = Dataset(
    facts=DatasetFacts(
        name="cocktail",
        title="Two-talker cocktail party, extract of one listener",
        citation="Power AJ, Foxe JJ, Forde E-J, Reilly RB, Lalor EC (2012). At what time is the cocktail party? "
        "Eur J Neurosci 35, 1497-1503; "
        "published with Broderick MP, et al. (2018), Curr Biol 28, 803-809.",
        licence="none stated",
        access="private",
        n_subjects=1,
        n_recordings=4,
        n_channels=128,
        sfreq=SFREQ,
        hours=240.0 / 3600.0,
        reference="mean of the mastoids",
        line_frequency=50.0,
        paradigm="auditory attention to one of two talkers",
        interval=(0.0, 60.0),
        files=("SUBJECT_TRIAL.mat", "F_env.mat", "M_env.mat", "competing_speaker_order.mat"),
        notes=(
            "Envelopes only, no audio: systems that want a waveform do not apply.",
            "The attended talker is the woman in every trial: a system that ignores the EEG and knows her voice is always right.",
            "The two mastoid channels cancel: the signals come referenced to their mean, so referencing again changes nothing.",
            "The side of each talker is not in the files.",
        ),
        unverified=(
            "channel names (BioSemi order, supported by the signals' correlation with distance)",
            "the unit, taken as microvolts",
        ),
    ),
    sources=sources,
)

"""Broderick 2018, natural speech: 19 listeners, 20 parts of an audio book, BrainVision in BIDS (OpenNeuro ds004408)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from mindleaf.datasets.bids import bids_sources
from mindleaf.datasets.dataset import Archive, Dataset, DatasetFacts, Hours, Source, TableHours, relative_names
from mindleaf.montage import Montage, layout_positions
from mindleaf.reading.audio import load_samples, open_audio
from mindleaf.recording import Candidate, Issue, Recording, Stimulus, Trial

#: Part -> second up to which sound and EEG run together.
ALIGNED_UNTIL_S = {"15": 170.0}


def sources(root: Path) -> Iterator[Source]:
    """One source a listener and part of the book; bad channels are left out as channels.tsv marks them."""
    for source in bids_sources(root, "broderick2018"):
        yield Source(source.name, partial(_open, root, source))


def _open(root: Path, source: Source) -> list[Recording]:
    return [_with_sound(root, recording) for recording in source.open()]


def _with_sound(root: Path, recording: Recording) -> Recording:
    """There is no table of events: EEG and sound of a part start together, and the EEG goes on for some seconds more."""
    sound = open_audio(root / "stimuli" / f"audio{recording.run}.wav")
    stimulus = Stimulus(sound.path.stem, sound.sample_rate, partial(load_samples, sound.path), auditory_type="speech")
    seconds = min(sound.duration, recording.n_times / recording.sfreq, ALIGNED_UNTIL_S.get(recording.run, sound.duration))
    issues = [issue for issue in recording.issues if issue.code != "whole_recording"]
    missing = sound.duration - recording.n_times / recording.sfreq
    if missing > 0.05:
        issues.append(
            Issue("trial_outside", f"The sound lasts {missing:.1f} s longer than the EEG; the trial ends with the EEG.")
        )
    places = layout_positions("biosemi128")
    trial = Trial(recording.run, 0.0, seconds, candidates=(Candidate(stimulus.id),), attended=1)
    return replace(
        recording,
        montage=Montage.from_names(
            recording.channel_names, [places.get(name, np.full(3, np.nan)) for name in recording.channel_names]
        )[0],
        stimuli=(stimulus,),
        trials=(trial,),
        issues=tuple(issues),
        source_files=(*recording.source_files, *relative_names(root, sound.path)),
    )


DATASET = Dataset(
    facts=DatasetFacts(
        name="broderick2018",
        title="EEG responses to continuous naturalistic speech",
        citation="Broderick MP, Anderson AJ, Di Liberto GM, Crosse MJ, Lalor EC (2018). Electrophysiological correlates of semantic "
        "dissimilarity reflect the comprehension of natural, narrative speech. Curr Biol 28, 803-809.",
        licence="CC0",
        access="open",
        n_subjects=19,
        n_recordings=380,
        n_channels=128,
        sfreq=512.0,
        hours=19.1,
        reference="none (BioSemi, as recorded): reference before use",
        line_frequency=50.0,
        paradigm="listening to a story",
        files=("sub-*/eeg/*_eeg.vhdr", "sub-*/eeg/*_channels.tsv", "stimuli/audio??.wav"),
        url="https://openneuro.org/datasets/ds004408",
        stimuli="20 parts of The Old Man and the Sea of about three minutes, one recording each: audio01 to audio20, by the number of "
        "the run; sound and EEG start together",
        exclusions=(
            ("run 15 after 170 s", "users of the set report that sound and EEG part there"),
            ("channels that channels.tsv marks bad", "marked by the authors, other channels in every run"),
        ),
        counted=(Hours("380 parts of the book of 181 s on average", 380, 181.0),),
        table1=TableHours(2, 19.1),
        archives=(Archive("openneuro", "ds004408"),),
        notes=(
            "All listeners hear the same 20 parts: split by stimulus.",
            "The Dryad release (070jc) of the same study has envelopes at 128 Hz and no sound; this recipe reads the BIDS release.",
            "Unfiltered: slow drifts of thousands of microvolts are normal.",
        ),
        unverified=(
            "the signals and sounds (checked here: sidecars of sub-001 and sub-002, 20 runs each)",
            "the hours: EEG of the two listeners checked lasts 196 s and 185 s a run, audio01 178 s",
            "that run 15 parts at 170 s",
        ),
    ),
    sources=sources,
)

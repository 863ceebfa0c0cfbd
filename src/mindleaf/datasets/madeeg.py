"""MAD-EEG: attention to one instrument in duos and trios, 8 listeners (Cantisani et al. 2019), HDF5 and YAML.

This module lists the files and states the facts; ``madeeg_raw`` and ``madeeg_preprocessed`` read the two releases.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from mindleaf.datasets import madeeg_preprocessed, madeeg_raw
from mindleaf.datasets.dataset import Archive, Dataset, DatasetFacts, Hours, Source, TableHours
from mindleaf.errors import BadInput
from mindleaf.reading.yaml_files import read_yaml


def sources(root: Path) -> Iterator[Source]:
    """One source a listener: of the raw release where it is there, else of the preprocessed one."""
    raw, preprocessed = root / "madeeg_raw.hdf5", root / "madeeg_preprocessed.hdf5"
    if not raw.exists() and not preprocessed.exists():
        raise BadInput(f"madeeg: no file in {root} matches madeeg_raw.hdf5 or madeeg_preprocessed.hdf5; check --root.")
    wanted = ["madeeg_raw.yaml", "madeeg_sequences_raw.yaml"] if raw.exists() else ["madeeg_preprocessed.yaml"]
    missing = [name for name in wanted if not (root / name).exists()]
    if missing:
        raise BadInput(f"madeeg: wanted {missing[0]} in {root}, it is not there; get it from the same archive.")
    if not raw.exists():
        for subject in sorted(read_yaml(root / "madeeg_preprocessed.yaml")):
            yield Source(f"{preprocessed.name}:{subject}", partial(madeeg_preprocessed.open_subject, root, subject))
        return
    for subject in sorted(read_yaml(root / "madeeg_sequences_raw.yaml")):
        yield Source(f"{raw.name}:{subject}", partial(madeeg_raw.open_subject, root, subject))


DATASET = Dataset(
    facts=DatasetFacts(
        name="madeeg",
        title="MAD-EEG: decoding auditory attention to a target instrument in polyphonic music",
        citation="Cantisani G, Trégoat G, Essid S, Richard G (2019). MAD-EEG: an EEG dataset for decoding auditory attention to "
        "a target instrument in polyphonic music. Speech, Music and Mind (SMM), Satellite Workshop of Interspeech; "
        "Cantisani G, Essid S, Richard G (2019). EEG-based decoding of auditory attention to a target instrument in polyphonic "
        "music. WASPAA.",
        licence="CC BY-SA 4.0",
        access="open",
        n_subjects=8,
        n_recordings=8,
        n_channels=20,
        sfreq=256.0,
        hours=4.2,
        reference="as recorded; not named in the files",
        line_frequency=50.0,
        paradigm="auditory attention to one instrument of a duo or trio",
        files=(
            "madeeg_raw.hdf5",
            "madeeg_raw.yaml",
            "madeeg_sequences_raw.yaml",
            "stimuli/*.wav",
            "madeeg_preprocessed.hdf5",
            "madeeg_preprocessed.yaml",
        ),
        url="https://zenodo.org/records/4537751",
        stimuli="Music of about 6 s played four times in a row through loudspeakers. A stimulus is what one instrument plays in "
        "a mixture (classique_morceau1_duo_CoFl_theme1-Co), the same for every listener and target. Its sound is the isolated "
        "part, which the preprocessed file holds; with the raw file alone, the recording of that instrument's solo. Each "
        "repetition of the raw release has its own onset; the preprocessed release joins the four.",
        exclusions=(
            ("pop_mixtape_trio_BsDrVx_theme1", "it occurs with one target only, so the music alone gives the answer"),
            ("raw channels outside the electrode table", "eyes, heart, muscles, movement and auxiliary inputs are no scalp EEG"),
            ("raw repetitions of a mixture whose isolated parts are not at hand", "there is nothing to choose between"),
        ),
        counted=(Hours("599 sequences of the raw release (105 solo, 309 duo, 185 trio) of about 25 s", 599, 25.0),),
        table1=TableHours(3, 4.2, "the raw release; the preprocessed one has 246 sequences, 1.6 h"),
        archives=(Archive("zenodo", "4537751"),),
        notes=(
            "Duos have two candidates (chance .5), trios three (.33): keep one kind (label ensemble) for a task.",
            "The raw release (madeeg_raw.hdf5) is read where it is there, with the isolated parts of madeeg_preprocessed.hdf5 where "
            "that is there too; the preprocessed release alone gives the stereo half without solos, 1.6 h, one recording a sequence.",
            "The four repetitions of a sequence are trials of their own in the raw release: they carry the same music and target "
            "(label sequence), so a split by trial puts near copies on both sides; split by stimulus.",
            "Each of the 18 duos occurs with both targets, so knowing the music does not tell the target.",
            "The authors removed mains hum and artefacts of eyes and heart (ICA) from the preprocessed release; the raw one has them.",
            "The unit is not in the files: numbers that are plausible as volts are taken as volts, else as microvolts.",
        ),
        unverified=(
            "the mean length of a sequence (25 s)",
            "that the onsets of the raw release (n_ech) are counted from 0",
            "the layout of the raw release, known from public code that reads it",
            "that the isolated part of a mixture falls into four equal repetitions",
            "that an instrument's part in a duo and in a trio of the same theme are different sounds (they have different ids)",
            "the reference (linked mastoids by the maker's manual)",
        ),
    ),
    sources=sources,
)

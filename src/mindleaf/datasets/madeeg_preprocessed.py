"""MAD-EEG as preprocessed by its authors: madeeg_preprocessed.hdf5 [listener][sequence]{response, soli, stimulus} and its YAML."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mindleaf.datasets.dataset import identifier
from mindleaf.errors import BadInput, ReadError
from mindleaf.montage import Montage
from mindleaf.reading.hdf5 import array_shapes, read_array
from mindleaf.reading.plausible import GATE_UV, band_spread, excerpts, signal_notes
from mindleaf.reading.yaml_files import read_yaml
from mindleaf.recording import Candidate, Issue, Recording, Stimulus, Trial

FILE = "madeeg_preprocessed.hdf5"
#: Occurs with one target only.
EXCLUDED = "pop_mixtape_trio_BsDrVx_theme1"
_KEY = re.compile(
    r"(?P<mixture>(?P<piece>.+)_(?P<ensemble>solo|duo|trio)_(?P<instruments>[A-Za-z]+)_(?P<theme>theme\d+))"
    r"_(?P<spatial>mono|stereo)(?:_lcr)?(?:_(?P<target>[A-Za-z]+))?"
)


@dataclass(frozen=True)
class Sequence:
    """What a key such as ``classique_morceau1_duo_CoFl_theme1_stereo_Co`` says; ``mixture`` is its part up to the theme."""

    key: str
    mixture: str
    piece: str
    ensemble: str
    instruments: tuple[str, ...]
    theme: str
    spatial: str
    target: str


def sequence(key: str) -> Sequence:
    """Take a key apart; BadInput where it is built otherwise."""
    match = _KEY.fullmatch(key)
    if match is None:
        raise BadInput(
            f"madeeg: the sequence {key!r} is not named PIECE_ENSEMBLE_INSTRUMENTS_THEME_SPATIAL_TARGET; get the file again."
        )
    found = match.groupdict(default="")
    found["instruments"] = tuple(re.findall("[A-Z][a-z]+", found["instruments"]))  # type: ignore[assignment]
    if found["ensemble"] == "solo":
        found["target"] = found["instruments"][0]
    return Sequence(key=key, **found)  # type: ignore[arg-type]


def open_subject(root: Path, subject: str) -> list[Recording]:
    """One recording a sequence: its four repetitions joined."""
    path = root / FILE
    shapes = array_shapes(path)
    listed = read_yaml(root / "madeeg_preprocessed.yaml")[subject]
    sequences = [(sequence(key), facts) for key, facts in listed.items()]
    return [_recording(path, subject, found, facts, shapes) for found, facts in sequences if found.mixture != EXCLUDED]


def _recording(path: Path, subject: str, found: Sequence, facts: dict[str, Any], shapes: dict[str, tuple[int, ...]]) -> Recording:
    place = f"{subject}/{found.key}"
    try:
        sfreq, names = float(facts["eeg_info"]["sfreq"]), [str(name) for name in facts["eeg_info"]["ch_names"]]
        rate, instruments, target = (
            float(facts["wav_info"]["sfreq"]),
            [str(i) for i in facts["instruments"]],
            str(facts["target"]),
        )
        (n_channels, n_times), (_, n_samples) = shapes[f"{place}/response"], shapes[f"{place}/soli"]
    except (KeyError, TypeError, ValueError) as error:
        raise ReadError(
            f"{path}: {place} lacks something ({error}); wanted response and soli in the HDF5 file, eeg_info, wav_info, instruments "
            "and target in the YAML file; get both again."
        ) from error
    if len(names) != n_channels or target not in instruments:
        raise ReadError(
            f"{path}: {place} has {n_channels} channels and {len(names)} names, target {target!r} among {', '.join(instruments)}; get "
            "the YAML file of this HDF5 file."
        )
    scale, notes = unit_of(path, f"{place}/response", tuple(range(n_channels)), names, n_times, sfreq)
    stimuli = stems(path, place, found.mixture, instruments, rate)
    return Recording(
        dataset="madeeg",
        subject=subject,
        id=identifier(("sub", subject), ("run", found.key)),
        run=found.key,
        sfreq=sfreq,
        montage=Montage.from_names(names)[0],
        n_times=n_times,
        load=partial(load_response, path, f"{place}/response", tuple(range(n_channels)), scale),
        stimuli=stimuli,
        trials=(
            Trial(
                id=found.key,
                onset=0.0,
                duration=min(n_times / sfreq, n_samples / rate),
                labels={"ensemble": found.ensemble, "spatial": found.spatial, "sequence": found.key},
                candidates=tuple(Candidate(s.id, "", name) for s, name in zip(stimuli, instruments, strict=True)),
                attended=1 + instruments.index(target),
            ),
        ),
        issues=notes,
        source_files=(path.name, "madeeg_preprocessed.yaml"),
    )


def stems(path: Path, place: str, mixture: str, instruments: list[str], rate: float) -> tuple[Stimulus, ...]:
    """The isolated parts of a mixture, in the order of its instruments; a duo's third row is empty and left alone."""
    return tuple(
        Stimulus(f"{mixture}-{name}", rate, partial(load_stem, path, f"{place}/soli", row), auditory_type="music")
        for row, name in enumerate(instruments)
    )


def load_stem(path: Path, name: str, row: int) -> NDArray[np.float32]:
    """(n_samples,) of one instrument, in [-1, 1]: louder sound is brought down, as the file does not say its scale."""
    samples = read_array(path, name, [row])[0]
    return (samples / max(1.0, float(np.abs(samples).max(initial=0.0)))).astype(np.float32)


def load_response(
    path: Path, name: str, rows: tuple[int, ...], scale: float, start: int = 0, stop: int | None = None
) -> NDArray[np.float32]:
    """(n_rows, stop - start) microvolts."""
    return (read_array(path, name, rows, start, stop) * scale).astype(np.float32)


def unit_of(
    path: Path, name: str, rows: tuple[int, ...], names: list[str], n_times: int, sfreq: float
) -> tuple[float, tuple[Issue, ...]]:
    """Factor to microvolts, and what is odd about the signal. The files name no unit: volts and microvolts are 1e6 apart."""
    pieces = excerpts(lambda start, stop: read_array(path, name, rows, start, stop), len(rows), n_times, sfreq)
    spread = band_spread(pieces, sfreq)
    scale = 1e6 if spread is not None and GATE_UV[0] <= 1e6 * spread <= GATE_UV[1] else 1.0
    notes = signal_notes([piece * scale for piece in pieces], names, [True] * len(rows), sfreq)
    return scale, tuple(Issue(note["code"], note["message"]) for note in notes)


def mixtures(root: Path) -> dict[str, tuple[str, tuple[str, ...], float, int]]:
    """For each mixture of the preprocessed release: a sequence that holds it, its instruments, and rate and length of the parts."""
    signals, listed = root / FILE, root / "madeeg_preprocessed.yaml"
    if not signals.exists() or not listed.exists():
        return {}
    return _mixtures(signals, listed, (signals.stat().st_mtime_ns, listed.stat().st_mtime_ns))


@lru_cache(maxsize=2)
def _mixtures(signals: Path, table: Path, modified_ns: tuple[int, int]) -> dict[str, tuple[str, tuple[str, ...], float, int]]:
    shapes, listed = array_shapes(signals), read_yaml(table)
    found: dict[str, tuple[str, tuple[str, ...], float, int]] = {}
    for subject in sorted(listed):
        for key in sorted(listed[subject]):
            place, facts = f"{subject}/{key}", listed[subject][key]
            if f"{place}/soli" in shapes:
                try:
                    parts = (place, tuple(facts["instruments"]), float(facts["wav_info"]["sfreq"]), shapes[f"{place}/soli"][1])
                except (KeyError, TypeError, ValueError, IndexError) as error:
                    raise ReadError(f"{table}: {place} lacks instruments or wav_info ({error}); get the file again.") from error
                found.setdefault(sequence(key).mixture, parts)
    return found

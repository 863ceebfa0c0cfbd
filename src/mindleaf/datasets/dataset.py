"""Dataset: what is known about a published collection, and how its files become Recordings."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mindleaf.datasets.facts import Archive, DatasetFacts, Hours, TableHours
from mindleaf.errors import BadInput, ReadError
from mindleaf.montage import Montage, clean_name, layout_positions
from mindleaf.reading.signals import SignalFile
from mindleaf.recording import Event, Issue, Recording, Stimulus, Trial

__all__ = [
    "Archive", "Dataset", "DatasetFacts", "Hours", "Source", "TableHours", "existing_root", "identifier", "matching_files",
    "numbered", "placed", "recording_of", "relative_names", "slug",
]  # fmt: skip


@dataclass(frozen=True)
class Source:
    """Files that are opened together: the unit of parallel work, of ``data check``, and of what one damaged file costs.

    ``name`` is what a message calls it (relative to the root). ``open()`` reads headers and gives the recordings in a
    fixed order; it can be pickled, so that another process or machine may call it.
    """

    name: str
    open: Callable[[], Iterable[Recording]]


@dataclass(frozen=True)
class Dataset:
    """``sources(root)`` lists what there is in a fixed order without opening a signal file; BadInput where there is nothing.

    ``generate(root, settings, seed, progress)`` writes the files of a generated data set, "path=value" settings given; where
    they are there it holds them against the settings (BadInput where they differ). ``progress(done, total, what)``.
    """

    facts: DatasetFacts
    sources: Callable[[Path], Iterable[Source]]
    generate: Callable[[Path, Sequence[str], int, Callable[[int, int, str], None]], None] | None = None

    def recordings(self, root: Path) -> Iterator[Recording]:
        """All recordings, lazily: headers are read as each source's turn comes."""
        for source in self.sources(root):
            yield from source.open()


def existing_root(root: str | Path, dataset: str) -> Path:
    """The folder as a Path; raises BadInput where it is missing or not a folder."""
    path = Path(root)
    if not path.exists():
        raise BadInput(f"{dataset}: wanted a folder with its files, {path} does not exist; check --root.")
    if not path.is_dir():
        raise BadInput(f"{dataset}: wanted a folder with its files, {path} is a file; give the folder that holds it.")
    return path


def matching_files(root: Path, dataset: str, *patterns: str) -> list[Path]:
    """Files below ``root`` that match any glob pattern, sorted by relative path; BadInput names the patterns if none does."""
    found = sorted({path for pattern in patterns for path in root.glob(pattern) if not path.is_dir()})
    if not found:
        raise BadInput(f"{dataset}: no file in {root} matches {' or '.join(patterns)}; check --root (looked for these below it).")
    return found


def numbered(path: Path) -> list[str | int]:
    """Sort key that puts run 2 before run 10."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", path.as_posix())]


def identifier(*parts: tuple[str, str]) -> str:
    """A path-free id from (entity, value) pairs, empty values left out: ``sub-03_ses-1_run-2``."""
    return "_".join(f"{entity}-{slug(value)}" for entity, value in parts if value != "")


def slug(text: str) -> str:
    """``text`` with everything but letters, digits, dot and minus turned into a minus."""
    return re.sub(r"[^\w.]+", "-", str(text), flags=re.UNICODE).replace("_", "-").strip("-") or "x"


def relative_names(root: Path, *paths: Path) -> tuple[str, ...]:
    """Names relative to the root, so that no absolute path leaves the machine."""
    return tuple(path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name for path in paths)


def placed(file: SignalFile, layout: str = "") -> Montage:
    """Montage of an opened file; ``layout`` is a layout MNE knows ("biosemi128"), else the standard 10-5 table.

    Raises ReadError naming the file where a name is empty or comes twice, BadInput for an unknown layout.
    """
    known = layout_positions(layout) if layout else {}
    unknown = np.full(3, np.nan)
    try:
        positions = [known.get(name, known.get(clean_name(name), unknown)) for name in file.channel_names] if layout else None
        return Montage.from_names(file.channel_names, positions)[0]
    except BadInput as error:
        raise ReadError(f"{file.path}: {error}") from error


def recording_of(
    file: SignalFile,
    *,
    dataset: str,
    subject: str,
    session: str = "",
    run: str = "",
    id: str = "",
    montage: Montage | None = None,
    events: tuple[Event, ...] | None = None,
    stimuli: tuple[Stimulus, ...] = (),
    trials: tuple[Trial, ...] = (),
    issues: tuple[Issue, ...] | None = None,
    source_files: tuple[str, ...] = (),
) -> Recording:
    """The recording of an opened file: what is not given is what the file says, ``id`` is made of subject, session and run.

    Raises as ``placed`` does where no montage is given.
    """
    return Recording(
        dataset=dataset,
        subject=subject,
        session=session,
        run=run,
        id=id or identifier(("sub", subject), ("ses", session), ("run", run)),
        sfreq=file.sfreq,
        montage=placed(file) if montage is None else montage,
        n_times=file.n_times,
        load=file.load,
        events=file.events if events is None else events,
        stimuli=stimuli,
        trials=trials,
        issues=file.issues if issues is None else issues,
        source_files=source_files,
    )

"""data get: fetch the files of a data set where its terms allow, or say how to get access."""

from __future__ import annotations

import inspect
from pathlib import Path

from mindleaf.datasets.download import RemoteFile, fetch, listing
from mindleaf.datasets.facts import DatasetFacts
from mindleaf.datasets.registry import dataset_named
from mindleaf.errors import BadInput
from mindleaf.stages.progress import bar, console


def get(name: str, root: Path, quiet: bool = False) -> str:
    """One sentence on what came. Raises BadInput with the steps to get access where a program may not fetch the files."""
    facts = dataset_named(name).facts
    tell = console(quiet)
    if not facts.archives:
        raise BadInput(
            f"{name} cannot be fetched by a program (access: {facts.access}; licence: {facts.licence}). {_steps(facts)}"
        )
    tell.print(f"{facts.title}. Licence: {facts.licence}. Please cite: {facts.citation}", markup=False)
    following = f"next: mindleaf data check {name} --root {root}"
    for archive in facts.archives:
        if archive.host == "moabb":
            _through_moabb(archive.id, root)
    archives = [archive for archive in facts.archives if archive.host != "moabb"]
    if not archives:
        return f"{name}: MOABB has put its files into {root}; {following}"
    files = [file for archive in archives for file in listing(archive)]
    tell.print(f"{len(files)} files{_gigabytes(files)} to {root}", markup=False)
    new = _fetch_all(files, root, f"get {name}", quiet)
    return f"{name}: {new} files fetched, {len(files) - new} were there; {following}"


def _gigabytes(files: list[RemoteFile]) -> str:
    """What they take together, where the archive tells."""
    sizes = [file.size for file in files if file.size is not None]
    return f" of {sum(sizes) / 1e9:.1f} GB" if len(sizes) == len(files) else ""


def _steps(facts: DatasetFacts) -> str:
    steps = facts.access_steps or (f"See {facts.url}." if facts.url else "Its files come from their owner.",)
    return " ".join(f"{number}. {step}" for number, step in enumerate(steps, start=1))


def _fetch_all(files: list[RemoteFile], root: Path, title: str, quiet: bool) -> int:
    new = 0
    with bar(title, len(files), quiet) as advance:
        for file in files:
            new += fetch(file, root)
            advance(file.name)
    return new


def _through_moabb(class_name: str, root: Path) -> None:
    """MOABB's own downloader, into ``root``."""
    try:
        import moabb.datasets
    except ImportError as error:
        raise BadInput(
            "fetching this data set wants MOABB, which is not installed; pip install 'mindleaf[baselines]'."
        ) from error
    found = getattr(moabb.datasets, class_name)()
    # Some of MOABB's sets ask for a yes to their terms, which were printed with the licence.
    agreed = {"accept": True} if "accept" in inspect.signature(found.data_path).parameters else {}
    for subject in found.subject_list:
        try:
            found.data_path(subject, path=str(root), **agreed)
        except Exception as error:  # whatever MOABB's many downloaders raise
            why = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
            raise BadInput(
                f"MOABB could not fetch subject {subject} of {class_name} ({why}); the same command continues with what is missing."
            ) from error

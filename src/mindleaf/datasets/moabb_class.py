"""Every data set class of MOABB under the name ``moabb:CLASS``: the user's local files, opened by MOABB in the guarded child."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mindleaf.datasets import moabb_child
from mindleaf.datasets.dataset import Archive, Dataset, DatasetFacts, Source, identifier
from mindleaf.errors import BadInput
from mindleaf.montage import Montage
from mindleaf.reading.child import GIGABYTE, guarded
from mindleaf.recording import Recording, Trial

PREFIX = "moabb:"
#: MOABB converts a whole subject in memory; these only end a child that has lost its way.
_TIMEOUT_S, _MEMORY = 1800.0, 64 * GIGABYTE


@lru_cache
def moabb_dataset(name: str) -> Dataset:
    """The data set of ``moabb:CLASS``. Raises BadInput where MOABB is not installed or has no such class."""
    class_name = name.removeprefix(PREFIX)
    if not class_name.isidentifier():
        raise BadInput(f"data set {name!r}: wanted a class of MOABB behind {PREFIX}, such as moabb:Zhou2016.")
    found: dict[str, Any] = guarded(moabb_child.describe_class, Path(class_name), timeout_s=300.0, memory_bytes=_MEMORY)
    return Dataset(facts=_facts(name, found), sources=partial(sources, name))


def sources(name: str, root: Path) -> Iterator[Source]:
    """One source a subject whose files are in ``root``, the folder that MOABB keeps its data in; nothing is downloaded."""
    class_name = name.removeprefix(PREFIX)
    subjects = _ask(moabb_child.local_subjects, root, class_name)
    if not subjects:
        raise BadInput(
            f"{name}: found no file of MOABB's {class_name} in {root}; check --root, or fetch them: mindleaf data get {name}."
        )
    for subject in subjects:
        yield Source(f"subject {subject}", partial(_open, name, root, subject))


def _open(name: str, root: Path, subject: int | str) -> list[Recording]:
    class_name = name.removeprefix(PREFIX)
    return [_recording(name, root, subject, found) for found in _ask(moabb_child.describe_subject, root, class_name, subject)]


def _recording(name: str, root: Path, subject: int | str, found: dict[str, Any]) -> Recording:
    session, run = str(found["session"]), str(found["run"])
    label = f"{subject:02d}" if isinstance(subject, int) else str(subject)
    montage = Montage.from_names(found["channels"], found["positions"])[0]
    trials = tuple(
        Trial(f"{number:03d}", onset, found["trial_s"], labels={"label": event})
        for number, (onset, event) in enumerate(found["trials"], start=1)
    )
    return Recording(
        dataset=name,
        subject=label,
        id=identifier(("sub", label), ("ses", session), ("run", run)),
        session=session,
        run=run,
        sfreq=found["sfreq"],
        montage=montage,
        n_times=found["n_times"],
        load=partial(load_run, name, root, subject, session, run),
        trials=trials,
    )


def load_run(
    name: str, root: Path, subject: int | str, session: str, run: str, start: int = 0, stop: int | None = None
) -> NDArray[np.float32]:
    """Samples start to stop of one run, (channel, time) microvolts."""
    return _run_signal(name.removeprefix(PREFIX), root, subject, session, run)[:, slice(start, stop)].copy()


@lru_cache(maxsize=1)
def _run_signal(class_name: str, root: Path, subject: int | str, session: str, run: str) -> NDArray[np.float32]:
    """MOABB gives a run only whole; the last one stays in memory, so that its spans cost nothing."""
    return _ask(moabb_child.read_run, root, class_name, subject, session, run)


def _ask(function: Any, root: Path, *arguments: Any) -> Any:
    return guarded(function, root, *arguments, timeout_s=_TIMEOUT_S, memory_bytes=_MEMORY)


def _facts(name: str, found: dict[str, Any]) -> DatasetFacts:
    frequencies = tuple(float(event) for event in found["events"] if _is_number(event))
    return DatasetFacts(
        name=name,
        title=found["title"] or f"{found['class']} of MOABB",
        citation=f"doi:{found['doi']}; opened by MOABB {found['version']}" if found["doi"] else f"see MOABB's {found['class']}",
        licence=found["licence"] or "see its authors",
        access="open",
        n_subjects=found["n_subjects"],
        n_recordings=None,
        n_channels=None,
        sfreq=found["sfreq"] or None,
        hours=None,
        reference=found["reference"] or "not stated by MOABB",
        line_frequency=found["line_frequency"] or 0.0,
        paradigm=found["paradigm"],
        labels=tuple(found["events"]),
        interval=(max(0.0, found["interval"][0]), found["interval"][1]),
        ssvep_frequencies=frequencies if found["paradigm"] == "ssvep" else (),
        files=("the folder in which MOABB keeps its data (MNE-...-data)",),
        url=found["url"],
        stimuli="as far as MOABB knows them: its events are the labels",
        exclusions=(("channels that MOABB does not call EEG", "EOG, EMG, triggers and what has no known place"),),
        archives=(Archive("moabb", found["class"]),),
        notes=(
            "Opened by MOABB, which must be installed (mindleaf[baselines]), from local files alone: its process has no network. "
            "Every recording costs some seconds for starting MOABB and converting the whole subject.",
            "Trials start at MOABB's events and last to the end of its interval. Some of MOABB's loaders cut, join or centre "
            "the signal; see the class's own page.",
        ),
        unverified=("everything that MOABB says of this set",),
    )


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdigit()

"""A person's word on the unit of their files (``prepare --unit``) replaces what the files say."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from mindleaf.datasets.dataset import Source
from mindleaf.errors import BadInput
from mindleaf.reading.signals import loaded_from, open_signal
from mindleaf.reading.units import asked_unit
from mindleaf.recording import Recording

_OF_UNITS = ("unit_unknown", "unit_implausible")


def in_unit(source: Source, unit: str) -> Source:
    """The same source, its signal files read as numbers in ``unit``. Raises BadInput for a unit that is not known."""
    asked_unit(unit)
    return Source(source.name, partial(_open, source, unit))


def _open(source: Source, unit: str) -> list[Recording]:
    return [_again(recording, unit) for recording in source.open()]


def _again(recording: Recording, unit: str) -> Recording:
    found = loaded_from(recording.load)
    if found is None:
        raise BadInput(
            f"{recording.dataset}: --unit {unit} was asked for, but the recipe fixes the unit of {recording.id}; leave --unit out."
        )
    path, sfreq = found
    file = open_signal(path, unit=unit, sfreq=sfreq)
    kept = tuple(issue for issue in recording.issues if issue.code not in _OF_UNITS)
    new = tuple(issue for issue in file.issues if issue.code in _OF_UNITS)
    rows = recording.load.args[-1]  # type: ignore[attr-defined]
    return replace(recording, load=partial(recording.load.func, path, unit, sfreq, rows), issues=kept + new)  # type: ignore[attr-defined]

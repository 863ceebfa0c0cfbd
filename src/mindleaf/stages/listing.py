"""list, data, store: what there is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from mindleaf.datasets import DATASETS
from mindleaf.datasets.registry import dataset_named
from mindleaf.encoders import ENCODERS
from mindleaf.errors import BadInput
from mindleaf.models.shipped import shipped
from mindleaf.objectives import OBJECTIVES
from mindleaf.preprocessing.pipeline import PIPELINES
from mindleaf.protocols import PROTOCOLS
from mindleaf.systems import SYSTEMS
from mindleaf.tasks import TASKS

_TABLES: dict[str, Callable[[], Iterable[str]]] = {
    "datasets": lambda: DATASETS,
    "encoders": lambda: ENCODERS,
    "objectives": lambda: OBJECTIVES,
    "protocols": lambda: PROTOCOLS,
    "tasks": lambda: TASKS,
    "systems": lambda: SYSTEMS,
    "pipelines": lambda: PIPELINES,
    "models": shipped,
}


def names(what: str) -> list[str]:
    """The names in one of the tables; BadInput lists the tables."""
    if what not in _TABLES:
        raise BadInput(f"mindleaf list wants one of {', '.join([*_TABLES, 'recipes', 'reproductions'])}, got {what!r}.")
    return list(_TABLES[what]())


def dataset_lines() -> list[str]:
    """One line each: name, where the files come from, what people did."""
    lines = []
    for name, entry in DATASETS.items():
        facts = entry.facts
        layout = "" if facts.layout == "published" else "described by recordings.tsv and trials.tsv; "
        lines.append(f"{name:<20} {facts.access:<13} {layout}{facts.title}: {facts.paradigm}")
    return lines


def facts_of(name: str) -> dict[str, Any]:
    """What is known about a data set; empty entries are left out."""
    facts = dataset_named(name).facts.to_dict()
    return {key: value for key, value in facts.items() if value not in (None, "", [], 0.0)}


def fact_lines(name: str) -> list[str]:
    """The same for people: one line an entry, one for each item of a list."""
    facts, lines = dataset_named(name).facts, []
    said = {
        "exclusions": [f"{what}: {why}" for what, why in facts.exclusions],
        "counted": [f"{part.hours:.2f} h: {part.what}{'' if part.used else ' (left out)'}" for part in facts.counted],
        "archives": [f"{archive.host} {archive.id} {' '.join(archive.files)}".strip() for archive in facts.archives],
        "table1": [f"stage {facts.table1.stage}: {facts.table1.hours:g} h. {facts.table1.why}".strip()] if facts.table1 else [],
    }
    for key, value in facts_of(name).items():
        items = said.get(key, value if isinstance(value, list) else [value])
        lines += [f"{key if not number else '':<18} {item}" for number, item in enumerate(items)]
    return lines

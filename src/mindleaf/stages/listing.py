"""list, data, store: what there is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from mindleaf.datasets import DATASETS, open_dataset
from mindleaf.encoders import ENCODERS
from mindleaf.errors import BadInput
from mindleaf.objectives import OBJECTIVES
from mindleaf.preprocessing.pipeline import PIPELINES
from mindleaf.protocols import PROTOCOLS
from mindleaf.store.store import Store
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
}


def names(what: str) -> list[str]:
    """The names in one of the tables; BadInput lists the tables."""
    if what not in _TABLES:
        raise BadInput(f"mindleaf list wants one of {', '.join([*_TABLES, 'recipes'])}, got {what!r}.")
    return list(_TABLES[what]())


def dataset_lines() -> list[str]:
    return [f"{name:<20} {entry.facts.paradigm:<28} {entry.facts.title}" for name, entry in DATASETS.items()]


def facts_of(name: str) -> dict[str, Any]:
    return _dataset(name).facts.to_dict()


def _dataset(name: str):
    if name not in DATASETS:
        raise BadInput(f"data set {name!r} is not known; there are: {', '.join(DATASETS)}.")
    return DATASETS[name]


def check_copy(name: str, root: Path) -> dict[str, Any]:
    """Counts in a user's copy beside the published facts, and every issue a reader noticed."""
    facts = _dataset(name).facts
    recordings = list(open_dataset(name, root))
    subjects = {r.subject for r in recordings}
    issues = Counter(issue.code for r in recordings for issue in r.issues)
    hours = sum(r.n_times / r.sfreq for r in recordings) / 3600
    return {
        "subjects": f"{len(subjects)} of {facts.n_subjects or 'unknown'}",
        "recordings": f"{len(recordings)} of {facts.n_recordings or 'unknown'}",
        "channels": f"{sorted({len(r.channel_names) for r in recordings})}, published {facts.n_channels or 'unknown'}",
        "rates_hz": f"{sorted({r.sfreq for r in recordings})}, published {facts.sfreq or 'unknown'}",
        "hours": f"{hours:.2f}, published {facts.hours or 'unknown'}",
        "issues": [f"{code} in {count}" for code, count in issues.items()] or ["none"],
    }


def store_summary(path: Path) -> dict[str, Any]:
    store = Store(path)
    recordings = store.recordings.values()
    return {
        "dataset": store.dataset,
        "recordings": len(recordings),
        "subjects": len({r.subject for r in recordings}),
        "hours": round(sum(r.n_times / r.sfreq for r in recordings) / 3600, 3),
        "trials": len(store.index),
        "stimuli": len(store.stimuli),
        "rates_hz": sorted({r.sfreq for r in recordings}),
        "channels": sorted({len(r.montage.names) for r in recordings}),
        "labels": sorted(set(store.index["label"]) - {""}),
        "issues": [f"{code} in {n}" for code, n in Counter(i["code"] for r in recordings for i in r.issues).items()],
        "content_sha256": store.content_sha256,
    }


def verify_store(path: Path) -> str:
    """One sentence; BadInput names the damaged parts."""
    store = Store(path)
    damaged = store.verify()
    if damaged:
        raise BadInput(
            f"{path}: {len(damaged)} part(s) differ from their recorded sha256 ({', '.join(damaged[:5])}); prepare the store again."
        )
    return f"{path}: all {len(store.recordings) + len(store.stimuli)} parts are intact."

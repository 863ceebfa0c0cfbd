"""mindleaf: EEG foundation models aligned with sound and with language, with splits and audits that cannot fool their user."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

#: Public name -> where it lives; imported on first use, so that ``import mindleaf`` stays quick.
_FACE = {
    "open_dataset": "mindleaf.datasets:open_dataset",
    "prepare": "mindleaf.stages.prepare:prepare_recordings",
    "evaluate": "mindleaf.stages.evaluate:evaluate_on",
    "load_model": "mindleaf.adapters.model:load_model",
    "load_exported": "mindleaf.models.exported:load_exported",
    "search": "mindleaf.stages.search:search",
    "push_to_hub": "mindleaf.adapters.hub:push_to_hub",
    "Classifier": "mindleaf.adapters.sklearn:Classifier",
    "Embedder": "mindleaf.adapters.sklearn:Embedder",
    "Store": "mindleaf.store.store:Store",
    "protocols": "mindleaf.protocols",
    "tasks": "mindleaf.tasks",
}

__all__ = [*_FACE]


def __getattr__(name: str) -> Any:
    if name not in _FACE:
        raise AttributeError(f"module 'mindleaf' has no attribute {name!r}")
    module, _, attribute = _FACE[name].partition(":")
    loaded = import_module(module)
    return getattr(loaded, attribute) if attribute else loaded


def __dir__() -> list[str]:
    return sorted([*globals(), *_FACE])

"""Names of systems to systems."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

from mindleaf.errors import BadInput
from mindleaf.systems.system import Asks, System, configured

_PARTS = ("name", "asks", "any_length", "n_parameters", "fit", "predict", "findings")


def build_system(name: str, settings: Sequence[str] = (), asks: Asks | None = None) -> System:
    """An unfitted system by its name in the table, or one's own as ``package.module:Class``.

    asks: the kind of question of the task, for systems that have a form for each.
    settings: ``path=value`` as on the command line (``"lags_s=[0,0.25]"``). Raises BadInput for an unknown name, a class
    that cannot be imported or is no system, and a setting that does not fit.
    """
    from mindleaf.systems import SYSTEMS

    if name in SYSTEMS:
        return configured(SYSTEMS[name].load(asks), settings)
    if ":" not in name:
        raise BadInput(
            f"system {name!r} is not known; there are: {', '.join(SYSTEMS)}; or give your own as package.module:Class."
        )
    system = configured(_imported(name), settings)
    missing = [part for part in _PARTS if not hasattr(system, part)]
    if missing:
        raise BadInput(f"{name} is no system, it lacks {', '.join(missing)}; see mindleaf.systems.system.System.")
    if system.asks not in ("candidates", "labels"):
        raise BadInput(f"{name}.asks must be 'candidates' or 'labels', got {system.asks!r}.")
    if (kind := getattr(system, "score_kind", "")) not in ("", "logits", "probabilities"):
        raise BadInput(f"{name}.score_kind must be 'logits' or 'probabilities', or be left out, got {kind!r}.")
    return system


def _imported(name: str) -> type:
    module_name, _, class_name = name.partition(":")
    try:
        module = import_module(module_name)
    except ImportError as error:
        raise BadInput(f"system {name!r}: cannot import {module_name} ({error}); install it or set PYTHONPATH.") from error
    kind = getattr(module, class_name, None)
    if not isinstance(kind, type):
        raise BadInput(f"system {name!r}: {module_name} has no class {class_name!r}; write package.module:Class.")
    return kind


def floor_for(task: str) -> tuple[str, ...]:
    """The linear systems whose rows belong in every table of this task ("classify:COLUMN" counts as "classify")."""
    from mindleaf.systems import FLOOR

    return FLOOR.get(task.partition(":")[0], ())

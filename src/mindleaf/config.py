"""Config: the frozen, validated record of what a person decided."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from mindleaf.errors import BadInput


class Config(BaseModel):
    """Base of every configuration noun: frozen, unknown fields forbidden.

    What the data decides (montage, sampling rate, number of classes) never sits here; it enters at ``build``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=False)

    #: Fields that change how a run is carried out but not what it computes; left out of the fingerprint.
    runtime_fields: ClassVar[frozenset[str]] = frozenset(
        {"device", "workers", "out", "devices", "strategy", "accumulate", "checkpoint_activations", "compile"}
    )

    def fingerprint(self) -> str:
        """Sixteen hex digits that change exactly when a field that affects the result changes."""
        text = json.dumps(_without(self.model_dump(mode="json"), self.runtime_fields), sort_keys=True)
        return hashlib.sha256(f"{type(self).__name__}{text}".encode()).hexdigest()[:16]

    def write(self, path: Path) -> None:
        path.write_text(self.model_dump_json(indent=2) + "\n")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a config from JSON; raises BadInput naming the first field that does not fit."""
        try:
            values = json.loads(Path(path).read_text())
        except (OSError, ValueError) as error:
            raise BadInput(
                f"{path}: wanted settings as JSON, could not read them ({error}); copy the file again or make it anew."
            ) from error
        return cls.checked(values, source=str(path))

    @classmethod
    def checked(cls, values: dict[str, Any], source: str = "the settings") -> Self:
        """Validate ``values``; a person's mistake becomes one sentence instead of a pydantic listing."""
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join([cls.__name__, *(str(part) for part in first["loc"])])
            came = f", got {first.get('input')!r}" if first["loc"] else ""
            raise BadInput(
                f"{source}: {where} wanted a valid value ({first['msg']}){came}; fields are: {', '.join(cls.model_fields)}."
            ) from error

    def with_settings(self, settings: Iterable[str]) -> Self:
        """Return a copy with ``path=value`` settings applied (``"optimiser.lr=1e-3"``), validated like everything else."""
        values = self.model_dump(mode="json")
        for setting in settings:
            path, sign, text = setting.partition("=")
            if not sign:
                raise BadInput(f"--set wants path=value, got {setting!r}; write for example --set seed=1.")
            *parents, name = path.split(".")
            node = values
            for parent in parents:
                if not isinstance(node.get(parent), dict):
                    raise BadInput(f"--set {setting}: no group {parent!r}; groups and fields here: {', '.join(node)}.")
                node = node[parent]
            if name not in node:
                raise BadInput(f"--set {setting}: no field {name!r}; fields here: {', '.join(node)}.")
            node[name] = _literal(text)
        return type(self).checked(values, source="--set")


def by_path(values: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Settings by dotted path: {"optimiser": {"lr": 0.1}} as {"optimiser.lr": 0.1}."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        found |= by_path(value, f"{above}{name}.") if isinstance(value, dict) else {f"{above}{name}": value}
    return found


def wishes_by_path(settings: Iterable[str]) -> dict[str, Any]:
    """The same of ``path=value`` settings, later ones counting; a value that is a group is taken apart."""
    parted = (setting.partition("=") for setting in settings)
    return by_path({path: _literal(text) for path, _, text in parted})


def _literal(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _without(node: Any, names: frozenset[str]) -> Any:
    if isinstance(node, dict):
        return {key: _without(value, names) for key, value in node.items() if key not in names}
    if isinstance(node, list):
        return [_without(value, names) for value in node]
    return node

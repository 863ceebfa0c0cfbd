"""The split on disk: folds and what made them, in one JSON file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mindleaf.errors import BadInput
from mindleaf.fold import Fold

_VERSION = 1


def write_folds(path: Path | str, folds: Sequence[Fold], **facts: Any) -> None:
    """Write folds with the facts that made them (protocol, seed, fingerprints ...: anything JSON holds), all or nothing."""
    path = Path(path)
    text = json.dumps({"version": _VERSION, "facts": facts, "folds": [fold.to_json() for fold in folds]}, indent=1)
    unfinished = path.with_name(path.name + ".unfinished")
    unfinished.write_text(text + "\n")
    unfinished.replace(path)


def read_folds(path: Path | str) -> list[Fold]:
    """The folds of a split file, checked as if newly cut. Raises BadInput where it is no such file."""
    try:
        return [Fold.from_json(values) for values in _read(path)["folds"]]
    except (KeyError, TypeError) as error:
        raise BadInput(f"{path}: a fold lacks {error}; write the split again.") from None


def read_split_facts(path: Path | str) -> dict[str, Any]:
    """The facts written beside the folds."""
    return _read(path)["facts"]


def _read(path: Path | str) -> dict[str, Any]:
    try:
        values = json.loads(Path(path).read_text())
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise BadInput(f"{path}: wanted a split file, could not read it ({error}); write it with --split or finetune.") from None
    if not isinstance(values, dict) or values.get("version") != _VERSION or not {"facts", "folds"} <= values.keys():
        raise BadInput(f"{path}: wanted a split file of version {_VERSION}, got something else; write the split again.")
    return values

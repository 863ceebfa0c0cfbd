"""Where data come from: a hash that changes when the function that loads them, its arguments or its files do."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any


def origin(load: Callable[..., Any]) -> str:
    """A hash of what ``load`` is made of, the same in every process; "" where that cannot be said (it does not pickle)."""
    try:
        return hashlib.sha256(repr(_described(load)).encode()).hexdigest()
    except (pickle.PicklingError, AttributeError, TypeError):
        return ""


def _described(value: Any) -> Any:
    """A call, its function and its arguments; of files among them also size and time."""
    if isinstance(value, partial):
        return (_described(value.func), [_described(argument) for argument in value.args], _described(value.keywords))
    if isinstance(value, (list, tuple)):
        return [_described(item) for item in value]
    if isinstance(value, dict):
        return [(key, _described(item)) for key, item in sorted(value.items())]
    if isinstance(value, Path):
        stat = value.stat() if value.is_file() else None
        return (str(value), stat.st_size if stat else -1, stat.st_mtime_ns if stat else -1)
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    return hashlib.sha256(pickle.dumps(value, protocol=5)).hexdigest()

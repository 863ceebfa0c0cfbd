"""YAML files, as plain values only, read in the guarded child process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mindleaf.errors import ReadError
from mindleaf.reading.child import guarded
from mindleaf.reading.presence import present_file


def read_yaml(path: Path | str) -> dict[str, Any]:
    """The mapping a YAML file holds. Raises ReadError for a missing file, broken text, or text that asks for objects to be built."""
    path = present_file(Path(path), "a YAML file")
    # The pure Python parser takes about 10 s for a megabyte; the C one, where it was built, a tenth of that.
    return guarded(load_yaml, path, timeout_s=30.0 + path.stat().st_size / 2e4, memory_bytes=1 << 32)


def load_yaml(path: str) -> dict[str, Any]:
    """In the child: ``safe_load``, which builds text, numbers, lists and mappings only."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        with open(path, encoding="utf-8") as file:
            found = yaml.load(file, Loader=loader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        place = getattr(error, "problem_mark", None)
        where = f" in line {place.line + 1}" if place else ""
        raise ReadError(f"{path}: cannot be read as YAML with plain values{where}; get it again.") from error
    if not isinstance(found, dict):
        raise ReadError(f"{path}: wanted names with values, found {type(found).__name__}; get it again.")
    return found

"""A generated data set on disk: written whole or not at all, known again by its settings and seed."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mindleaf.errors import BadInput

SETTINGS_FILE = "code/synthetic.json"
#: ``progress(done, total, what)`` is called after every piece of work.
Progress = Callable[[int, int, str], None]


def write_whole(root: Path, name: str, settings: dict[str, Any], write: Callable[[Path], None]) -> Path:
    """Let ``write(folder)`` fill a folder beside ``root`` and move it there when complete; returns ``root``.

    ``settings`` say what is written, as plain JSON values. Where ``root`` already holds a data set of these settings nothing
    is done; anything else there is never touched (BadInput). Raises BadInput where the folder cannot be written.
    """
    root = Path(root)
    if _already_written(root, name, settings):
        return root
    try:
        root.parent.mkdir(parents=True, exist_ok=True)
        workplace = Path(tempfile.mkdtemp(prefix=f".{root.name}-", dir=root.parent))
    except OSError as error:
        raise _unwritable(root, name, error) from error
    try:
        (workplace / SETTINGS_FILE).parent.mkdir()
        (workplace / SETTINGS_FILE).write_text(json.dumps(settings, indent=2) + "\n")
        write(workplace)
        workplace.chmod(0o755)
        if root.exists():
            root.rmdir()
        workplace.rename(root)
    except OSError as error:
        raise _unwritable(root, name, error) from error
    finally:
        shutil.rmtree(workplace, ignore_errors=True)
    return root


def existing(root: Path, name: str) -> Path:
    """The folder of a generated data set; raises BadInput where it has not been generated yet."""
    root = Path(root)
    if not root.is_dir() or not any(root.iterdir()):
        raise BadInput(
            f"{name}: wanted a generated data set in {root}, found none; "
            f"write it first with: mindleaf prepare {name} --root {root}"
        )
    return root


def _already_written(root: Path, name: str, settings: dict[str, Any]) -> bool:
    """True where ``root`` holds exactly this data set, False where it is free; BadInput for anything else."""
    if not root.exists():
        return False
    if not root.is_dir():
        raise BadInput(f"{name}: wanted a folder to write to, {root} is a file; give another --root.")
    if not any(root.iterdir()):
        return False
    try:
        found = json.loads((root / SETTINGS_FILE).read_text())
    except (OSError, ValueError) as error:
        raise BadInput(
            f"{name}: {root} holds files that are not a synthetic data set; nothing was written, give an empty folder."
        ) from error
    if found != settings:
        raise BadInput(
            f"{name}: {root} holds a synthetic data set of other settings or another seed (see {SETTINGS_FILE}); "
            "nothing was written, give another folder or remove that one."
        )
    return True


def _unwritable(root: Path, name: str, error: OSError) -> BadInput:
    why = error.strerror or str(error)
    return BadInput(f"{name}: could not write to {root} ({why}); nothing was left there, check space and rights.")

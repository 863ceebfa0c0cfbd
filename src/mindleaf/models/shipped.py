"""Pretrained models that come with the package: RUN folders inside it, asked for by name wherever a RUN is."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

_HOME = Path(str(files("mindleaf"))) / "shipped"


def shipped() -> list[str]:
    """Their names."""
    return sorted(path.parent.name for path in _HOME.glob("*/config.json"))


def run_folder(folder: str | Path) -> Path:
    """The folder that is meant: one that is there, else that of the model which ships under this name, else the one that was named."""
    folder = Path(folder)
    return folder if folder.exists() or str(folder) not in shipped() else _HOME / folder.name


def or_shipped() -> str:
    """What else than a folder may be given, for the sentence that refuses one."""
    return f"or the name of a model that ships ({', '.join(shipped()) or 'none in this copy'})"

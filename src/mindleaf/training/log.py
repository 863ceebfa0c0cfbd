"""The training log: one JSON object a line, the same numbers to TensorBoard, and a progress bar."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class Log:
    """Appends to ``log.jsonl`` in a RUN folder; on resume, lines from the resumed step on are dropped first."""

    def __init__(self, folder: Path, from_step: int = 0) -> None:
        from torch.utils.tensorboard import SummaryWriter

        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / "log.jsonl"
        kept = [line for line in read_log(folder) if line["step"] < from_step]
        replaced = self._path.with_name(f".{self._path.name}.part")
        replaced.write_text("".join(json.dumps(line) + "\n" for line in kept))
        os.replace(replaced, self._path)
        self._board = SummaryWriter(str(folder / "tensorboard"), purge_step=from_step)

    def write(self, step: int, values: Mapping[str, Any]) -> None:
        with self._path.open("a") as handle:
            handle.write(json.dumps({"step": step, **values}) + "\n")
        for name, value in values.items():
            if isinstance(value, int | float):
                self._board.add_scalar(name, value, step)

    def sync(self) -> None:
        """Before a checkpoint: the lines of the steps before it must not be lost where it is not."""
        with self._path.open("rb") as handle:
            os.fsync(handle.fileno())

    def close(self) -> None:
        self._board.close()


def read_log(folder: Path) -> list[dict[str, Any]]:
    """The lines of a RUN's ``log.jsonl``; a last line cut by a kill is left out."""
    path = folder / "log.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    whole = []
    for line in lines:
        try:
            whole.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return whole

"""What children do in the tests of checkpoints; run as a module, a process that has imported all and forks one for each line it reads."""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
from pathlib import Path
from typing import Any

import torch

from mindleaf.errors import BadInput
from mindleaf.training import checkpoints

#: What a save is made of, as Python reports it to its auditors: the kill comes just before one of these.
MOMENTS = {"open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "shutil.rmtree"}
FIRST, N_SAVES = 10, 4


def state_of(step: int) -> dict[str, Any]:
    """A state that is its step's and no other's."""
    weights = torch.randn(40, 50, generator=torch.Generator().manual_seed(step))
    return {"step": step, "model": {"weight": weights}, "best": {"loss": 1.0 / (1 + step), "state": None}, "name": "made"}


def same(found: dict[str, Any], step: int) -> bool:
    wanted = state_of(step)
    return torch.equal(found["model"]["weight"], wanted["model"]["weight"]) and all(
        found[k] == wanted[k] for k in ("step", "best", "name")
    )


def saving(folder: Path, number: int) -> None:
    """Save step after step, note each that is done, and die before the moment of that number (never where there is none)."""
    seen = 0

    def auditor(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        if event not in MOMENTS or not any(str(argument).startswith(str(folder)) for argument in arguments[:2]):
            return
        if seen == number:
            os.kill(os.getpid(), signal.SIGKILL)
        seen += 1

    sys.addaudithook(auditor)
    with (folder.parent / "done").open("w") as notes:
        for step in range(FIRST, FIRST + N_SAVES):
            checkpoints.save(folder, step, state_of(step))
            notes.write(f"{step}\n")
            notes.flush()
    (folder.parent / "moments").write_text(str(seen))


def limited(folder: Path) -> None:
    """Save where no file may grow beyond 100 kB, and print what is said."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    try:
        checkpoints.save(folder, 4, {**state_of(4), "more": torch.zeros(100_000)})
    except BadInput as error:
        print(error)


def serve() -> None:
    """For each line "FOLDER NUMBER SECONDS" a child that saves; the answer is its exit code. SECONDS until it is killed, -1: never."""
    for line in sys.stdin:
        folder, number, seconds = line.rsplit(maxsplit=2)
        child = os.fork()
        if not child:
            saving(Path(folder), int(number))
            os._exit(0)
        if float(seconds) >= 0:
            time.sleep(float(seconds))
            os.kill(child, signal.SIGKILL)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    serve()

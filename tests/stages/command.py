"""The command line in this process: what a person types, and what they get back."""

from __future__ import annotations

import io
import sys
import warnings
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from mindleaf.cli import main

#: The smallest generated experiment that every stage can walk over.
TINY = ("--set", "synthetic.preset=tiny", "--set", "synthetic.trial_s=8")
FEW_STEPS = ("--set", "training.steps=2", "--set", "training.batch_size=8")
FEW_ALIGN_STEPS = (
    "--set", "listener.training.steps=2", "--set", "listener.training.batch_size=8", "--set", "listener.warm_start=false",
)  # fmt: skip
FEW_READER_STEPS = ("--set", "mindmix.training.steps=2", "--set", "mindmix.training.batch_size=8")
FEW_LISTENER_STEPS = (*FEW_READER_STEPS, "--set", "mindmix.warm_start=false")


@dataclass(frozen=True)
class Done:
    """Exit code and both streams of one command."""

    code: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """The one sentence of a refused command; fails where the command said anything else or left another way."""
        assert self.code == 2, (self.code, self.err)
        lines = self.err.strip().splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith("mindleaf: "), self.err
        assert "Traceback" not in self.err and "Error(" not in self.err
        return lines[0].removeprefix("mindleaf: ")


def mindleaf(*words: object) -> Done:
    """Run ``mindleaf words...``; anything that is no orderly exit is raised."""
    before, sys.argv = sys.argv, ["mindleaf", *map(str, words)]
    out, err = io.StringIO(), io.StringIO()
    try:
        # The command changes how warnings are told, in its own process: here that ends with it.
        with redirect_stdout(out), redirect_stderr(err), warnings.catch_warnings():
            code = _exit_code()
    finally:
        sys.argv = before
    return Done(code, out.getvalue(), err.getvalue())


def _exit_code() -> int:
    try:
        main()
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def worked(*words: object) -> Done:
    """Run a command that must succeed."""
    done = mindleaf(*words)
    assert done.code == 0, done.err
    return done


def unfinished(folder: Path) -> list[Path]:
    """Anything below (or beside) ``folder`` that a broken-off writer left."""
    return [path for path in folder.rglob("*") if path.name.endswith((".part", ".unfinished")) or path.name.startswith(".")]

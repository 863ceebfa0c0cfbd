"""A process that has imported everything and forks children, so that a test can have many of them for little."""

from __future__ import annotations

import importlib.util
import json
import os
import pkgutil
import socket
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


def needs_sentences() -> None:
    """Skip without the package of text encoders; importing it here would bring in what the package guards its own import of it from."""
    if importlib.util.find_spec("sentence_transformers") is None:
        pytest.skip("needs the package sentence-transformers")


class Children:
    """Runs functions named by import strings, each in a child of its own. Enter it, and leave it in the end."""

    def __enter__(self) -> Children:
        place = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
        command = [sys.executable, "-m", "tests.training.children"]
        self.server = subprocess.Popen(command, cwd=ROOT, env=place, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self

    def __exit__(self, *_: Any) -> None:
        # It holds nothing that could be lost, and to take down all that it has imported takes long.
        self.server.kill()
        self.server.wait()

    def together(self, function: str, arguments: list[list[Any]], environments: list[dict[str, str]] | None = None) -> list[int]:
        """Exit codes of children that run at the same time, one for each list of arguments."""
        assert self.server.stdin is not None and self.server.stdout is not None
        self.server.stdin.write(json.dumps([function, arguments, environments or [{}] * len(arguments)]) + "\n")
        self.server.stdin.flush()
        return json.loads(self.server.stdout.readline())

    def alone(self, function: str, *arguments: Any) -> int:
        return self.together(function, [list(arguments)])[0]

    def ranks(self, n: int, function: str, *arguments: Any) -> list[int]:
        """``n`` children that a launcher would have started together."""
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            port = found.getsockname()[1]
        place = {"WORLD_SIZE": n, "LOCAL_WORLD_SIZE": n, "GROUP_RANK": 0, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        environments = [{k: str(v) for k, v in {**place, "RANK": rank, "LOCAL_RANK": rank}.items()} for rank in range(n)]
        return self.together(function, [list(arguments)] * n, environments if n > 1 else None)


def serve() -> None:
    for line in sys.stdin:
        function, arguments, environments = json.loads(line)
        call = pkgutil.resolve_name(function)
        children = []
        for words, environment in zip(arguments, environments, strict=True):
            children.append(os.fork())
            if not children[-1]:
                os.environ.update(environment)
                os._exit(finished(call, words))
        print(json.dumps([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]), flush=True)


def finished(call: Any, words: list[Any]) -> int:
    try:
        call(*words)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    serve()

"""The reader process: imports the readers once, then forks one limited child per file.

A child that crashes, hangs or eats memory takes nothing with it: the next file gets a fresh fork in milliseconds.
The process is single-threaded, and leaves when its parent's end of the socket closes.
"""

from __future__ import annotations

import json
import os
import re
import resource
import select
import signal
import socket
import sys
import time
import traceback
from importlib import import_module
from typing import Any

from mindleaf.errors import BadInput
from mindleaf.reading import wire

_POLL_S = 0.002
_LONGEST_REQUEST_BYTES = 1 << 20


def main(descriptor: int) -> None:
    """Serve requests on the socket until the parent is gone."""
    server = socket.socket(fileno=descriptor)
    preload()
    server.sendall(b"ready\n")
    while True:
        text, descriptors, _, _ = socket.recv_fds(server, _LONGEST_REQUEST_BYTES, 1)
        while text and not text.endswith(b"\n"):
            text += server.recv(_LONGEST_REQUEST_BYTES) or b"\n"
        if not text or not descriptors:
            return
        request = json.loads(text)
        child = os.fork()
        if child == 0:
            server.close()
            run(request, descriptors[0])
        os.close(descriptors[0])
        server.sendall(json.dumps(wait_for(child, request["timeout_s"], server)).encode() + b"\n")


def preload() -> None:
    """Import what every child needs, so that a fork costs milliseconds."""
    import mne
    import pymatreader  # noqa: F401
    import scipy.io
    import scipy.signal  # noqa: F401

    import mindleaf.reading.formats
    import mindleaf.reading.maker_files  # noqa: F401

    mne.set_log_level("ERROR")
    for name in ("edf", "bdf", "gdf", "brainvision", "eeglab", "fif"):
        getattr(mne.io, f"read_raw_{name}")


def wait_for(child: int, timeout_s: float, server: socket.socket) -> dict[str, Any]:
    """How the child ended: its signal (0 for none) and whether it ran out of time. Kills it when the parent goes away."""
    deadline = time.monotonic() + timeout_s
    waiting = select.poll()
    waiting.register(server, select.POLLIN)
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return {"signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0, "timeout": False}
        parent_gone = bool(waiting.poll(1000.0 * _POLL_S)) and not server.recv(1, socket.MSG_PEEK)
        if parent_gone or time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            if parent_gone:
                os._exit(0)
            return {"signal": int(signal.SIGKILL), "timeout": True}


def run(request: dict[str, Any], descriptor: int) -> None:
    """In the child: call the function under its limits, write the outcome to ``descriptor`` and leave."""
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        with os.fdopen(descriptor, "wb") as stream:
            wire.send(stream, outcome(request))
        os._exit(0)
    except BaseException:
        os._exit(1)


def outcome(request: dict[str, Any]) -> dict[str, Any]:
    """The function's result, or what stopped it: a sentence of ours ("sentence") or a library's error ("error")."""
    try:
        sys.path[:] = request["path"]
        module, _, name = request["function"].partition(":")
        function = getattr(import_module(module), name)
        limit(request["memory_bytes"])
        return {"result": function(*request["arguments"])}
    except BadInput as error:
        return {"sentence": str(error)}
    except MemoryError:
        return {"memory": True}
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1].name
        return {"error": f"{type(error).__name__} in {where}: {without_quotes(str(error))}"}


def limit(memory_bytes: int) -> None:
    """Allow ``memory_bytes`` of address space on top of what the imported readers already take; no core files."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":  # elsewhere RLIMIT_AS is accepted and ignored
        with open("/proc/self/statm") as statm:
            taken = int(statm.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + memory_bytes, resource.getrlimit(resource.RLIMIT_AS)[1]))


def without_quotes(text: str) -> str:
    """A library's message with quoted values left out: they may be a patient's name out of a shifted header field."""
    first_line = text.strip().splitlines()[0] if text.strip() else "no message"
    return re.sub(r"b?'[^']*'?|\"[^\"]*\"?", "'...'", first_line)[:160]

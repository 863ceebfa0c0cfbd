"""Run a reader in a killable child process with limits of time and memory."""

from __future__ import annotations

import atexit
import json
import os
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mindleaf.errors import ReadError
from mindleaf.reading import wire
from mindleaf.reading.presence import bytes_of

GIGABYTE = 1 << 30
#: Seconds to wait beyond a call's own limit before the reader process itself is given up.
_GRACE_S = 15.0
_START_S = 120.0
_COMMAND = "import sys; from mindleaf.reading.zygote import main; main(int(sys.argv[1]))"
#: One thread per library: the reader process must stay single-threaded to fork safely.
_ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")}


def guarded(
    function: Callable[..., Any], path: Path, *arguments: Any, timeout_s: float | None = None, memory_bytes: int | None = None
) -> Any:
    """``function(str(path), *arguments)`` in a child process; the file at ``path`` is what an error names.

    ``function`` is a module-level function; arguments are JSON values; the result is made of JSON values and numeric
    arrays. Limits default to 10 s plus one second per 20 MB, and to 4 x the file plus 1 GB of memory.
    Raises ReadError where the function does, or where the child crashes, hangs, or wants more memory.
    """
    size = bytes_of(path)
    timeout_s = 10.0 + size / 20e6 if timeout_s is None else timeout_s
    memory_bytes = 4 * size + GIGABYTE if memory_bytes is None else memory_bytes
    request = {
        "function": f"{function.__module__}:{function.__qualname__}",
        "arguments": [str(path), *arguments],
        "timeout_s": timeout_s,
        "memory_bytes": memory_bytes,
        "path": [entry for entry in sys.path if entry],
    }
    try:
        answer, end = _reader().call(request)
    except ConnectionError:  # the reader process was killed between two calls; a fresh one serves this call
        answer, end = _reader().call(request)
    if answer is not None and "result" in answer:
        return answer["result"]
    raise ReadError(_sentence(path, answer, end, timeout_s, memory_bytes))


def close() -> None:
    """End this process's reader process; the next call starts another."""
    global _running
    with _lock:
        if _running is not None:
            _running.stop()
            _running = None


def _sentence(path: Path, answer: dict[str, Any] | None, end: dict[str, Any], timeout_s: float, memory_bytes: int) -> str:
    advice = "get the file again from its source, or leave it out."
    if end.get("timeout"):
        return (
            f"{path}: reading stopped after {timeout_s:.0f} s without an end; the file is damaged or the disk too slow; {advice}"
        )
    if answer is None:
        return f"{path}: the reader crashed on it (signal {end.get('signal')}); the file is damaged; {advice}"
    if "sentence" in answer:
        return answer["sentence"]
    if "memory" in answer:
        return f"{path}: reading it wants more than {memory_bytes / GIGABYTE:.1f} GB of memory; the header is damaged; {advice}"
    return f"{path}: cannot be read as {path.suffix or 'a signal file'} ({answer['error']}); {advice}"


class _Reader:
    """The reader process of this process, and the socket to it. One call at a time."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair()
        environment = dict(os.environ, **_ONE_THREAD, PYTHONPATH=os.pathsep.join(entry for entry in sys.path if entry))
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-W", "ignore", "-c", _COMMAND, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env=environment,
                start_new_session=True,
            )
        if self._line(time.monotonic() + _START_S) != b"ready":
            self.stop()
            raise RuntimeError("the reader process did not start; its own message stands above.")
        self._turn = threading.Lock()

    def alive(self) -> bool:
        return self._process.poll() is None

    def call(self, request: dict[str, Any]) -> tuple[dict[str, Any] | None, dict[str, Any]]:
        """The child's answer (None where it died without one) and how it ended."""
        with self._turn:
            try:
                return self._call(request)
            except BaseException:
                self.stop()  # after an interruption the two ends no longer agree on what comes next
                raise

    def _call(self, request: dict[str, Any]) -> tuple[dict[str, Any] | None, dict[str, Any]]:
        deadline = time.monotonic() + request["timeout_s"] + _GRACE_S
        reading, writing = os.pipe()
        try:
            try:
                socket.send_fds(self._socket, [json.dumps(request).encode() + b"\n"], [writing])
            finally:
                os.close(writing)
            try:
                answer = wire.receive(lambda buffer: _fill(reading, buffer, deadline), request["memory_bytes"])
            except EOFError:
                answer = None
        finally:
            os.close(reading)
        line = self._line(deadline)
        if not line:
            self.stop()
            return None, {"signal": "none", "timeout": time.monotonic() > deadline}
        return answer, json.loads(line)

    def _line(self, deadline: float) -> bytes:
        """One line from the reader process, without its end; empty when it died or did not answer."""
        line = b""
        while not line.endswith(b"\n"):
            if not _readable(self._socket.fileno(), deadline):
                return b""
            received = self._socket.recv(4096)
            if not received:
                return b""
            line += received
        return line.strip()

    def stop(self) -> None:
        self._socket.close()
        try:
            self._process.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _readable(descriptor: int, deadline: float) -> bool:
    """Whether there is something to read before ``deadline``. By poll: select knows no descriptor above 1023, and every
    array that is mapped from a store holds one."""
    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)
    return bool(waiting.poll(1000.0 * max(0.0, deadline - time.monotonic())))


def _fill(descriptor: int, buffer: memoryview, deadline: float) -> None:
    """Fill ``buffer`` from the pipe; EOFError where the child closed it early or time is up."""
    done = 0
    while done < len(buffer):
        if not _readable(descriptor, deadline):
            raise EOFError("time is up")
        received = os.readv(descriptor, [buffer[done:]])
        if not received:
            raise EOFError("the child closed the pipe")
        done += received


_running: _Reader | None = None
_lock = threading.Lock()


def _reader() -> _Reader:
    global _running
    with _lock:
        if _running is None or not _running.alive():
            _running = _Reader()
        return _running


def _forget() -> None:
    """A forked worker starts its own reader process: the inherited socket belongs to its parent."""
    global _running, _lock
    _running, _lock = None, threading.Lock()


os.register_at_fork(after_in_child=_forget)
atexit.register(close)

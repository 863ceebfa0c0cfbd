"""Who does the work: this process, several processes of this machine, or the workers of a Dask scheduler.

All of them give one result per task, in the order in which they are ready. A worker that dies gives its task to another.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
import traceback
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess
from typing import Any, Protocol, TypeVar

from mindleaf.errors import BadInput

#: How often a task is given to a worker before its worker's death counts as its own fault.
_TRIES = 3
#: How long a Dask scheduler may take to answer.
PATIENCE = "10s"


class Task(Protocol):
    """Something to do. ``name`` is what a message calls it."""

    @property
    def name(self) -> str: ...


TaskT = TypeVar("TaskT", bound=Task)
ResultT = TypeVar("ResultT")


def results(
    function: Callable[[TaskT], ResultT], tasks: Sequence[TaskT], workers: int = 1, scheduler: str = ""
) -> Generator[ResultT, None, None]:
    """``function(task)`` for every task, in no fixed order.

    function   of a module, so that another process can import it; tasks and results can be pickled
    workers    processes of this machine; 1 is this process
    scheduler  address of a Dask scheduler ("tcp://host:8786"), "" for none

    Raises what ``function`` raises, and BadInput where a worker died three times over the same task.
    """
    if scheduler:
        return _on_dask(function, tasks, scheduler)
    if workers < 1:
        raise BadInput(f"--workers wants a number of processes of at least 1, got {workers}.")
    if workers == 1 or len(tasks) < 2:
        return (function(task) for task in tasks)
    return _in_processes(function, tasks, min(workers, len(tasks)))


@dataclass
class _Worker:
    process: ForkServerProcess
    pipe: Connection
    task: int = -1


def _in_processes(function: Callable[[TaskT], ResultT], tasks: Sequence[TaskT], n_workers: int) -> Generator[ResultT, None, None]:
    waiting = list(range(len(tasks)))[::-1]
    tries = [0] * len(tasks)
    workers: list[_Worker] = []
    n_left = len(tasks)
    try:
        while n_left:
            while waiting and len(workers) < n_workers:
                workers.append(_started())
            for worker in workers:
                if worker.task < 0 and waiting:
                    _give(worker, function, tasks, waiting.pop(), tries)
            for worker in _ready(workers):
                answer = _answer(worker)
                if answer is None:
                    workers.remove(worker)
                    waiting += _taken_back(worker, tasks, tries)
                    continue
                worker.task, n_left = -1, n_left - 1
                result, error = answer
                if error is not None:
                    raise error
                yield result
    finally:
        for worker in workers:
            worker.process.kill()
            worker.pipe.close()
        for worker in workers:
            worker.process.join()


def _started() -> _Worker:
    # A server without threads, which has imported what workers need, forks them: a fork of this process would copy the
    # locks of its threads. Not daemonic: a worker starts a reader process.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["mindleaf.store.source_work"])
    ours, theirs = multiprocessing.Pipe()
    process = context.Process(target=_serve, args=(theirs,), daemon=False)
    process.start()
    theirs.close()
    return _Worker(process, ours)


def _give(worker: _Worker, function: Callable, tasks: Sequence[Task], number: int, tries: list[int]) -> None:
    tries[number] += 1
    worker.task = number
    try:
        worker.pipe.send((function, tasks[number]))
    except (BrokenPipeError, ConnectionResetError):
        return  # it died while it was idle: _answer will find out
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise BadInput(
            f"{tasks[number].name}: cannot be sent to another process ({error}); prepare it with --workers 1, or build it of "
            "functions that stand at the top of a module."
        ) from error


def _ready(workers: list[_Worker]) -> list[_Worker]:
    ready = wait([worker.pipe for worker in workers])
    return [worker for worker in workers if worker.pipe in ready]


def _answer(worker: _Worker) -> tuple[Any, BaseException | None] | None:
    """The result or the error of the worker's task; None where it died."""
    try:
        return worker.pipe.recv()
    except (EOFError, OSError):
        worker.process.join()
        worker.pipe.close()
        return None


def _taken_back(worker: _Worker, tasks: Sequence[Task], tries: list[int]) -> list[int]:
    """The task that a dead worker had, if any."""
    if worker.task >= 0 and tries[worker.task] >= _TRIES:
        code = worker.process.exitcode
        why = "they never started: a script that asks for workers calls under if __name__ == '__main__':" if code == 1 else ""
        why = why or "-9 is what a machine does that is out of memory: use fewer --workers, or leave it out"
        raise BadInput(f"{tasks[worker.task].name}: {_TRIES} worker processes ended over it (exit code {code}; {why}).")
    return [worker.task] if worker.task >= 0 else []


def _serve(pipe: Connection) -> None:
    """In a worker process: do one task after the other until the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the parent, which ends its workers
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    while True:
        try:
            function, task = pipe.recv()
        except EOFError:
            return
        try:
            answer: tuple[Any, BaseException | None] = (function(task), None)
        except (BadInput, OSError) as error:
            answer = (None, error)
        except Exception:
            # An error of the program: told in full, as a type that can be pickled for certain.
            answer = (None, RuntimeError(f"in a worker process:\n{traceback.format_exc()}"))
        pipe.send(answer)


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)


def _on_dask(function: Callable[[TaskT], ResultT], tasks: Sequence[TaskT], address: str) -> Generator[ResultT, None, None]:
    try:
        from distributed import Client, KilledWorker, as_completed
    except ImportError as error:
        raise BadInput(
            "--scheduler wants dask.distributed, which is not installed; run pip install 'mindleaf[cluster]'."
        ) from error
    try:
        client = Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError) as error:
        raise BadInput(
            f"--scheduler wants the address of a running Dask scheduler (tcp://HOST:8786), none answers at {address}; start one "
            "with 'dask scheduler'."
        ) from error
    with client:
        # pure=False: a task that ran before is done again; the store itself knows what is unchanged.
        futures = {client.submit(function, task, pure=False): task.name for task in tasks}
        for future in as_completed(futures, loop=client.loop):
            try:
                result = future.result()
            except KilledWorker as error:
                raise BadInput(
                    f"{futures[future]}: several Dask workers died over it (out of memory?); give the workers more memory, or "
                    "leave it out."
                ) from error
            future.release()
            yield result

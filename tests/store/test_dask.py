"""Dask workers: the same store, also when one of them is killed in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mindleaf.errors import BadInput
from tests.store.generated import damaged, prepared, sources

distributed = pytest.importorskip("distributed")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory) -> Iterator[tuple[str, list[subprocess.Popen]]]:
    """A scheduler and two workers of one thread, each a process without a nanny that would start it again."""
    folder = tmp_path_factory.mktemp("dask")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    def started(*words: str) -> subprocess.Popen:
        command = [sys.executable, "-m", *words, "--no-dashboard"]
        return subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    address_file = folder / "scheduler.json"
    running = [
        started("distributed.cli.dask_scheduler", "--port", "0", "--host", "127.0.0.1", "--scheduler-file", str(address_file))
    ]
    with distributed.Client(scheduler_file=str(address_file), timeout="60s", set_as_default=False) as client:
        address = client.scheduler.address
        running += [started("distributed.cli.dask_worker", address, "--no-nanny", "--nthreads", "1") for _ in range(2)]
        client.wait_for_workers(2, timeout=90)
        yield address, running[1:]
    for process in running:
        process.kill()
        process.wait()


def test_dask_workers_give_the_same_store(cluster, tmp_path):
    address, _ = cluster
    plain = prepared(tmp_path / "here")
    seen: list[str] = []
    store = prepared(tmp_path / "there", scheduler=address, progress=lambda outcome: seen.append(outcome.source))
    assert store.manifest == plain.manifest and store.verify() == [] and len(seen) == 5
    with pytest.raises(BadInput, match=r"1 of 3 sources .*broken.edf"):
        prepared(tmp_path / "damaged", [*sources(2), damaged()], scheduler=address)


def test_a_store_that_the_workers_do_not_see_is_told(cluster, tmp_path, monkeypatch):
    address, _ = cluster
    # What another machine would find: the folder's name without the folder.
    monkeypatch.setattr("mindleaf.store.writer.Work", _elsewhere)
    with pytest.raises(BadInput, match="every worker sees under the same path"):
        prepared(tmp_path, sources(1), scheduler=address)


def _elsewhere(source, out, *rest):
    from mindleaf.store.source_work import Work

    return Work(source, Path("/nowhere") / out.name, *rest)


def test_a_killed_dask_worker_costs_nothing_but_its_recording(cluster, tmp_path):
    address, workers = cluster
    plain = prepared(tmp_path / "here", sources(6))

    def kill_one(outcome) -> None:
        if workers[0].poll() is None:
            workers[0].send_signal(signal.SIGKILL)
            workers[0].wait()

    store = prepared(tmp_path / "there", sources(6, wait_s=0.3), scheduler=address, progress=kill_one)
    assert workers[0].poll() == -signal.SIGKILL
    assert store.manifest == plain.manifest and store.verify() == []


def test_a_scheduler_that_does_not_answer_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("mindleaf.store.workers.PATIENCE", "1s")
    with pytest.raises(BadInput, match=r"none answers at tcp://127.0.0.1:9.*dask scheduler"):
        prepared(tmp_path, scheduler="tcp://127.0.0.1:9")

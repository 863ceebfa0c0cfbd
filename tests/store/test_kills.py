"""SIGKILL at any moment, then the same command: the same store as without it, and at most one recording redone."""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mindleaf.store.store import Store
from tests.store.generated import Made, prepared, sources

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")

#: What writing is made of, as Python reports it to its auditors: the kill comes just before one of these.
STEPS = {"open", "os.rename", "os.remove", "os.mkdir", "os.truncate"}
N_AT_STEPS, N_AT_RANDOM = 40, 10

context = multiprocessing.get_context("forkserver")
context.set_forkserver_preload(["tests.store.generated"])


def changed_sources() -> list[Made]:
    """The data set after its owner replaced two files and added one."""
    return [*sources(2), *sources(5, seed=50)[2:]]


def at_step(out: Path, number: int) -> None:
    """Prepare, and die before the step of that number below ``out``; with -1 live and tell how many there were."""
    seen = 0

    def auditor(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        if event not in STEPS or not any(str(argument).startswith(str(out)) for argument in arguments[:2]):
            return
        if seen == number:
            os.kill(os.getpid(), signal.SIGKILL)
        seen += 1

    sys.addaudithook(auditor)
    finished(out)
    (out.parent / "steps").write_text(str(seen))


def finished(out: Path, workers: int = 1) -> None:
    """Prepare, and note each source once it is done."""
    with (out.parent / "done").open("a") as notes:

        def note(outcome) -> None:
            notes.write("x" * len(outcome.recordings))
            notes.flush()

        prepared(out, changed_sources(), workers=workers, progress=note)


def child(function: Callable, *arguments: Any) -> Any:
    process = context.Process(target=function, args=arguments)
    process.start()
    return process


@pytest.fixture(scope="module")
def before(tmp_path_factory) -> Path:
    """A store that stands, complete, where the killed runs write."""
    out = tmp_path_factory.mktemp("before") / "store"
    prepared(out, sources(4))
    return out


@pytest.fixture(scope="module")
def reference(tmp_path_factory) -> Store:
    return prepared(tmp_path_factory.mktemp("reference"), changed_sources())


def fresh(before: Path, folder: Path, again: bool) -> Path:
    """Where the next killed run writes: over the complete store, or into nothing."""
    folder.mkdir(parents=True)
    return shutil.copytree(before, folder / "store") if again else folder / "store"


def check(out: Path, reference: Store, old: Store | None) -> None:
    """After a kill: what stood there still stands, and the same command ends as if nothing had happened."""
    if (out / "manifest.json").exists():
        whole = Store(out)
        assert whole.content_sha256 in {reference.content_sha256, *([old.content_sha256] if old else [])}
        assert whole.verify() == []
    else:
        assert old is None, "the old manifest vanished"
    done = (out.parent / "done").read_text() if (out.parent / "done").exists() else ""
    unchanged: list[int] = []
    store = prepared(out, changed_sources(), progress=lambda outcome: unchanged.append(outcome.n_unchanged))
    assert sum(unchanged) >= len(done), "a recording that was done was done again"
    assert store.content_sha256 == reference.content_sha256 and store.verify() == []
    windows, wanted = (s.windows(1.0).drop(columns="window") for s in (store, reference))
    assert not windows.duplicated().any()
    pd.testing.assert_frame_equal(windows, wanted)
    named = {entry["file"] for entry in (*store.manifest["recordings"], *store.manifest["stimuli"])}
    assert {path.relative_to(out).as_posix() for path in out.glob("s*/*.npy")} == named
    assert not [path for path in out.rglob("*") if ".part" in path.name]


def test_killed_before_any_step_of_writing(before, reference, tmp_path):
    old = Store(before)
    counted = child(at_step, fresh(before, tmp_path / "count", again=True), -1)
    counted.join(60)
    n_steps = int((tmp_path / "count" / "steps").read_text())
    assert n_steps > 40
    for k in range(N_AT_STEPS):
        again = k % 3 > 0
        out = fresh(before, tmp_path / f"step{k}", again)
        killed = child(at_step, out, k * (n_steps - 1) // (N_AT_STEPS - 1))
        killed.join(60)
        assert killed.exitcode in (-signal.SIGKILL, 0), "0: from nothing there are other steps to take"
        check(out, reference, old if again else None)


def test_killed_at_random_moments(before, reference, tmp_path):
    chance = random.Random(7)
    for k in range(N_AT_RANDOM):
        out = fresh(before, tmp_path / f"moment{k}", again=bool(k % 2))
        running = child(finished, out)
        time.sleep(chance.uniform(0.0, 0.3))
        running.kill()
        running.join(60)
        check(out, reference, Store(before) if k % 2 else None)


@pytest.mark.parametrize("wait_s", [0.0, 0.2])
def test_killed_with_workers(before, reference, tmp_path, wait_s):
    """The workers die with the process that started them, and write no more."""
    out = fresh(before, tmp_path / "store", again=True)
    running = child(finished, out, 2)
    deadline = time.monotonic() + 60
    while not (out.parent / "done").exists() or not (out.parent / "done").read_text():
        assert time.monotonic() < deadline and running.is_alive()
        time.sleep(0.01)
    time.sleep(wait_s)
    running.kill()
    running.join(60)
    check(out, reference, Store(before))

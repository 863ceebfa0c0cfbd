"""Who does the work makes no difference; workers that die, raise, or are interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from mindleaf.errors import BadInput, ReadError
from mindleaf.store.workers import results
from tests.conftest import hears_ctrl_c
from tests.store.generated import damaged, prepared, sources

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Job:
    name: str
    place: Path | None = None


def length(job: Job) -> int:
    return len(job.name)


def dies_once(job: Job) -> str:
    if job.place is not None and not job.place.exists():
        job.place.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return job.name


def dies(job: Job) -> str:
    os.kill(os.getpid(), signal.SIGKILL)
    return job.name


def refuses(job: Job) -> str:
    if job.name == "b":
        raise ReadError("b: is no such file; get it again.")
    if job.name == "c":
        raise ZeroDivisionError("one of ours")
    return job.name


def test_one_process_and_two_give_the_same_store(tmp_path):
    plain, shared = prepared(tmp_path / "one"), prepared(tmp_path / "two", workers=2)
    assert plain.content_sha256 == shared.content_sha256 and shared.verify() == []
    assert plain.manifest == shared.manifest


def test_damage_is_told_across_processes(tmp_path):
    with pytest.raises(BadInput, match=r"1 of 3 sources .*broken.edf"):
        prepared(tmp_path, [*sources(2), damaged()], workers=2)


def test_a_task_whose_worker_dies_is_given_to_another(tmp_path):
    jobs = [Job("a"), Job("b", tmp_path / "died"), Job("c")]
    assert sorted(results(dies_once, jobs, workers=2)) == ["a", "b", "c"]


def test_a_task_that_kills_every_worker_is_named():
    with pytest.raises(BadInput, match=r"(a|b): 3 worker processes ended over it .*exit code -9.*use fewer --workers"):
        list(results(dies, [Job("a"), Job("b")], workers=2))


def test_errors_come_back_as_what_they_are():
    with pytest.raises(ReadError, match="is no such file"):
        list(results(refuses, [Job("a"), Job("b")], workers=2))
    with pytest.raises(RuntimeError, match="ZeroDivisionError: one of ours"):
        list(results(refuses, [Job("a"), Job("c")], workers=2))


def test_a_script_that_does_not_guard_itself_is_told(tmp_path):
    script = tmp_path / "script.py"
    place = str(tmp_path / "store")
    script.write_text(
        "from pathlib import Path; from tests.store.generated import prepared, sources\n"
        f"prepared(Path({place!r}), sources(3), workers=2)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, env=environment, check=False, timeout=120
    )
    assert done.returncode and "if __name__ == '__main__':" in done.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize("workers", [0, -3])
def test_there_is_no_store_without_workers(workers):
    with pytest.raises(BadInput, match="at least 1"):
        list(results(length, [Job("a"), Job("b")], workers=workers))


def test_ctrl_c_ends_the_workers(tmp_path):
    code = (
        "from pathlib import Path; from tests.store.generated import prepared, sources\n"
        f"if __name__ == '__main__': prepared(Path({str(tmp_path)!r}), sources(8, wait_s=1.0), workers=2, "
        "progress=lambda o: print(o.source, flush=True))\n"
    )
    script = tmp_path / "script.py"
    script.write_text(code.replace(repr(str(tmp_path)), repr(str(tmp_path / "store"))))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    running = subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
        start_new_session=True, preexec_fn=hears_ctrl_c,
    )  # fmt: skip
    assert running.stdout and running.stdout.readline().startswith("source")
    group = os.getpgid(running.pid)
    os.killpg(group, signal.SIGINT)
    _, said = running.communicate(timeout=30)
    assert said.strip().endswith("KeyboardInterrupt")
    deadline = time.monotonic() + 10
    while _alive(group):
        assert time.monotonic() < deadline, "a worker outlived its parent"
        time.sleep(0.05)
    assert not [path for path in tmp_path.rglob("*") if ".part" in path.name]


def _alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True

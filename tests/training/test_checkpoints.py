"""Checkpoints: a kill at any moment leaves the newest complete one, damage is found, a full disk is a sentence."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from mindleaf.errors import BadInput
from mindleaf.training import checkpoints
from tests.training.savers import FIRST, N_SAVES, same, state_of

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")

N_AT_MOMENTS, N_AT_RANDOM = 150, 50

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def child() -> Iterator[Callable[..., int]]:
    """Runs a child that saves below a folder in which two earlier checkpoints stand; returns its exit code."""
    place = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, "-m", "tests.training.savers"]
    with subprocess.Popen(command, cwd=ROOT, env=place, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdin is not None and server.stdout is not None

        def run(folder: Path, number: int = -1, seconds: float = -1) -> int:
            folder.mkdir(parents=True)
            for step in (FIRST - 2, FIRST - 1):
                checkpoints.save(folder / "checkpoints", step, state_of(step))
            server.stdin.write(f"{folder / 'checkpoints'} {number} {seconds}\n")
            server.stdin.flush()
            return int(server.stdout.readline())

        yield run
        server.stdin.close()


def check(folder: Path) -> None:
    """The newest complete checkpoint loads: the one last told of, or the one that was being written."""
    done = (folder / "done").read_text().split() if (folder / "done").exists() else []
    told = int(done[-1]) if done else FIRST - 1
    found = checkpoints.newest(folder / "checkpoints")
    assert found is not None and found["step"] in (told, told + 1) and same(found, found["step"])
    # The next save leaves nothing of the killed one behind.
    checkpoints.save(folder / "checkpoints", 99, state_of(99))
    names = [path.name for path in (folder / "checkpoints").iterdir()]
    assert len(names) == 2 and "step_00000099" in names and same(checkpoints.newest(folder / "checkpoints"), 99)


def test_killed_before_any_moment_of_a_save(child, tmp_path):
    assert child(tmp_path / "count") == 0
    n_moments = int((tmp_path / "count" / "moments").read_text())
    assert n_moments > 8 * N_SAVES
    for k in range(N_AT_MOMENTS):
        assert child(tmp_path / f"moment{k}", k % n_moments) == -signal.SIGKILL
        check(tmp_path / f"moment{k}")


def test_killed_at_random_moments(child, tmp_path):
    chance, codes = random.Random(7), []
    for k in range(N_AT_RANDOM):
        codes.append(child(tmp_path / str(k), seconds=chance.uniform(0.0, 0.06)))
        check(tmp_path / str(k))
    assert -signal.SIGKILL in codes


@pytest.fixture
def saved(tmp_path) -> Path:
    for step in (1, 2, 3):
        checkpoints.save(tmp_path / "checkpoints", step, state_of(step))
    return tmp_path / "checkpoints"


def test_the_newest_are_kept(saved):
    assert [path.name for path in saved.iterdir()] and {path.name for path in saved.iterdir()} == {
        "step_00000002",
        "step_00000003",
    }


def flip(path: Path, bit: int) -> None:
    content = bytearray(path.read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(bytes(content))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("name", ["state.pt", "COMMIT"])
def test_a_flipped_bit_is_found_and_the_older_one_taken(saved, name, share):
    file = saved / "step_00000003" / name
    flip(file, int(share * (8 * file.stat().st_size - 1)))
    with pytest.warns(UserWarning, match=r"step_00000003.*going on from step_00000002"):
        assert same(checkpoints.newest(saved), 2)


def test_bytes_that_are_missing_are_found(saved):
    file = saved / "step_00000003" / "state.pt"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.warns(UserWarning, match="its bytes are not those"):
        assert same(checkpoints.newest(saved), 2)


def test_what_was_stepped_over_goes_with_the_next_save(saved):
    flip(saved / "step_00000003" / "state.pt", 4000)
    checkpoints.save(saved, 2, state_of(2))
    assert [path.name for path in checkpoints.committed(saved)] == ["step_00000002"]
    assert same(checkpoints.newest(saved), 2)


def test_only_damage_is_a_sentence(saved):
    for path in checkpoints.committed(saved):
        flip(path / "state.pt", 100)
    with pytest.raises(BadInput, match=r"no checkpoint can be read.*start again without --resume"):
        checkpoints.newest(saved)


def test_a_full_disk_is_told_with_the_bytes_needed_and_mended_by_room(mounted):
    folder = mounted / "checkpoints"
    for step in (1, 2):
        checkpoints.save(folder, step, state_of(step))
    filler = mounted / "filler"
    filler.write_bytes(bytes(2_000_000))
    large = {**state_of(3), "more": torch.zeros(400_000)}
    with pytest.raises(
        BadInput, match=r"wanted 16\d{5} bytes .* step 3, .*No space left.* bytes are free\).*older checkpoints are whole"
    ):
        checkpoints.save(folder, 3, large)
    assert {path.name for path in folder.iterdir()} == {"step_00000001", "step_00000002"} and same(checkpoints.newest(folder), 2)
    filler.unlink()
    checkpoints.save(folder, 3, large)
    assert checkpoints.newest(folder)["step"] == 3


def test_a_limit_on_the_size_of_files_is_a_sentence(saved):
    code = f"from pathlib import Path; from tests.training.savers import limited; limited(Path({str(saved)!r}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "bytes for the checkpoint of step 4" in done.stdout and "--resume" in done.stdout, done.stderr
    assert same(checkpoints.newest(saved), 3) and len(list(saved.iterdir())) == 2

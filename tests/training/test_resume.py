"""SIGKILL at random steps, again and again within one epoch, then the same command: the same numbers to the last bit."""

from __future__ import annotations

import json
import random
import signal
import sys
from pathlib import Path

import numpy as np
import pytest

from mindleaf.store.store import Store
from mindleaf.training.checkpoints import committed
from mindleaf.training.log import read_log
from mindleaf.training.loop import digest
from mindleaf.training.order import epoch_batches, steps_per_epoch
from tests.training.children import Children, needs_sentences

STAGES = ("pretrain-mindmix", "pretrain-leaf", "align-mindmix", "align-leaf")
RUN, N_KILLS, N_STEPS, EVERY = "tests.training.stages_at_hand:run", 5, 12, 3
#: Small batches, so that all kills fall into one epoch.
SMALL = ("training.batch_size=3",)
GOLDEN = Path(__file__).with_name("golden.json")
#: Another processor adds up in another order. One rounding is 1e-7; after a few steps of Adam, which divides gradients by their
#: own size, losses of runs that differ by nothing else were seen 1e-5 apart. A change of what is computed is far larger.
TOLERANCE = 1e-3

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")


@pytest.fixture(scope="module")
def children():
    with Children() as children:
        yield children


@pytest.fixture(scope="module")
def store(tmp_path_factory, children):
    folder = tmp_path_factory.mktemp("resume") / "store"
    assert children.alone("tests.training.stages_at_hand:make_store_at", str(folder)) == 0
    return folder


@pytest.fixture(scope="module")
def whole(children, store):
    """Logs of uninterrupted runs, made when first asked for."""
    made: dict[str, list[dict]] = {}

    def of(name: str) -> list[dict]:
        if name == "align-leaf":
            needs_sentences()
        if name not in made:
            out = store.parent / name
            assert children.alone(RUN, name, str(store), str(out), list(SMALL)) == 0
            made[name] = read_log(out)
        return made[name]

    return of


def timeless(lines: list[dict]) -> list[dict]:
    return [{name: value for name, value in line.items() if name != "seconds"} for line in lines]


@pytest.mark.parametrize("name", STAGES)
def test_a_run_killed_again_and_again_repeats_an_uninterrupted_one(children, store, whole, tmp_path, name):
    """Twenty kills over the four stages, each chain within one epoch."""
    uninterrupted, out, chance, start = whole(name), tmp_path / "run", random.Random(name), 0
    assert {line["epoch"] for line in uninterrupted} == {0}
    for _ in range(N_KILLS):
        step = chance.randrange(start, N_STEPS)
        assert children.alone(RUN, name, str(store), str(out), list(SMALL), step - start) == -signal.SIGKILL
        assert [line["step"] for line in read_log(out)] == list(range(step))
        start = step // EVERY * EVERY
        assert [path.name for path in committed(out / "checkpoints")][-1:] == ([f"step_{start:08d}"] if start else [])
    assert children.alone(RUN, name, str(store), str(out), list(SMALL)) == 0
    assert timeless(read_log(out)) == timeless(uninterrupted)
    assert {"lr", "gradient_norm", "total", "windows"} <= set(uninterrupted[0])


def test_every_epoch_of_a_run_is_all_windows_once(children, store, tmp_path):
    """By the digests in the log of a run that was killed in its second epoch."""
    n = len(Store(store).windows(2.0, 1.0))
    groups, words = np.zeros(n, int), ["training.steps=12", "training.batch_size=16"]
    each = steps_per_epoch(groups, 16)
    assert children.alone(RUN, "align-mindmix", str(store), str(tmp_path / "run"), words, each + 1) == -signal.SIGKILL
    assert children.alone(RUN, "align-mindmix", str(store), str(tmp_path / "run"), words) == 0
    told = [line["windows"] for line in read_log(tmp_path / "run")]
    epochs = [epoch_batches(groups, 16, 3, number) for number in range(12 // each + 1)]
    assert all(sorted(np.concatenate(batches)) == list(range(n)) for batches in epochs) and each < 12
    assert told == [digest(ids) for batches in epochs for ids in batches][:12]


@pytest.mark.parametrize("name", STAGES)
def test_the_first_steps_are_those_that_were_written_down(whole, name):
    wanted = json.loads(GOLDEN.read_text())[name]
    found = [line["total"] for line in whole(name)[: len(wanted)]]
    assert found == pytest.approx(wanted, rel=TOLERANCE)


def write() -> None:
    """Write the curves down anew: python -m tests.training.test_resume. Only where what is computed was meant to change."""
    import tempfile

    with Children() as children, tempfile.TemporaryDirectory() as folder:
        store, curves = Path(folder) / "store", {}
        children.alone("tests.training.stages_at_hand:make_store_at", str(store))
        for name in STAGES:
            assert children.alone(RUN, name, str(store), str(Path(folder) / name), list(SMALL)) == 0
            curves[name] = [round(line["total"], 6) for line in read_log(Path(folder) / name)[:6]]
        GOLDEN.write_text(json.dumps(curves, indent=1) + "\n")


if __name__ == "__main__":
    write()

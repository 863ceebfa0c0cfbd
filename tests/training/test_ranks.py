"""Several processes, or a batch in pieces, train as one process does with the whole batch: the same windows, the same losses."""

from __future__ import annotations

import signal
import subprocess
import sys

import numpy as np
import pytest
import torch

from mindleaf.errors import BadInput
from mindleaf.layers.dropout import attend, dropped
from mindleaf.layers.ranks import Share, bounds, sharing
from mindleaf.store.store import Store
from mindleaf.training.log import read_log
from mindleaf.training.loop import TrainingConfig, digest, train
from mindleaf.training.order import Order
from tests.training.children import Children, needs_sentences

STAGES = ("pretrain-mindmix", "pretrain-leaf", "align-mindmix", "align-leaf")
RUN = "tests.training.stages_at_hand:run"
#: Adam divides a gradient that is nothing but rounding by itself: a small rate keeps what comes of it below what is compared.
FEW = ("training.steps=5", "training.optimiser.lr=1e-4")
#: Ratios of two means, of which the mean over processes is told, and the time it took.
NOT_COMPARED = ("filled_explained", "following_explained", "seconds")

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks")


@pytest.fixture(scope="module")
def children():
    with Children() as children:
        yield children


@pytest.fixture(scope="module")
def store(tmp_path_factory, children):
    folder = tmp_path_factory.mktemp("ranks") / "store"
    assert children.alone("tests.training.stages_at_hand:make_store_at", str(folder)) == 0
    return folder


@pytest.fixture(scope="module")
def whole(children, store):
    """Logs of one process each, made when first asked for."""
    made: dict[str, list[dict]] = {}

    def of(name: str) -> list[dict]:
        if name not in made:
            made[name] = log_of(children, store, store.parent / name, 1, name)
        return made[name]

    return of


def log_of(children, store, out, n: int, name: str, *settings: str) -> list[dict]:
    assert children.ranks(n, RUN, name, str(store), str(out), [*FEW, *settings]) == [0] * n
    return read_log(out)


def same(one: list[dict], other: list[dict]) -> None:
    assert [line["windows"] for line in one] == [line["windows"] for line in other] and len(one) == 5
    for mine, theirs in zip(one, other, strict=True):
        assert set(mine) == set(theirs)
        wanted = {k: v for k, v in mine.items() if k not in NOT_COMPARED and isinstance(v, float)}
        # The norm adds up squares of all gradients, in another order: float32 keeps a digit less of it.
        norms = mine["gradient_norm"], theirs["gradient_norm"]
        assert norms[1] == pytest.approx(norms[0], rel=1e-4), mine["step"]
        wanted.pop("gradient_norm")
        assert {k: theirs[k] for k in wanted} == pytest.approx(wanted, rel=1e-5, abs=1e-5), mine["step"]


@pytest.mark.parametrize("n", [2, 4])
@pytest.mark.parametrize("name", STAGES)
def test_the_number_of_processes_changes_nothing(children, store, whole, tmp_path, name, n):
    """Ten windows over four processes: two of them have one more. Dropout of all kinds is on."""
    if name == "align-leaf":
        needs_sentences()
    same(whole(name), log_of(children, store, tmp_path / "run", n, name))
    assert (tmp_path / "run" / "config.json").exists() and (tmp_path / "run" / "card.md").exists()


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize("name", ["pretrain-leaf", "align-mindmix"])
def test_a_batch_in_pieces_is_the_whole_batch(children, store, whole, tmp_path, name, n):
    """One objective adds up over windows, the other compares all of them."""
    same(whole(name), log_of(children, store, tmp_path / "run", n, name, "training.accumulate=3"))


def test_a_run_goes_on_with_another_number_of_processes(children, store, whole, tmp_path):
    name, out = "align-mindmix", tmp_path / "run"
    first, second = children.ranks(2, RUN, name, str(store), str(out), [*FEW, "training.checkpoint_every=2"], 4)
    assert first == -signal.SIGKILL and second == 1, "the other one loses its partner"
    assert [line["step"] for line in read_log(out)] == [0, 1, 2, 3]
    same(whole(name), log_of(children, store, out, 1, name, "training.checkpoint_every=2"))


@pytest.mark.parametrize("name", ["align-mindmix"])
def test_activations_that_are_computed_again_change_no_bit(children, store, whole, tmp_path, name):
    again = log_of(children, store, tmp_path / "run", 1, name, "training.checkpoint_activations=true")
    timeless = [[{k: v for k, v in line.items() if k != "seconds"} for line in log] for log in (whole(name), again)]
    assert timeless[0] == timeless[1]


@pytest.mark.parametrize(("n", "parts"), [(10, 4), (3, 4), (1, 2), (48, 5)])
def test_shares_are_the_batch(n, parts):
    assert [i for k in range(parts) for i in range(*bounds(n, k, parts))] == list(range(n))
    shares = [Share.of(n, k, parts) for k in range(parts)]
    assert sum(share.weight for share in shares) == pytest.approx(1) and all(share.stop > share.start for share in shares)
    pieces = [piece for share in shares if not share.idle for piece in share.pieces(3)]
    assert [i for piece in pieces for i in range(piece.start, piece.stop)] == list(range(n))


@pytest.mark.parametrize("each", [1, 3])
def test_dropout_of_a_window_does_not_know_who_draws(each):
    values = torch.randn(8 * each, 5, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(1)
    whole = dropped(values, 0.4)
    parts = []
    for rank in range(3):
        share = Share.of(8, rank, 3)
        torch.manual_seed(1)
        with sharing(share):
            parts.append(dropped(values[share.start * each : share.stop * each], 0.4))
    assert torch.equal(torch.cat(parts), whole) and 0 < (whole == 0).float().mean() < 1


def test_attention_by_hand_is_the_fused_one():
    query, key, value = torch.randn(3, 8, 2, 4, 6, generator=torch.Generator().manual_seed(0))
    allowed = torch.rand(8, 1, 4, 4, generator=torch.Generator().manual_seed(1)) < 0.7
    allowed |= torch.eye(4, dtype=torch.bool)
    torch.manual_seed(1)
    whole = attend(query, key, value, allowed, 0.3)
    torch.manual_seed(1)
    with sharing(Share(2, 5, 8)):
        torch.testing.assert_close(attend(query[2:5], key[2:5], value[2:5], allowed[2:5], 0.3), whole[2:5])


def test_the_windows_of_a_step_can_be_told_from_its_line(store, whole):
    """What is logged is the digest of a pure function of seed and step, which the next test of resuming relies on."""
    lines, n = whole("align-mindmix"), len(Store(store).windows(2.0, 1.0))
    assert n > 50 and [line["windows"] for line in lines] == [digest(Order(np.zeros(n, int), 10, 3).at(k)[0]) for k in range(5)]


class Nothing:
    groups = torch.zeros(4, dtype=torch.long).numpy()

    def read(self, ids):
        return torch.zeros(len(ids), 3)


@pytest.mark.parametrize(
    ("settings", "model", "told"),
    [
        ({"strategy": "fsdp"}, torch.nn.Linear(3, 1), "strategy=fsdp wanted GPUs .* set training.strategy=ddp"),
        ({"devices": 2}, torch.nn.Linear(3, 1), "trains on one device, got training.devices=2"),
        ({"accumulate": 2}, torch.nn.Linear(3, 1), "accumulate=2 wanted an objective whose windows do not look at each other"),
        ({"accumulate": 2}, torch.nn.BatchNorm1d(3), "accumulate=2 wanted a model without statistics of the batch"),
    ],
)
def test_what_cannot_be_is_a_sentence(settings, model, told):
    config = TrainingConfig(device="cpu", steps=1, batch_size=2, **settings)
    with pytest.raises(BadInput, match=told):
        train(model, lambda model, batch, seed: None, Nothing(), config)


def command(out, store, *words: str) -> list[str]:
    small = (
        "encoder.width=16",
        "encoder.depth=1",
        "encoder.heads=2",
        "encoder.hidden=16",
        "encoder.n_codes=8",
        "spectral_depth=1",
    )
    settings = [f"model.{setting}" for setting in small] + ["training.steps=2", "training.batch_size=6"]
    sets = [word for setting in (*settings, *words) for word in ("--set", setting)]
    return [
        "mindleaf.cli",
        "pretrain",
        "mindmix-tiny",
        "--store",
        str(store),
        "--out",
        str(out),
        "--device",
        "cpu",
        "--quiet",
        *sets,
    ]


def test_the_command_line_starts_the_processes(store, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", *command(tmp_path / "run", store, "training.devices=2")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert [line["step"] for line in read_log(tmp_path / "run")] == [0, 1] and (tmp_path / "run" / "config.json").exists()
    again = subprocess.run(
        [sys.executable, "-m", *command(tmp_path / "run", store, "training.devices=2")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert again.returncode == 2 and "already holds a run; add --resume" in again.stderr and "Traceback" not in again.stderr


def test_torchrun_starts_the_processes(store, tmp_path):
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m"]
    done = subprocess.run([*launcher, *command(tmp_path / "run", store)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [line["step"] for line in read_log(tmp_path / "run")] == [0, 1] and (tmp_path / "run" / "config.json").exists()
    assert done.stdout.count(str(tmp_path / "run")) <= 2

"""The loop: every window once an epoch, the best state kept, a killed run continues to the same bits."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from mindleaf.errors import BadInput
from mindleaf.training import checkpoints
from mindleaf.training.curriculum import Curriculum, Lesson
from mindleaf.training.log import read_log
from mindleaf.training.loop import TrainingConfig, train
from mindleaf.training.order import MixedOrder, Order, epoch_batches, steps_per_epoch


@dataclass
class Numbers:
    """Batches of a noisy line; what the loop sees is only ids and a thing with ``to``."""

    bad: frozenset[int] = frozenset()
    groups = np.repeat([0, 1], [30, 17])

    def read(self, ids):
        x = torch.tensor(ids, dtype=torch.float32)[:, None] / 47
        if self.bad & set(ids.tolist()):
            x = x * torch.nan
        return x


@dataclass
class LineLosses:
    total: torch.Tensor

    def floats(self):
        return {"loss": float(self.total.detach())}


def line(model, batch, seed):
    noise = torch.randn(batch.shape, generator=torch.Generator().manual_seed(seed))
    return LineLosses(((model(batch) - 2 * batch - 1 + 0.1 * noise) ** 2).mean())


def network() -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(1, 8), nn.Dropout(0.2), nn.GELU(), nn.Linear(8, 1))


CONFIG = TrainingConfig(steps=24, batch_size=8, checkpoint_every=5, validate_every=6, device="cpu", seed=4)


@settings(max_examples=50, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=4),
    batch=st.integers(1, 16),
    seed=st.integers(0, 99),
    epoch=st.integers(0, 9),
)
def test_an_epoch_is_every_window_once(sizes, batch, seed, epoch):
    groups = np.repeat(np.arange(len(sizes)), sizes)
    batches = epoch_batches(groups, batch, seed, epoch)
    assert sorted(np.concatenate(batches)) == list(range(len(groups)))
    assert len(batches) == steps_per_epoch(groups, batch)
    assert all(len(set(groups[ids])) == 1 and len(ids) <= batch for ids in batches)


@settings(max_examples=50, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=4), batch=st.integers(4, 16), seed=st.integers(0, 99),
)  # fmt: skip
def test_a_mixed_batch_has_as_many_windows_of_every_group_and_each_group_has_its_epochs(sizes, batch, seed):
    groups = np.repeat(np.arange(len(sizes)), sizes)
    each = max(1, batch // len(sizes))
    for number, size in enumerate(sizes):
        rounds = -(-size // each)
        pieces = [MixedOrder(groups, batch, seed).at(step)[number] for step in range(2 * rounds)]
        assert all(len(piece) <= each and (groups[piece] == number).all() for piece in pieces)
        for epoch in (pieces[:rounds], pieces[rounds:]):
            assert sorted(np.concatenate(epoch)) == np.flatnonzero(groups == number).tolist()
    if len(sizes) == 1:
        assert np.array_equal(MixedOrder(groups, batch, seed).at(3)[0], Order(groups, batch, seed).at(3)[0])


def test_a_mixed_step_descends_the_mean_of_its_pieces():
    def square(model, batch, seed):
        return LineLosses(((model(batch) - 2 * batch - 1) ** 2).mean())

    config = CONFIG.model_copy(update={"steps": 1, "mixed": True})
    ours = nn.Linear(1, 1)
    theirs = copy.deepcopy(ours)
    told = train(ours, square, Numbers(), config)[0]
    pieces = MixedOrder(Numbers.groups, config.batch_size, config.seed).at(0)
    losses = [square(theirs, Numbers().read(piece), 0).total for piece in pieces]
    assert len(pieces) == 2 and abs(float(losses[0] - losses[1])) > 1e-3
    (sum(losses) / 2).backward()
    norm = float(torch.stack([p.grad.norm() for p in theirs.parameters() if p.grad is not None]).norm())
    assert told["gradient_norm"] == pytest.approx(norm, rel=1e-5)
    assert told["loss"] == pytest.approx(float(sum(losses).detach()) / 2, rel=1e-5)


def test_of_a_mixed_step_only_the_windows_without_a_finite_loss_are_named():
    lines = train(network(), line, Numbers(bad=frozenset({40})), CONFIG.model_copy(update={"mixed": True}))
    named = [row["skipped_windows"] for row in lines if "skipped_windows" in row]
    assert named and all(40 in windows and min(windows) >= 30 for windows in named)


def test_more_groups_than_windows_in_a_batch_are_refused():
    with pytest.raises(BadInput, match="2 data sets in a batch, got batch_size=1"):
        train(network(), line, Numbers(), CONFIG.model_copy(update={"mixed": True, "batch_size": 1}))


def test_groups_of_one_size_draw_places_of_their_own():
    first, second = MixedOrder(np.repeat([0, 1], 50), 32, 0).at(0)
    assert sorted(first) != sorted(second - 50)


def test_a_killed_run_continues_to_the_same_bits(tmp_path):
    def validate(model):
        return {"loss": float((model(torch.ones(1, 1)) - 3).square())}

    whole = network()
    train(whole, line, Numbers(), CONFIG, tmp_path / "whole", validate)

    class Killed(Exception):
        pass

    def kill_at(step):
        def on_step(now, _):
            if now == step:
                raise Killed

        return on_step

    part = network()
    for stop in (7, 13, 14):
        with pytest.raises(Killed):
            train(part, line, Numbers(), CONFIG, tmp_path / "part", validate, resume=True, on_step=kill_at(stop))
        part = network()
    train(part, line, Numbers(), CONFIG, tmp_path / "part", validate, resume=True)
    for a, b in zip(whole.parameters(), part.parameters(), strict=True):
        assert torch.equal(a, b)
    timeless = [
        [{k: v for k, v in entry.items() if k != "seconds"} for entry in read_log(tmp_path / run)] for run in ("whole", "part")
    ]
    assert timeless[0] == timeless[1]


def test_a_half_written_checkpoint_is_stepped_over(tmp_path):
    train(network(), line, Numbers(), CONFIG, tmp_path)
    folder = tmp_path / "checkpoints"
    newest = checkpoints.committed(folder)[-1]
    (newest / "COMMIT").unlink()
    assert checkpoints.newest(folder)["step"] == 20


def test_other_settings_do_not_resume(tmp_path):
    train(network(), line, Numbers(), CONFIG, tmp_path)
    with pytest.raises(BadInput, match="other settings"):
        train(network(), line, Numbers(), CONFIG.model_copy(update={"seed": 9}), tmp_path, resume=True)


def test_a_nan_batch_is_skipped_and_named():
    model = network()
    lines = train(model, line, Numbers(bad=frozenset({5})), CONFIG)
    skipped = [entry for entry in lines if "skipped_windows" in entry]
    assert skipped and all(5 in entry["skipped_windows"] for entry in skipped)
    assert all(torch.isfinite(p).all() for p in model.parameters())


def test_only_nan_stops_with_one_sentence():
    with pytest.raises(BadInput, match="10 batches in a row"):
        train(network(), line, Numbers(bad=frozenset(range(47))), CONFIG)


def test_the_best_validated_state_is_kept():
    losses = iter([3.0, 1.0, 2.0, 4.0])
    states = []

    def validate(model):
        states.append({k: v.clone() for k, v in model.state_dict().items()})
        return {"loss": next(losses)}

    model = network()
    train(model, line, Numbers(), CONFIG, validate=validate)
    assert all(torch.equal(v, states[1][k]) for k, v in model.state_dict().items())


@dataclass
class Seen:
    """Says of which source a batch is."""

    name: float
    groups = np.zeros(20, int)

    def read(self, ids):
        return torch.full((len(ids), 1), self.name)


def test_a_curriculum_goes_through_its_lessons_and_resumes_within_them(tmp_path):
    lessons = Curriculum([Lesson(Seen(1.0), 2, 5), Lesson(Seen(2.0), 4, 4), Lesson(Seen(3.0), 8, 1000)])

    def run(folder, stop=None):
        seen = []

        def noted(model, batch, seed):
            seen.append((float(batch[0, 0]), len(batch)))
            return line(model, batch, seed)

        def on_step(step, _):
            if step == stop:
                raise KeyboardInterrupt

        model = network()
        try:
            train(model, noted, lessons, CONFIG, tmp_path / folder, resume=True, on_step=on_step)
        except KeyboardInterrupt:
            return seen, None
        return seen, model

    seen, whole = run("whole")
    assert [name for name, _ in seen] == [1.0] * 5 + [2.0] * 4 + [3.0] * 15
    assert {name: size for name, size in seen[:10]} == {1.0: 2, 2.0: 4, 3.0: 8}
    run("part", stop=7)
    rest, part = run("part")
    assert rest == seen[5:]
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), part.parameters(), strict=True))


def test_patience_counts_in_the_last_lesson_only():
    worse = iter(range(100))
    config = CONFIG.model_copy(update={"steps": 40, "validate_every": 2, "patience": 2})
    lessons = Curriculum([Lesson(Numbers(), 8, 20), Lesson(Numbers(), 8, 20)])
    lines = train(network(), line, lessons, config, validate=lambda _: {"loss": float(next(worse))}, validate_start=True)
    assert len(lines) == 24
    assert lines[0]["start_validation_loss"] == 0.0 and "start_validation_loss" not in lines[1]


def test_a_time_limit_ends_training_validated_and_says_so(tmp_path):
    limited = CONFIG.model_copy(update={"limit_s": 1e-9})
    lines = train(network(), line, Numbers(), limited, tmp_path, validate=lambda model: {"loss": 1.0})
    assert len(lines) == 1 and lines[0]["cut_short"] and lines[0]["validation_loss"] == 1.0
    assert lines[0]["lr"] < limited.optimiser.lr / 10, "the schedule follows the time"
    assert not any("cut_short" in told for told in train(network(), line, Numbers(), CONFIG))
    # Time that suffices changes nothing.
    enough = CONFIG.model_copy(update={"limit_s": 3600.0})
    plain, timed = (train(network(), line, Numbers(), config) for config in (CONFIG, enough))
    assert [told["loss"] for told in plain] == [told["loss"] for told in timed]

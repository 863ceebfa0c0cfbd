"""FittedNorm: statistics of training windows of every group, settled once, never those of the batch."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from mindleaf.layers.fitted_norm import FittedNorm, fit_norms
from mindleaf.objectives.losses import Losses
from mindleaf.training.loop import TrainingConfig, train


def test_it_gives_what_a_batch_norm_with_these_statistics_gives_in_evaluation():
    rng = torch.Generator().manual_seed(0)
    ours, theirs = FittedNorm(3), nn.BatchNorm2d(3)
    windows = [3.0 + 2.0 * torch.randn(16, 3, 1, 5, generator=rng) for _ in range(2)]
    fit_norms(ours, [windows], ours)
    theirs.load_state_dict(ours.state_dict())
    torch.testing.assert_close(ours.train()(windows[0]), theirs.eval()(windows[0]))
    everything = ours(torch.cat(windows))
    assert everything.mean().abs() < 1e-5 and abs(float(everything.var(correction=0)) - 1) < 1e-2


def test_a_window_is_told_the_same_alone_and_in_company_in_training_too():
    norm = FittedNorm(4, affine=False).train()
    rows = 5.0 + torch.randn(8, 4)
    fit_norms(norm, [[rows]], norm)
    torch.testing.assert_close(norm(rows)[:1], norm(rows[:1]))


def test_every_group_counts_the_same_however_many_windows_it_has():
    norm = FittedNorm(1, affine=False)
    fit_norms(norm, [[torch.zeros(100, 1)] * 7, [torch.full((2, 1), 4.0)]], norm)
    assert norm.running_mean is not None and norm.running_var is not None
    torch.testing.assert_close(norm.running_mean, torch.tensor([2.0]))
    torch.testing.assert_close(norm.running_var, torch.tensor([4.0]))


def test_a_norm_that_is_fitted_keeps_what_it_has_and_dropout_is_off_while_fitting():
    model = nn.Sequential(nn.Dropout(0.9), FittedNorm(1, affine=False)).train()
    fit_norms(model, [[torch.ones(50, 1), 3 * torch.ones(50, 1)]], model)
    first = copy.deepcopy(model[1].state_dict())
    assert model.training and first["running_mean"] == 2.0
    fit_norms(model, [[torch.full((5, 1), 9.0)]], model)
    assert all(torch.equal(value, first[name]) for name, value in model[1].state_dict().items())


def test_a_left_over_batch_counts_by_its_values_and_one_that_is_not_finite_not_at_all():
    rows = torch.randn(33, 1)
    rows[32] = 50.0
    norm = FittedNorm(1, affine=False)
    fit_norms(norm, [[rows[:32], torch.full((8, 1), torch.nan), rows[32:]]], norm)
    assert norm.running_mean is not None
    torch.testing.assert_close(norm.running_mean, rows.mean(dim=0))


def test_a_norm_that_nobody_settled_takes_the_first_batch_it_meets_in_training_and_no_lone_value():
    norm = FittedNorm(2, affine=False)
    assert torch.equal(norm.eval()(torch.ones(4, 2)), torch.ones(4, 2) / (1 + norm.eps) ** 0.5) and not norm.fitted
    norm.train()(torch.ones(1, 2))
    assert not norm.fitted
    first = norm(torch.tensor([[0.0, 1.0], [4.0, 5.0]]))
    assert norm.fitted and torch.allclose(first, torch.tensor([[-1.0, -1.0], [1.0, 1.0]]), atol=1e-4)
    assert torch.allclose(norm(torch.tensor([[2.0, 3.0]])), torch.zeros(1, 2))


def test_a_model_without_such_a_norm_reads_no_batch():
    def never():
        raise AssertionError("a batch was read")
        yield

    fit_norms(nn.BatchNorm1d(2), [never()], lambda batch: batch)


class Rows:
    """Two groups of rows far apart; the answer is the sign of the second number."""

    groups = np.repeat([0, 1], 40)

    def __init__(self) -> None:
        values = np.random.default_rng(0).standard_normal((80, 2))
        self.rows = torch.tensor(np.stack([values[:, 0] + 50.0 * self.groups, values[:, 1]], axis=1), dtype=torch.float32)

    def read(self, ids):
        return self.rows[torch.from_numpy(np.asarray(ids))]


def mean_square(model, batch, seed):
    loss = (model(batch) - batch[:, 1:].sign()).square().mean()
    return Losses(loss, {"square": loss}, {})


def test_the_loop_fits_them_before_the_first_step_and_a_resumed_run_repeats_an_uninterrupted_one(tmp_path):
    def fresh():
        torch.manual_seed(0)
        return nn.Sequential(FittedNorm(2), nn.Linear(2, 1))

    config = TrainingConfig(steps=12, batch_size=8, checkpoint_every=6, device="cpu")
    whole = fresh()
    wanted = train(whole, mean_square, Rows(), config)
    assert float(whole[0].running_mean[0]) > 20, "the mean of both groups"
    assert float(whole[0].running_var[0]) > 400, "groups that lie apart"

    class Killed(Rows):
        reads = 0

        def read(self, ids):
            self.reads += 1
            if self.reads > 10 + 8:  # ten batches settle the norm, then eight steps
                raise KeyboardInterrupt
            return super().read(ids)

    with pytest.raises(KeyboardInterrupt):
        train(fresh(), mean_square, Killed(), config, tmp_path)
    resumed = fresh()
    lines = train(resumed, mean_square, Rows(), config, tmp_path, resume=True)
    assert [line["step"] for line in lines] == list(range(6, 12))
    assert [line["total"] for line in lines] == [line["total"] for line in wanted[6:]]
    assert all(torch.equal(value, whole.state_dict()[name]) for name, value in resumed.state_dict().items())

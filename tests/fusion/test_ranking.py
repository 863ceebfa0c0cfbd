"""Retrieval: two towers choose a shortlist, the full fusion orders it."""

import pytest
import torch

from mindleaf.fusion.dual_tower import DualTower
from mindleaf.fusion.ranking import rank
from tests.fusion.fusions import KINDS, awake, fresh, items

TYPES = torch.arange(30) % 5


@pytest.mark.parametrize(("name", "form"), KINDS)
def test_with_everything_on_the_shortlist_it_is_the_full_ranking(name, form):
    fusion = awake(fresh(name, form))
    eeg, audio, present = items(form, columns=30)
    full = fusion.all_pairs(eeg, audio, TYPES, present)
    for top_k in (30, 99):
        ranking = rank(fusion, eeg, audio, top_k, TYPES, present)
        torch.testing.assert_close(full.gather(1, ranking.order), ranking.scores, atol=1e-6, rtol=1e-5)
        assert (ranking.scores.diff(dim=1) <= 0).all()
        assert torch.equal(ranking.order.sort(dim=1).values, torch.arange(30).expand(6, 30))


@pytest.mark.parametrize(("name", "form"), KINDS)
def test_the_shortlist_is_the_towers_and_its_order_the_fusions(name, form):
    fusion = awake(fresh(name, form))
    eeg, audio, present = items(form, columns=30)
    full, ranking = fusion.all_pairs(eeg, audio, TYPES, present), rank(fusion, eeg, audio, 8, TYPES, present)
    assert ranking.scores.shape == (6, 8)
    torch.testing.assert_close(full.gather(1, ranking.order[:, :8]), ranking.scores, atol=1e-6, rtol=1e-5)
    assert (ranking.scores.diff(dim=1) <= 0).all()
    assert torch.equal(ranking.order.sort(dim=1).values, torch.arange(30).expand(6, 30))
    if form != "tokens":
        towers = DualTower(form).all_pairs(eeg, audio).argsort(dim=1, descending=True)
        assert torch.equal(ranking.order[:, 8:], towers[:, 8:])
        assert torch.equal(ranking.order[:, :8].sort(dim=1).values, towers[:, :8].sort(dim=1).values)
